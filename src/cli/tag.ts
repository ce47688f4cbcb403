import { type Command, InvalidArgumentError, Option } from "commander";
import type { Api } from "./api.ts";
import { isRepositoryName, isTag } from "../oci/reference.ts";
import { connect } from "./connection.ts";
import { yesOption } from "./destroy.ts";
import { listHistory } from "./history.ts";
import { kindOf } from "./kind.ts";
import { readManifest, summaryOf } from "./manifest.ts";
import {
  type Columns,
  digestColumn,
  Output,
  platformsColumn,
  sizeColumn,
  timeColumn,
} from "./output.ts";
import { repositoryPath } from "./repository-path.ts";
import { deleteTags } from "./tag-delete.ts";
import { parseTarget } from "./thing.ts";
import type { Manifest, Tag } from "../api/schema/contents.ts";

export interface TagName {
  readonly repository: string;
  readonly tag: string;
}

const COLUMNS: Columns<Tag> = {
  TAG: ({ name }) => name,
  TYPE: { value: ({ name, ...tag }) => kindOf({ ...tag, tags: [name] }), isFixed: true },
  SIZE: sizeColumn(),
  PLATFORMS: platformsColumn(),
  "UPDATED (UTC)": timeColumn("UPDATED", ({ updatedAt }) => updatedAt),
  DIGEST: digestColumn(({ digest }) => digest),
};

export function addTagCommands(program: Command): void {
  const tag = program.command("tag").description("Tags: names of manifests in a repository.");
  tag
    .command("list")
    .description("List the tags of a repository.")
    .argument("<repository>")
    .addOption(
      new Option("--sort <order>", "by name, or what is highest, last or most first")
        .choices(["name", "version", "updated", "size", "pulls"])
        .default("name"),
    )
    .option("--filter <text>", "only those with this in their names")
    .action(listTags);
  tag
    .command("show")
    .description("Show what a tag points to. slipway inspect shows what is in that.")
    .argument("<name>", "such as acme/app:v1", parseTagName)
    .action(showTag);
  tag
    .command("history")
    .description("Show what a tag, or all tags of a repository, pointed to before.")
    .argument("<name>", "such as acme/app or acme/app:v1", parseTarget)
    .action(listHistory);
  const remove = tag
    .command("delete")
    .description("Delete tags; their manifests stay.")
    .argument("<name...>", "such as acme/app:v1", parseTagNames);
  yesOption(remove).action(deleteTags);
}

async function listTags(
  repository: string,
  { sort, filter }: { readonly sort: string; readonly filter?: string },
  command: Command,
): Promise<void> {
  const api = await connect(command);
  const order = sort === "name" ? "asc" : "desc";
  const items = api.list<Tag>(`${repositoryPath(repository)}/-/tags`, { sort, order, filter });
  const none =
    filter === undefined
      ? `${repository} has no tags.`
      : `${repository} has no tags with "${filter}" in their names.`;
  await new Output(command).list({ items, columns: COLUMNS, none });
}

async function showTag(name: TagName, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const manifest = await manifestOfTag(api, name);
  const output = new Output(command);
  const { repository, tag } = name;
  const summary = output.details({ tag: `${repository}:${tag}`, ...summaryOf(manifest) });
  output.answer({ tag, repository, ...manifest }, summary);
}

/** The API has no single tag; the OCI API says what it names, and a HEAD request is no pull. */
async function manifestOfTag(api: Api, { repository, tag }: TagName): Promise<Manifest> {
  const found = await api.request("HEAD", `/v2/${repository}/manifests/${tag}`);
  return readManifest(api, repository, found.headers.get("docker-content-digest") ?? "");
}

export function parseTagName(text: string): TagName {
  const [repository = "", tag = "", ...more] = text.split(":");
  if (isRepositoryName(repository) && isTag(tag) && more.length === 0) return { repository, tag };
  throw new InvalidArgumentError("Write a tag as REPOSITORY:TAG, such as acme/app:v1.");
}

function parseTagNames(text: string, before: readonly TagName[] = []): readonly TagName[] {
  return [...before, parseTagName(text)];
}
