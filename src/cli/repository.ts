import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError } from "commander";
import { showTagRules, type TagRule } from "../oci/tag-rules.ts";
import { connect, connectAs, type PasswordOptions, passwordOptions } from "./connection.ts";
import { CliError } from "./error.ts";
import { listDeletedRepositories } from "./history.ts";
import { type ImmutableOptions, immutableOptions, immutableTags } from "./immutable.ts";
import { bytes, type Columns, date, details, Output, time } from "./output.ts";
import { canAsk, confirm } from "./prompt.ts";
import { repositoryPath } from "./repository-path.ts";
import { visibilityOption } from "./visibility.ts";

type Labels = Readonly<Record<string, string>>;

interface Repository {
  readonly name: string;
  readonly visibility: string;
  readonly description: string;
  readonly labels: Labels;
  readonly createdAt: string;
  readonly updatedAt?: string;
}

interface RepositoryDetails extends Repository {
  readonly readme: string;
  readonly immutableTags: readonly TagRule[];
  readonly inheritedImmutableTags: readonly TagRule[];
  readonly size: number;
  readonly tags: number;
  readonly manifests: number;
}

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
    .description("Make a repository, before anybody pushes to it.")
    .argument("<name>", "as acme/app")
    .option("--public", "everyone can pull from it")
    .option("--description <text>", "what it holds, in a sentence")
    .option("--readme <file>", "more about it, in Markdown");
  immutableOptions(passwordOptions(create)).action(createRepository);
  repo
    .command("list")
    .description("The repositories that you can pull from.")
    .option("--namespace <name>", "only those in a namespace")
    .action(listRepositories);
  repo
    .command("show")
    .description("All about a repository.")
    .argument("<name>")
    .action(showRepository);
  const set = repo
    .command("set")
    .description(
      "Change what is said of a repository, who can pull from it, and which tags are immutable.",
    )
    .argument("<name>")
    .addOption(visibilityOption())
    .option("--description <text>", "what it holds, in a sentence")
    .option("--readme <file>", "more about it, in Markdown")
    .option("--label <key=value>", "add or change a label; repeatable", collectLabel)
    .option("--remove-label <key>", "remove a label; repeatable", collect);
  immutableOptions(passwordOptions(set)).action(setRepository);
  repo
    .command("delete")
    .description("Delete a repository with everything in it.")
    .argument("<name>")
    .option("-y, --yes", "do not ask")
    .action(deleteRepository);
  repo
    .command("deleted")
    .description("The deleted repositories that you can restore.")
    .option("--namespace <name>", "only those in a namespace")
    .action(listDeletedRepositories);
}

async function createRepository(name: string, options: CreateOptions, command: Command) {
  const api = await connectAs(options, command);
  const made = await api.send<Repository>("POST", "/repositories", {
    name,
    ...(options.public === true ? { visibility: "public" } : {}),
    ...immutableTags(options, command),
    ...(await texts(options)),
  });
  new Output(command).answer(made, `Repository ${name} was made; it is ${made.visibility}.`);
}

async function listRepositories(options: { readonly namespace?: string }, command: Command) {
  const api = await connect(command);
  const items = api.list<Repository>("/repositories", { namespace: options.namespace });
  const none = "There are no repositories that you can pull from.";
  await new Output(command).list({ items, columns: COLUMNS, none });
}

async function showRepository(name: string, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const found = await api.get<RepositoryDetails>(repositoryPath(name));
  const labels = Object.entries(found.labels).map(([key, value]) => `${key}=${value}`);
  const summary = details({
    name: found.name,
    visibility: found.visibility,
    description: found.description,
    labels: labels.join(", "),
    "immutable tags": showTagRules(found.immutableTags),
    "and by its namespace": showTagRules(found.inheritedImmutableTags),
    tags: String(found.tags),
    manifests: String(found.manifests),
    size: bytes(found.size),
    created: time(found.createdAt),
    updated: time(found.updatedAt ?? ""),
  });
  const readme = found.readme.trimEnd();
  new Output(command).answer(found, readme === "" ? summary : `${summary}\n\n${readme}`);
}

async function setRepository(name: string, options: SetOptions, command: Command): Promise<void> {
  const { user: _user, passwordStdin: _passwordStdin, ...changes } = options;
  if (Object.keys(changes).length === 0) {
    command.error("slipway: what is to be changed? Give one of the options");
  }
  const rules = immutableTags(options, command);
  const api = await connectAs(options, command);
  const path = repositoryPath(name);
  const { visibility, label = {}, removeLabel = [] } = options;
  const change = {
    ...(visibility === undefined ? {} : { visibility }),
    ...rules,
    ...(await texts(options)),
  };
  const output = new Output(command);
  const text = `Repository ${name} was changed.`;
  if (options.label === undefined && options.removeLabel === undefined) {
    return output.answer(await api.send<Repository>("PATCH", path, change), text);
  }
  // The labels are one value, so a change of some begins with all.
  const { value, etag } = await api.read<Repository>(path);
  const all = Object.entries({ ...value.labels, ...label });
  const labels = Object.fromEntries(all.filter(([key]) => !removeLabel.includes(key)));
  output.answer(await api.send<Repository>("PATCH", path, { ...change, labels }, etag), text);
}

async function deleteRepository(name: string, options: { readonly yes?: true }, command: Command) {
  if (options.yes !== true) {
    if (!canAsk()) command.error(`slipway: there is nobody to ask: add --yes to delete ${name}`);
    if (!(await confirm(`Delete ${name} with everything in it?`))) {
      throw new CliError("nothing was deleted");
    }
  }
  const api = await connect(command);
  await api.remove(repositoryPath(name));
  new Output(command).done(`Repository ${name} was deleted.`);
}

async function texts({ description, readme }: TextOptions): Promise<TextOptions> {
  return {
    ...(description === undefined ? {} : { description }),
    ...(readme === undefined ? {} : { readme: await readText(readme) }),
  };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new CliError(`cannot read ${file}: ${String(error)}`, { cause: error });
  }
}

function collectLabel(text: string, others: Labels = {}): Labels {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("A label is written KEY=VALUE.");
  return { ...others, [text.slice(0, at)]: text.slice(at + 1) };
}

function collect(text: string, others: readonly string[] = []): string[] {
  return [...others, text];
}
