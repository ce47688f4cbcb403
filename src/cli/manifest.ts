import type { Command } from "commander";
import type { Api } from "./api.ts";
import { connect } from "./connection.ts";
import { confirmDestruction, fromTrash, undoText, yesOption, type YesOption } from "./destroy.ts";
import { wholeDigest } from "./digest-prefix.ts";
import { kindOf } from "./kind.ts";
import {
  type Columns,
  digestColumn,
  Output,
  platformsColumn,
  size,
  sizeColumn,
  timeColumn,
  timeUtc,
} from "./output.ts";
import { repositoryPath } from "./repository-path.ts";
import { copyable } from "./sentence.ts";
import { type Target, parseTarget } from "./thing.ts";
import type { Manifest } from "../api/schema/contents.ts";

const COLUMNS: Columns<Manifest> = {
  DIGEST: digestColumn(({ digest }) => digest),
  TYPE: { value: kindOf, isFixed: true },
  "MEDIA TYPE": {
    value: ({ artifactType, mediaType }) => artifactType ?? mediaType,
    isDetail: true,
  },
  SIZE: sizeColumn(),
  PLATFORMS: platformsColumn(),
  "PUSHED (UTC)": timeColumn("PUSHED", ({ createdAt }) => createdAt),
  TAGS: ({ tags }) => tags.join(","),
};

export function addManifestCommands(program: Command): void {
  const manifest = program
    .command("manifest")
    .description("Manifests: the images, indexes and artifacts of a repository.");
  manifest
    .command("list")
    .description("List the manifests of a repository, also those without a tag.")
    .argument("<repository>")
    .action(listManifests);
  const remove = manifest
    .command("delete")
    .description("Delete a manifest with the tags that point to it.")
    .argument("<name>", "such as acme/app@sha256:1a2b3c4d5e6f", parseTarget);
  yesOption(remove).action(deleteManifest);
}

async function listManifests(repository: string, _options: object, command: Command) {
  const api = await connect(command);
  const items = api.list<Manifest>(`${repositoryPath(repository)}/-/manifests`);
  const none = `${repository} has no manifests.`;
  await new Output(command).list({ items, columns: COLUMNS, none });
}

export function readManifest(api: Api, repository: string, digest: string): Promise<Manifest> {
  return api.get<Manifest>(`${repositoryPath(repository)}/-/manifests/${digest}`);
}

/** A manifest as a list of details. */
export function summaryOf(manifest: Manifest): Record<string, string> {
  const { digest, artifactType, mediaType, platforms, subject, tags, createdAt } = manifest;
  return {
    digest,
    type: `${kindOf(manifest)} (${artifactType ?? mediaType})`,
    size: size(manifest.size),
    platforms: platforms.join(", "),
    "belongs to": subject ?? "",
    tags: tags.join(", "),
    pushed: timeUtc(createdAt),
  };
}

async function deleteManifest(
  { repository, digest: given }: Target,
  options: YesOption,
  command: Command,
): Promise<void> {
  if (given === undefined) {
    return command.error(
      `which manifest? Write REPOSITORY@DIGEST; ${copyable("slipway tag delete")} deletes a tag alone`,
    );
  }
  const api = await connect(command);
  const digest = await wholeDigest(api, repository, given);
  const name = `${repository}@${digest}`;
  const { tags } = await readManifest(api, repository, digest);
  const named = tags.length === 0 ? "" : `, and with it the tags ${tags.join(", ")}`;
  const destruction = {
    action: `delete the manifest ${name}${named}`,
    undo: await fromTrash(api, `slipway trash restore ${name}`),
  };
  await confirmDestruction(destruction, options, command);
  const response = await api.request("DELETE", `/v2/${repository}/manifests/${digest}`);
  await response.body?.cancel();
  const text = `Manifest ${name} was deleted${named}. ${undoText(destruction)}`;
  new Output(command).answer({ deleted: "manifest", name, tags }, text);
}
