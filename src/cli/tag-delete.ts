/** `slipway tag delete`: one tag, or several with one request for each hundred of a repository. */
import type { Command } from "commander";
import type { Api } from "./api.ts";
import { connect } from "./connection.ts";
import { confirmDestruction, fromTrash, undoText, type YesOption } from "./destroy.ts";
import { CliError } from "./error.ts";
import { Output } from "./output.ts";
import { repositoryPath } from "./repository-path.ts";
import type { TagName } from "./tag.ts";
import type { Deletions } from "../trash/schema.ts";

/** The most that one request deletes. */
const MAX_AT_ONCE = 100;

interface Refused {
  readonly name: string;
  readonly code: string;
  readonly detail: string;
}

export async function deleteTags(
  names: readonly TagName[],
  options: YesOption,
  command: Command,
): Promise<void> {
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) await deleteTag(only, options, command);
  else await deleteSeveral(names, options, command);
}

/** One tag is the OCI API's to delete. */
async function deleteTag(tagName: TagName, options: YesOption, command: Command): Promise<void> {
  const { repository, tag } = tagName;
  const name = nameOf(tagName);
  const api = await connect(command);
  const undo = await fromTrash(api, `slipway trash restore ${name}`);
  const destruction = { action: `delete the tag ${name}`, undo };
  await confirmDestruction(destruction, options, command);
  const response = await api.request("DELETE", `/v2/${repository}/manifests/${tag}`);
  await response.body?.cancel();
  const text = `Tag ${name} was deleted; the manifest stays. ${undoText(destruction)}`;
  new Output(command).answer({ deleted: "tag", name }, text);
}

/** What must stay keeps nothing else from going. @throws CliError that names it, after all others are deleted */
async function deleteSeveral(
  names: readonly TagName[],
  options: YesOption,
  command: Command,
): Promise<void> {
  const api = await connect(command);
  const all = names.map(nameOf);
  const undo = await fromTrash(api, `slipway trash restore ${all[0]}`);
  await confirmDestruction({ action: `delete the tags ${all.join(", ")}`, undo }, options, command);
  const deleted: string[] = [];
  const refused: Refused[] = [];
  for (const [repository, own] of Map.groupBy(names, (name) => name.repository)) {
    const tags = [...new Set(own.map(({ tag }) => tag))];
    for (let at = 0; at < tags.length; at += MAX_AT_ONCE) {
      const items = await ask(api, repository, tags.slice(at, at + MAX_AT_ONCE));
      for (const { tag, refused: why } of items) {
        const name = `${repository}:${tag}`;
        if (why === null) deleted.push(name);
        else refused.push({ name, ...why });
      }
    }
  }
  const total = deleted.length + refused.length;
  const way = undo && { ...undo, command: `slipway trash restore ${deleted[0]}` };
  const text = `${deleted.length} of ${total} tags were deleted; their manifests stay.`;
  const back = deleted.length === 0 ? "" : ` ${undoText({ undo: way })}`;
  new Output(command).answer({ deleted: "tags", names: deleted, refused }, text + back);
  const [first] = refused;
  if (first === undefined) return;
  const reasons = refused.map(({ name, detail }) => `${name}: ${detail}`).join("; ");
  throw new CliError(`${refused.length} were not deleted: ${reasons}`, { code: first.code });
}

async function ask(
  api: Api,
  repository: string,
  tags: readonly string[],
): Promise<Deletions["items"]> {
  const path = `${repositoryPath(repository)}/-/delete`;
  return (await api.send<Deletions>("POST", path, { tags })).items;
}

function nameOf({ repository, tag }: TagName): string {
  return `${repository}:${tag}`;
}
