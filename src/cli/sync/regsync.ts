/** regsync's file: `sync` lists images, repositories or registries with their targets. */
import { readFile } from "node:fs/promises";
import * as v from "valibot";
import { CliError } from "../error.ts";
import { reasonOf } from "../file.ts";
import { parseRegistryImage } from "../image/reference.ts";
import type { RegistryCredentials } from "../remote/credentials.ts";
import type { Job, Place, RegistryJob, SyncFile } from "./job.ts";
import { rule, versions } from "./patterns.ts";

const strings = v.nullish(v.array(v.string()), []);
const Rule = v.strictObject({ allow: strings, deny: strings });
const TagRule = v.strictObject({ allow: strings, deny: strings, semverRange: strings });

/** What changes how fast or how often it runs, and not what is copied: it is read, and told to have no effect. */
const Timing = {
  parallel: v.optional(v.unknown()),
  interval: v.optional(v.unknown()),
  schedule: v.optional(v.unknown()),
  ratelimit: v.optional(v.unknown()),
  fastCheck: v.optional(v.unknown()),
  forceRecursive: v.optional(v.unknown()),
  userAgent: v.optional(v.unknown()),
  cacheCount: v.optional(v.unknown()),
  cacheTime: v.optional(v.unknown()),
  blobLimit: v.optional(v.unknown()),
};
const Common = {
  ...Timing,
  digestTags: v.nullish(v.boolean()),
  referrers: v.nullish(v.boolean()),
};

const Creds = v.strictObject({
  registry: v.string(),
  user: v.nullish(v.string(), ""),
  pass: v.nullish(v.string(), ""),
  tls: v.nullish(v.picklist(["enabled", "disabled"]), "enabled"),
  reqPerSec: v.optional(v.unknown()),
  reqConcurrent: v.optional(v.unknown()),
  repoAuth: v.optional(v.unknown()),
});

const Entry = v.strictObject({
  ...Common,
  source: v.string(),
  target: v.string(),
  type: v.picklist(["image", "repository", "registry"]),
  tags: v.nullish(TagRule),
  repos: v.nullish(Rule),
  platform: v.nullish(v.string()),
  platforms: strings,
});
type Entry = v.InferOutput<typeof Entry>;

export const Regsync = v.strictObject({
  version: v.nullish(v.literal(1)),
  creds: v.nullish(v.array(Creds), []),
  defaults: v.nullish(v.strictObject(Common), {}),
  sync: v.array(Entry),
});
/** All keys, wherever they stand. */
export const REGSYNC_KEYS = [Regsync, Entry, Creds, TagRule].flatMap(({ entries }) =>
  Object.keys(entries),
);
export type Regsync = v.InferOutput<typeof Regsync>;

export async function fromRegsync({ creds, defaults, sync }: Regsync): Promise<SyncFile> {
  const plain = new Set(creds.filter(({ tls }) => tls === "disabled").map((one) => one.registry));
  const credentials = new Map<string, RegistryCredentials>();
  for (const { registry, user, pass } of creds) {
    if (user === "") continue;
    const filled = { user: await fill(user), password: await fill(pass) };
    credentials.set(originOf(registry, plain), filled);
  }
  const jobs = sync.map((entry) => jobOf(entry, { defaults, plain }));
  const warnings = [...timingOf(defaults), ...sync.flatMap(timingOf), ...creds.flatMap(unused)];
  return { jobs, credentials, warnings: [...new Set(warnings)] };
}

interface Around {
  readonly defaults: Regsync["defaults"];
  /** The registries that are reached by http. */
  readonly plain: ReadonlySet<string>;
}

function jobOf(entry: Entry, { defaults, plain }: Around): Job | RegistryJob {
  const { source, target, type, tags, repos, platform, platforms } = entry;
  const common = {
    platforms: [...(platform == null ? [] : [platform]), ...platforms],
    referrers: [
      entry.referrers,
      entry.digestTags,
      defaults.referrers,
      defaults.digestTags,
    ].includes(true),
  };
  const inRange = (tags?.semverRange ?? []).map(versions);
  const takes = rule(tags?.allow ?? [], tags?.deny ?? []);
  const matching = {
    kind: "matching",
    takes: (tag: string) => takes(tag) && (inRange.length === 0 || inRange.some((one) => one(tag))),
  } as const;
  if (type === "registry") {
    return {
      ...common,
      registry: originOf(source, plain),
      takesRepository: rule(repos?.allow ?? [], repos?.deny ?? []),
      targetOf: (name) => placeOf(`${target}/${name}`, plain),
      tags: matching,
      targetTag: null,
    };
  }
  const from = parseRegistryImage(withScheme(source, plain));
  const to = parseRegistryImage(withScheme(target, plain));
  if (type === "repository")
    return { ...common, source: from, target: to, tags: matching, targetTag: null };
  const reference = from.digest ?? from.tag ?? "latest";
  return {
    ...common,
    source: from,
    target: to,
    tags: { kind: "named", references: [reference] },
    targetTag: to.tag ?? (from.digest === null ? null : from.tag),
  };
}

function placeOf(name: string, plain: ReadonlySet<string>): Place {
  const { registry, repository } = parseRegistryImage(withScheme(name, plain));
  return { registry, repository };
}

function originOf(host: string, plain: ReadonlySet<string>): string {
  // Docker Hub's API has another name; a repository there leads to it.
  return parseRegistryImage(withScheme(`${host}/any/name`, plain)).registry;
}

function withScheme(name: string, plain: ReadonlySet<string>): string {
  const [host = ""] = name.split("/");
  return plain.has(host) ? `http://${name}` : name;
}

/** regsync fills in `{{env "NAME"}}` and `{{file "/path"}}`. */
async function fill(text: string): Promise<string> {
  const [, kind, name = ""] = /^\s*\{\{\s*(env|file)\s+"([^"]*)"\s*\}\}\s*$/.exec(text) ?? [];
  if (kind === "env") {
    const value = process.env[name];
    if (value === undefined)
      throw new CliError(`the environment has no ${name}, which the sync file names`);
    return value;
  }
  if (kind === "file") {
    try {
      return (await readFile(name, "utf8")).trim();
    } catch (error) {
      throw new CliError(`cannot read ${name}: ${reasonOf(error)}`, { cause: error });
    }
  }
  if (!text.includes("{{")) return text;
  throw new CliError('of templates only {{env "NAME"}} and {{file "/path"}} are filled in', {
    code: "USAGE",
  });
}

function timingOf(entry: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(Timing).filter((key) => entry[key] !== undefined);
}

function unused(creds: v.InferOutput<typeof Creds>): string[] {
  return ["reqPerSec", "reqConcurrent", "repoAuth"].filter((key) => key in creds);
}
