import { type Command, InvalidArgumentError } from "commander";
import { connect, connectAs, type PasswordOptions, passwordOptions } from "./connection.ts";
import { confirmDestruction, fromTrash, undoText, yesOption, type YesOption } from "./destroy.ts";
import { hinted } from "./error.ts";
import { readTextFile } from "./file.ts";
import {
  doubtRules,
  type ImmutableOptions,
  immutableOptions,
  immutableTags,
  sayTagRules,
} from "./immutable.ts";
import { doubtNamespaces } from "./near.ts";
import { type Columns, counted, date, Output, size, timeUtc } from "./output.ts";
import { repositoryPath } from "./repository-path.ts";
import { copyable } from "./sentence.ts";
import { visibilityOption } from "./visibility.ts";
import type { Repository, RepositoryDetail } from "../api/schema/repositories.ts";

type Labels = Readonly<Record<string, string>>;

interface TextOptions {
  readonly description?: string;
  readonly readme?: string;
}

interface CreateOptions extends TextOptions, ImmutableOptions, PasswordOptions {
  readonly public?: true;
}

interface SetOptions extends TextOptions, ImmutableOptions, PasswordOptions {
  readonly visibility?: string;
  readonly label?: Labels;
  readonly removeLabel?: readonly string[];
}

const COLUMNS: Columns<Repository> = {
  NAME: ({ name }) => name,
  VISIBILITY: ({ visibility }) => visibility,
  CREATED: ({ createdAt }) => date(createdAt),
  DESCRIPTION: ({ description }) => description,
};

export function addRepositoryCommands(program: Command): void {
  const repo = program.command("repo").description("Repositories: what images are pushed to.");
  const create = repo
    .command("create")
    .description("Create a repository, before anybody pushes to it.")
    .argument("<name>", "such as acme/app")
    .option("--public", "everyone can pull from it")
    .option("--description <text>", "what it holds, in a sentence")
    .option("--readme <file>", "more about it, in Markdown");
  immutableOptions(passwordOptions(create)).action(createRepository);
  repo
    .command("list")
    .description("List the repositories that you can pull from.")
    .option("--namespace <name>", "only those in a namespace")
    .action(listRepositories);
  repo.command("show").description("Show a repository.").argument("<name>").action(showRepository);
  const set = repo
    .command("set")
    .description(
      "Change who can pull from a repository, its immutable tags, description and labels.",
    )
    .argument("<name>")
    .addOption(visibilityOption())
    .option("--description <text>", "what it holds, in a sentence")
    .option("--readme <file>", "more about it, in Markdown")
    .option("--label <key=value>", "add or change a label; repeatable", collectLabel)
    .option("--remove-label <key>", "remove a label; repeatable", collect);
  immutableOptions(passwordOptions(set)).action(setRepository);
  const remove = repo
    .command("delete")
    .description("Delete a repository with everything in it.")
    .argument("<name>");
  yesOption(remove).action(deleteRepository);
}

async function createRepository(name: string, options: CreateOptions, command: Command) {
  const rules = immutableTags(options, command);
  await doubtRules(options);
  const lasting = options.public === true ? "endless" : undefined;
  const api = await connectAs(options, command, lasting);
  await doubtNamespaces(api, [name.split("/")[0] ?? ""], ": it is created with the repository");
  const repository = {
    name,
    ...(options.public === true ? { visibility: "public" } : {}),
    ...rules,
    ...(await texts(options)),
  };
  const made = await hinted(
    api.send<RepositoryDetail>("POST", "/repositories", repository),
    409,
    `To change it: ${copyable(`slipway repo set ${name}`)}`,
  );
  const output = new Output(command);
  output.answer(made, `Repository ${name} was created.`, output.details(settingsOf(made)));
}

async function listRepositories(options: { readonly namespace?: string }, command: Command) {
  const api = await connect(command);
  const items = api.list<Repository>("/repositories", { namespace: options.namespace });
  const none = "There are no repositories that you can pull from.";
  await new Output(command).list({ items, columns: COLUMNS, none });
}

async function showRepository(name: string, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const found = await api.get<RepositoryDetail>(repositoryPath(name));
  const output = new Output(command);
  const summary = output.details({
    name: found.name,
    ...settingsOf(found),
    tags: counted(found.tags),
    manifests: counted(found.manifests),
    size: size(found.size),
    created: timeUtc(found.createdAt),
  });
  output.answer(found, summary, copyable(found.readme.trimEnd()));
}

/** The settings, for a list of details. */
function settingsOf(found: RepositoryDetail): Record<string, string> {
  const labels = Object.entries(found.labels).map(([key, value]) => `${key}=${value}`);
  const inherited = found.inheritedImmutableTags;
  return {
    visibility: found.visibility,
    description: found.description,
    labels: labels.join(", "),
    "immutable tags": sayTagRules(found.immutableTags),
    "and by its namespace": inherited.length === 0 ? "" : sayTagRules(inherited),
  };
}

async function setRepository(name: string, options: SetOptions, command: Command): Promise<void> {
  const { user: _user, passwordStdin: _passwordStdin, ...changes } = options;
  if (Object.keys(changes).length === 0) {
    command.error("what is to be changed? Give one of the options");
  }
  const rules = immutableTags(options, command);
  await doubtRules(options);
  const { visibility, label = {}, removeLabel = [] } = options;
  const lasting = visibility === "public" ? "endless" : undefined;
  const api = await connectAs(options, command, lasting);
  const path = repositoryPath(name);
  const change = {
    ...(visibility === undefined ? {} : { visibility }),
    ...rules,
    ...(await texts(options)),
  };
  const output = new Output(command);
  const show = (changed: RepositoryDetail) =>
    output.answer(changed, `Repository ${name} was changed.`, output.details(settingsOf(changed)));
  if (options.label === undefined && options.removeLabel === undefined) {
    return show(await api.send<RepositoryDetail>("PATCH", path, change));
  }
  // The labels are one value, so a change of some begins with all.
  const { value, etag } = await api.read<Repository>(path);
  const all = Object.entries({ ...value.labels, ...label });
  const labels = Object.fromEntries(all.filter(([key]) => !removeLabel.includes(key)));
  show(await api.send<RepositoryDetail>("PATCH", path, { ...change, labels }, etag));
}

async function deleteRepository(name: string, options: YesOption, command: Command): Promise<void> {
  const path = repositoryPath(name);
  const api = await connect(command);
  const destruction = {
    action: `delete the repository ${name} with everything in it`,
    undo: await fromTrash(api, `slipway trash restore ${name}`),
  };
  await confirmDestruction(destruction, options, command);
  await api.remove(path);
  const text = `Repository ${name} was deleted. ${undoText(destruction)}`;
  new Output(command).answer({ deleted: "repository", name }, text);
}

async function texts({ description, readme }: TextOptions): Promise<TextOptions> {
  return {
    ...(description === undefined ? {} : { description }),
    ...(readme === undefined ? {} : { readme: await readTextFile(readme) }),
  };
}

function collectLabel(text: string, others: Labels = {}): Labels {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("A label is written KEY=VALUE.");
  return { ...others, [text.slice(0, at)]: text.slice(at + 1) };
}

function collect(text: string, others: readonly string[] = []): string[] {
  return [...others, text];
}
