import { type Command, InvalidArgumentError } from "commander";
import type { Api } from "./api.ts";
import { connect } from "./connection.ts";
import { confirmDestruction, yesOption, type YesOption } from "./destroy.ts";
import { anyDigest, isDigestOrPrefix, pastDigest, trashedDigest } from "./digest-prefix.ts";
import { CliError } from "./error.ts";
import { listDeletedManifests, listDeletedRepositories } from "./history.ts";
import { Output } from "./output.ts";
import { repositoryPath } from "./repository-path.ts";
import { parseTarget, type Target } from "./thing.ts";
import type { Purged, Restored } from "../trash/schema.ts";

interface RestoreOptions {
  readonly digest?: string;
  readonly id?: string;
}

interface PurgeOptions extends YesOption {
  readonly id?: string;
}

export function addTrashCommands(program: Command): void {
  const trash = program
    .command("trash")
    .description("Trash: what was deleted can be restored for some days, or purged.");
  trash
    .command("list")
    .description("List the deleted repositories, or the deleted manifests of one repository.")
    .argument(
      "[name]",
      "a repository, such as acme/app, or a namespace, such as acme (default: all)",
    )
    .option("--repository", "a name without a slash is a repository's")
    .action(listTrash);
  trash
    .command("restore")
    .description("Restore what was deleted, or point a tag to what it pointed to before.")
    .argument(
      "<name>",
      "such as acme/app:v1, acme/app@sha256:1a2b3c4d5e6f or acme/app",
      parseTarget,
    )
    .option(
      "--digest <digest>",
      "what the tag is to point to: a digest of slipway tag history",
      parseDigestOption,
    )
    .option("--id <id>", "which repository of that name: an id of slipway trash list")
    .action(restore);
  const remove = trash
    .command("purge")
    .description("Delete for good, from the trash or before it gets there.")
    .argument(
      "<name>",
      "such as acme/app:v1, acme/app@sha256:1a2b3c4d5e6f or acme/app",
      parseTarget,
    )
    .option("--id <id>", "which deleted repository of that name: an id of slipway trash list");
  yesOption(remove).action(purge);
}

function parseDigestOption(text: string): string {
  if (isDigestOrPrefix(text)) return text;
  throw new InvalidArgumentError("Write a digest, such as sha256:1a2b3c4d5e6f.");
}

async function listTrash(
  name: string | undefined,
  options: { readonly repository?: true },
  command: Command,
): Promise<void> {
  const isRepository = name !== undefined && (options.repository === true || name.includes("/"));
  if (isRepository) await listDeletedManifests(name, command);
  else await listDeletedRepositories(name, command);
}

async function restore(target: Target, options: RestoreOptions, command: Command): Promise<void> {
  const { repository, tag, digest } = target;
  const isRepository = tag === undefined && digest === undefined;
  if (options.digest !== undefined && tag === undefined) {
    command.error("--digest says what a tag is to name: name the tag, such as acme/app:v1");
  }
  if (options.id !== undefined && !isRepository) {
    command.error("--id is of a repository: name it alone, such as acme/app");
  }
  const api = await connect(command);
  const body = isRepository
    ? { repository: options.id ?? "newest" }
    : await bodyOf(api, target, options);
  const path = `${repositoryPath(repository)}/-/restore`;
  const restored = await api.send<Restored>("POST", path, body);
  new Output(command).answer(restored, sayRestored(target, restored));
}

async function bodyOf(
  api: Api,
  { repository, tag, digest }: Target,
  options: RestoreOptions,
): Promise<object> {
  if (tag === undefined) return { digest: await trashedDigest(api, repository, digest ?? "") };
  if (options.digest === undefined) return { tag };
  return { tag, digest: await pastDigest(api, { repository, tag }, options.digest) };
}

/** Says in a sentence what was restored. */
export function sayRestored(target: Target, restored: Restored): string {
  const { repository, tag } = target;
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

async function purge(given: Target, options: PurgeOptions, command: Command): Promise<void> {
  const { repository, tag } = given;
  if (options.id !== undefined && (tag ?? given.digest) !== undefined) {
    command.error("--id is of a repository: name it alone, such as acme/app");
  }
  const api = await connect(command);
  const target =
    given.digest === undefined
      ? given
      : { repository, digest: await anyDigest(api, repository, given.digest) };
  const { body, action } = await purgeOf(api, target, options);
  await confirmDestruction({ action, undo: null }, options, command);
  const path = `${repositoryPath(repository)}/-/purge`;
  const purged = await api.send<Purged>("POST", path, body);
  new Output(command).answer(purged, sayPurged(target, purged));
}

async function purgeOf(
  api: Api,
  { repository, tag, digest }: Target,
  { id }: PurgeOptions,
): Promise<{ readonly body: object; readonly action: string }> {
  if (tag !== undefined) {
    const action = `purge the tag ${repository}:${tag} and the history of what it pointed to`;
    return { body: { tag }, action };
  }
  if (digest !== undefined) {
    const action = `purge ${repository}@${digest}, its tags, and the blobs that only it names`;
    return { body: { digest }, action };
  }
  if (id === undefined && (await isThere(api, repository))) {
    const action = `purge the repository ${repository} with everything in it`;
    return { body: { repository: "live" }, action };
  }
  const which = id === undefined ? "" : ` (${id})`;
  const action = `purge the deleted repository ${repository}${which} with everything in it`;
  return { body: { repository: id ?? "newest" }, action };
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

/** Says in a sentence what was purged. */
export function sayPurged({ repository, tag, digest }: Target, purged: Purged): string {
  if (tag !== undefined) {
    return `Tag ${repository}:${tag} and its history were purged; the manifests stay.`;
  }
  if (digest === undefined) {
    return `Repository ${repository} was purged; what was in it goes with the next garbage collections.`;
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
