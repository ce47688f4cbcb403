import { type Command, InvalidArgumentError } from "commander";
import { isRepositoryName, isTag } from "../oci/reference.ts";
import { connect } from "./connection.ts";
import { bytes, type Columns, Output, time } from "./output.ts";
import { repositoryPath } from "./repository-path.ts";

interface Tag {
  readonly name: string;
  readonly digest: string;
  readonly size: number;
  readonly platforms: readonly string[];
  readonly updatedAt: string;
}

interface TagName {
  readonly repository: string;
  readonly tag: string;
}

const COLUMNS: Columns<Tag> = {
  TAG: ({ name }) => name,
  SIZE: ({ size }) => bytes(size),
  PLATFORMS: ({ platforms }) => platforms.join(","),
  "UPDATED (UTC)": ({ updatedAt }) => time(updatedAt),
  DIGEST: ({ digest }) => digest,
};

export function addTagCommands(program: Command): void {
  const tag = program.command("tag").description("The tags of a repository.");
  tag
    .command("list")
    .description("Its tags, with what they name.")
    .argument("<repository>")
    .action(listTags);
  tag
    .command("delete")
    .description("Delete a tag; what it names stays.")
    .argument("<name>", "as acme/app:v1", parseTagName)
    .action(deleteTag);
}

async function listTags(repository: string, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const items = api.list<Tag>(`${repositoryPath(repository)}/-/tags`);
  const none = `${repository} has no tags.`;
  await new Output(command).list({ items, columns: COLUMNS, none });
}

/** Tags are the OCI API's to delete. */
async function deleteTag({ repository, tag }: TagName, _options: object, command: Command) {
  const api = await connect(command);
  const response = await api.request("DELETE", `/v2/${repository}/manifests/${tag}`);
  await response.body?.cancel();
  new Output(command).done(`Tag ${repository}:${tag} was deleted.`);
}

export function parseTagName(text: string): TagName {
  const [repository = "", tag = "", ...more] = text.split(":");
  if (isRepositoryName(repository) && isTag(tag) && more.length === 0) return { repository, tag };
  throw new InvalidArgumentError("A tag is written REPOSITORY:TAG, as acme/app:v1.");
}
