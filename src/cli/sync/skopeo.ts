/** skopeo's file (skopeo-sync(1), "YAML file content"): registries with their repositories. The target stands on the command line. */
import * as v from "valibot";
import { UsageError } from "../error.ts";
import { parseRegistryImage } from "../image/reference.ts";
import type { RegistryCredentials } from "../remote/credentials.ts";
import type { Job, Place, SyncFile, Tags } from "./job.ts";
import { regexp, versions } from "./patterns.ts";

const patterns = v.nullish(v.record(v.string(), v.string()), {});
const Credentials = v.strictObject({ username: v.string(), password: v.string() });
const Registry = v.strictObject({
  "tls-verify": v.nullish(
    v.literal(
      true,
      "certificates are always checked: name a CA by NODE_EXTRA_CA_CERTS, or write http://HOST",
    ),
  ),
  credentials: v.nullish(Credentials),
  images: v.nullish(v.record(v.string(), v.nullish(v.array(v.string()), [])), {}),
  "images-by-tag-regex": patterns,
  "images-by-semver": patterns,
});

export const Skopeo = v.record(v.string(), Registry);
/** All keys, wherever they stand. */
export const SKOPEO_KEYS = [Registry, Credentials].flatMap(({ entries }) => Object.keys(entries));
export type Skopeo = v.InferOutput<typeof Skopeo>;

/** @param isScoped whether the target keeps the source's host and path, or only the last part of its name */
export function fromSkopeo(file: Skopeo, target: string, isScoped: boolean): SyncFile {
  const credentials = new Map<string, RegistryCredentials>();
  const jobs: Job[] = [];
  const places = new Map<string, string>();
  for (const [host, registry] of Object.entries(file)) {
    const all: (readonly [repository: string, tags: Tags])[] = [
      ...Object.entries(registry.images).map(([name, named]) => [name, tagsOf(named)] as const),
      ...Object.entries(registry["images-by-tag-regex"]).map(([name, text]) => {
        const pattern = regexp(text, false);
        return [name, { kind: "matching", takes: (tag: string) => pattern.test(tag) }] as const;
      }),
      ...Object.entries(registry["images-by-semver"]).map(
        ([name, range]) => [name, { kind: "matching", takes: versions(range) }] as const,
      ),
    ];
    for (const [name, tags] of all) {
      const source = placeOf(`${host}/${name}`);
      const to = targetOf(target, { host, name, isScoped });
      const place = `${to.registry}/${to.repository}`;
      const other = places.get(place);
      if (other !== undefined && other !== `${host}/${name}`) {
        throw new UsageError(
          `${other} and ${host}/${name} would both go to ${place}`,
          "Give --scoped",
        );
      }
      places.set(place, `${host}/${name}`);
      jobs.push({ source, target: to, tags, targetTag: null, platforms: [], referrers: false });
      const { credentials: given } = registry;
      if (given != null) {
        credentials.set(source.registry, { user: given.username, password: given.password });
      }
    }
  }
  return { jobs, credentials, warnings: [] };
}

function tagsOf(named: readonly string[]): Tags {
  if (named.length === 0) return { kind: "matching", takes: () => true };
  return { kind: "named", references: named };
}

function targetOf(
  target: string,
  { host, name, isScoped }: { host: string; name: string; isScoped: boolean },
): Place {
  const bare = host.replace(/^https?:\/\//, "").replace(":", "-");
  const path = isScoped ? `${bare}/${name}` : (name.split("/").at(-1) ?? name);
  return placeOf(`${target.replace(/\/+$/, "")}/${path}`);
}

function placeOf(name: string): Place {
  const { registry, repository } = parseRegistryImage(name);
  return { registry, repository };
}
