import type { Command } from "commander";
import type { Api } from "./api.ts";
import { connect } from "./connection.ts";
import { CliError } from "./error.ts";
import { Output } from "./output.ts";
import { canAsk, confirm } from "./prompt.ts";
import { repositoryPath } from "./repository-path.ts";
import { parseThing, type Thing } from "./thing.ts";

interface Restored {
  readonly digest: string | null;
  readonly replaced: string | null;
  readonly tags: readonly string[];
  readonly manifests: readonly string[];
}

interface Purged {
  readonly tags: readonly string[];
  readonly blobs: number;
  readonly sharedBlobs: number;
}

interface RestoreOptions {
  readonly digest?: string;
  readonly id?: string;
}

interface PurgeOptions {
  readonly id?: string;
  readonly yes?: true;
}

export function addUndoCommands(program: Command): void {
  program
    .command("restore")
    .description("Bring back what was deleted, or point a tag to what it pointed to before.")
    .argument("<name>", "as acme/app:v1, acme/app@sha256:… or acme/app", parseThing)
    .option("--digest <digest>", "of a tag: what it is to point to, of slipway history")
    .option("--id <id>", "of a repository: which of those of that name, of slipway repo deleted")
    .action(restore);
  program
    .command("purge")
    .description("Delete for good, whether it was deleted before or not: it cannot be undone.")
    .argument("<name>", "as acme/app:v1, acme/app@sha256:… or acme/app", parseThing)
    .option("--id <id>", "of a deleted repository: which one, of slipway repo deleted")
    .option("-y, --yes", "do not ask")
    .action(purge);
}

async function restore(thing: Thing, options: RestoreOptions, command: Command): Promise<void> {
  const { repository, tag, digest } = thing;
  const isRepository = tag === undefined && digest === undefined;
  if (options.digest !== undefined && tag === undefined) {
    command.error("slipway: --digest says where a tag is to point: name the tag, as acme/app:v1");
  }
  if (options.id !== undefined && !isRepository) {
    command.error("slipway: --id is of a repository: name it alone, as acme/app");
  }
  const body = isRepository
    ? { repository: options.id ?? "newest" }
    : { ...(tag === undefined ? {} : { tag }), ...defined(options.digest ?? digest) };
  const api = await connect(command);
  const path = `${repositoryPath(repository)}/-/restore`;
  const restored = await api.send<Restored>("POST", path, body);
  new Output(command).answer(restored, sayRestored(thing, restored));
}

function defined(digest: string | undefined): { digest?: string } {
  return digest === undefined ? {} : { digest };
}

/** What was restored, in a sentence. */
export function sayRestored(thing: Thing, restored: Restored): string {
  const { repository, tag } = thing;
  const { digest, replaced, tags, manifests } = restored;
  if (digest === null) return `Repository ${repository} was restored with everything in it.`;
  if (tag !== undefined) {
    const name = `Tag ${repository}:${tag}`;
    if (tags.length === 0) return `${name} points to ${digest} already; nothing was changed.`;
    const from = replaced === null ? "" : `, instead of ${replaced}`;
    const others =
      manifests.length === 0 ? "" : `; ${count(manifests.length, "manifest")} came back`;
    return `${name} points to ${digest} again${from}${others}.`;
  }
  if (manifests.length === 0) {
    return `Manifest ${repository}@${digest} is not deleted; nothing was changed.`;
  }
  const others = [
    manifests.length === 1 ? [] : count(manifests.length - 1, "other manifest"),
    tags.length === 0 ? [] : named(tags),
  ].flat();
  const company = others.length === 0 ? "" : `, with ${others.join(" and ")}`;
  return `Manifest ${repository}@${digest} was restored${company}.`;
}

async function purge(thing: Thing, options: PurgeOptions, command: Command): Promise<void> {
  const { repository, tag, digest } = thing;
  if (options.id !== undefined && (tag ?? digest) !== undefined) {
    command.error("slipway: --id is of a repository: name it alone, as acme/app");
  }
  if (options.yes !== true && !canAsk()) {
    command.error(`slipway: there is nobody to ask: add --yes to purge what cannot be restored`);
  }
  const api = await connect(command);
  const { body, question } = await purgeOf(api, thing, options);
  if (options.yes !== true && !(await confirm(`${question} It cannot be undone.`))) {
    throw new CliError("nothing was purged");
  }
  const path = `${repositoryPath(repository)}/-/purge`;
  const purged = await api.send<Purged>("POST", path, body);
  new Output(command).answer(purged, sayPurged(thing, purged));
}

async function purgeOf(
  api: Api,
  { repository, tag, digest }: Thing,
  { id }: PurgeOptions,
): Promise<{ readonly body: object; readonly question: string }> {
  if (tag !== undefined) {
    const question = `Purge the tag ${repository}:${tag} and the history of what it pointed to?`;
    return { body: { tag }, question };
  }
  if (digest !== undefined) {
    const question = `Purge ${repository}@${digest}, its tags, and the blobs that only it names?`;
    return { body: { digest }, question };
  }
  if (id === undefined && (await isThere(api, repository))) {
    const question = `Purge the repository ${repository} with everything in it?`;
    return { body: { repository: "live" }, question };
  }
  const which = id === undefined ? "" : ` (${id})`;
  const question = `Purge the deleted repository ${repository}${which} with everything in it?`;
  return { body: { repository: id ?? "newest" }, question };
}

async function isThere(api: Api, repository: string): Promise<boolean> {
  try {
    await api.get(repositoryPath(repository));
    return true;
  } catch (error) {
    if (error instanceof CliError && error.status === 404) return false;
    throw error;
  }
}

/** What was purged, in a sentence. */
export function sayPurged({ repository, tag, digest }: Thing, purged: Purged): string {
  if (tag !== undefined) {
    return `Tag ${repository}:${tag} and its history were purged; the manifests stay.`;
  }
  if (digest === undefined) {
    return `Repository ${repository} was purged; what was in it goes with the next collections.`;
  }
  const { tags, blobs, sharedBlobs } = purged;
  const company = [
    tags.length === 0 ? [] : named(tags),
    blobs === 0 ? [] : count(blobs, "blob"),
  ].flat();
  const gone = company.length === 0 ? "" : `, with ${company.join(" and ")}`;
  const stays =
    sharedBlobs === 0
      ? ""
      : ` Other manifests of ${repository} name ${count(sharedBlobs, "more blob")}, which can still be pulled.`;
  return `Manifest ${repository}@${digest} was purged${gone}.${stays}`;
}

function named(tags: readonly string[]): string {
  return `the tag${tags.length === 1 ? "" : "s"} ${tags.join(", ")}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
