import type { Command } from "commander";
import { connect, connectAs, type PasswordOptions, passwordOptions } from "./connection.ts";
import { confirmDestruction, undoText, yesOption, type YesOption } from "./destroy.ts";
import {
  doubtRules,
  type ImmutableOptions,
  immutableOptions,
  immutableTags,
  sayTagRules,
} from "./immutable.ts";
import { type Columns, date, Output, timeUtc } from "./output.ts";
import { addQuotaCommand } from "./quota.ts";
import { visibilityOption } from "./visibility.ts";
import type { Namespace } from "../api/schema/namespaces.ts";

interface CreateOptions extends ImmutableOptions, PasswordOptions {
  readonly public?: true;
  readonly owner?: string;
}

interface SetOptions extends ImmutableOptions, PasswordOptions {
  readonly visibility?: string;
}

const COLUMNS: Columns<Namespace> = {
  NAME: ({ name }) => name,
  "NEW REPOSITORIES": ({ visibility }) => visibility,
  CREATED: ({ createdAt }) => date(createdAt),
};

export function addNamespaceCommands(program: Command): void {
  const namespace = program
    .command("namespace")
    .description("Namespaces: the first part of a repository's name.");
  const create = namespace
    .command("create")
    .description("Create a namespace.")
    .argument("<name>")
    .option("--public", "new repositories in it can be pulled by everyone")
    .option("--owner <user>", "who decides who may do what in it");
  immutableOptions(passwordOptions(create)).action(createNamespace);
  namespace
    .command("list")
    .description("List the namespaces that you have a role in.")
    .action(listNamespaces);
  namespace
    .command("show")
    .description("Show a namespace.")
    .argument("<name>")
    .action(showNamespace);
  const set = namespace
    .command("set")
    .description(
      "Change who can pull its new repositories, and which tags are immutable in all of them.",
    )
    .argument("<name>")
    .addOption(visibilityOption());
  immutableOptions(passwordOptions(set)).action(setNamespace);
  addQuotaCommand(namespace);
  const remove = namespace
    .command("delete")
    .description("Delete an empty namespace, with its members, robots and trust rules.")
    .argument("<name>");
  yesOption(remove).action(deleteNamespace);
}

async function createNamespace(
  name: string,
  options: CreateOptions,
  command: Command,
): Promise<void> {
  const rules = immutableTags(options, command);
  await doubtRules(options);
  const isEndless = options.public === true || options.owner !== undefined;
  const api = await connectAs(options, command, isEndless ? "endless" : undefined);
  const made = await api.send<Namespace>("POST", "/namespaces", {
    name,
    ...(options.public === true ? { visibility: "public" } : {}),
    ...rules,
    ...(options.owner === undefined ? {} : { owner: options.owner }),
  });
  const output = new Output(command);
  output.answer(made, `Namespace ${name} was created.`, output.details(settingsOf(made)));
}

async function listNamespaces(_options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const items = api.list<Namespace>("/namespaces");
  await new Output(command).list({ items, columns: COLUMNS, none: "There are no namespaces." });
}

async function showNamespace(name: string, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const found = await api.get<Namespace>(namespacePath(name));
  const output = new Output(command);
  const summary = { name: found.name, ...settingsOf(found), created: timeUtc(found.createdAt) };
  output.answer(found, output.details(summary));
}

/** The settings, for a list of details. */
function settingsOf({ visibility, immutableTags: rules }: Namespace): Record<string, string> {
  return { "new repositories": visibility, "immutable tags": sayTagRules(rules) };
}

async function setNamespace(name: string, options: SetOptions, command: Command): Promise<void> {
  const { visibility } = options;
  const rules = immutableTags(options, command);
  const change = { ...(visibility === undefined ? {} : { visibility }), ...rules };
  if (Object.keys(change).length === 0) {
    command.error("what is to be changed? Give one of the options");
  }
  await doubtRules(options);
  const lasting = visibility === "public" ? "endless" : undefined;
  const api = await connectAs(options, command, lasting);
  const changed = await api.send<Namespace>("PATCH", namespacePath(name), change);
  const output = new Output(command);
  output.answer(changed, `Namespace ${name} was changed.`, output.details(settingsOf(changed)));
}

async function deleteNamespace(name: string, options: YesOption, command: Command): Promise<void> {
  const action = `delete the namespace ${name}, with its members, robots and trust rules`;
  const destruction = { action, undo: null };
  await confirmDestruction(destruction, options, command);
  const api = await connect(command);
  await api.remove(namespacePath(name));
  const text = `Namespace ${name} was deleted. ${undoText(destruction)}`;
  new Output(command).answer({ deleted: "namespace", name }, text);
}

function namespacePath(name: string): string {
  return `/namespaces/${encodeURIComponent(name)}`;
}
