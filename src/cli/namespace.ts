import type { Command } from "commander";
import { showTagRules, type TagRule } from "../oci/tag-rules.ts";
import { connect, connectAs, type PasswordOptions, passwordOptions } from "./connection.ts";
import { type ImmutableOptions, immutableOptions, immutableTags } from "./immutable.ts";
import { type Columns, date, details, Output, time } from "./output.ts";
import { addQuotaCommand } from "./quota.ts";
import { visibilityOption } from "./visibility.ts";

interface Namespace {
  readonly name: string;
  readonly visibility: string;
  readonly immutableTags: readonly TagRule[];
  readonly createdAt: string;
}

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
    .description("Make a namespace, before anybody pushes to it.")
    .argument("<name>")
    .option("--public", "new repositories in it can be pulled by everyone")
    .option("--owner <user>", "who decides who may do what in it");
  immutableOptions(passwordOptions(create)).action(createNamespace);
  namespace.command("list").description("Those that you have a part in.").action(listNamespaces);
  namespace
    .command("show")
    .description("All about a namespace.")
    .argument("<name>")
    .action(showNamespace);
  const set = namespace
    .command("set")
    .description(
      "Say who can pull the repositories that will be made in it, and which tags are immutable in all of them.",
    )
    .argument("<name>")
    .addOption(visibilityOption());
  immutableOptions(passwordOptions(set)).action(setNamespace);
  addQuotaCommand(namespace);
  namespace
    .command("delete")
    .description("Delete a namespace that has no repositories.")
    .argument("<name>")
    .action(deleteNamespace);
}

async function createNamespace(
  name: string,
  options: CreateOptions,
  command: Command,
): Promise<void> {
  const rules = immutableTags(options, command);
  const api = await connectAs(options, command);
  const made = await api.send<Namespace>("POST", "/namespaces", {
    name,
    ...(options.public === true ? { visibility: "public" } : {}),
    ...rules,
    ...(options.owner === undefined ? {} : { owner: options.owner }),
  });
  new Output(command).answer(made, `Namespace ${name} was made; ${inFuture(made)}`);
}

async function listNamespaces(_options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const items = api.list<Namespace>("/namespaces");
  await new Output(command).list({ items, columns: COLUMNS, none: "There are no namespaces." });
}

async function showNamespace(name: string, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const found = await api.get<Namespace>(namespacePath(name));
  const summary = details({
    name: found.name,
    "new repositories": found.visibility,
    "immutable tags": showTagRules(found.immutableTags),
    created: time(found.createdAt),
  });
  new Output(command).answer(found, summary);
}

async function setNamespace(name: string, options: SetOptions, command: Command): Promise<void> {
  const { visibility } = options;
  const rules = immutableTags(options, command);
  const change = { ...(visibility === undefined ? {} : { visibility }), ...rules };
  if (Object.keys(change).length === 0) {
    command.error("slipway: what is to be changed? Give one of the options");
  }
  const api = await connectAs(options, command);
  const changed = await api.send<Namespace>("PATCH", namespacePath(name), change);
  new Output(command).answer(changed, `Namespace ${name} was changed; ${inFuture(changed)}`);
}

async function deleteNamespace(name: string, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  await api.remove(namespacePath(name));
  new Output(command).done(`Namespace ${name} was deleted.`);
}

function namespacePath(name: string): string {
  return `/namespaces/${encodeURIComponent(name)}`;
}

function inFuture({ visibility }: Namespace): string {
  return `new repositories in it are ${visibility}.`;
}
