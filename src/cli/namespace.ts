import type { Command } from "commander";
import { connect } from "./connection.ts";
import { type Columns, date, Output } from "./output.ts";
import { visibilityOption } from "./visibility.ts";

interface Namespace {
  readonly name: string;
  readonly visibility: string;
  readonly createdAt: string;
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
  namespace
    .command("create")
    .description("Make a namespace, before anybody pushes to it.")
    .argument("<name>")
    .option("--public", "new repositories in it can be pulled by everyone")
    .option("--owner <user>", "who decides who may do what in it")
    .action(createNamespace);
  namespace.command("list").description("Those that you have a part in.").action(listNamespaces);
  namespace
    .command("set")
    .description("Say who can pull the repositories that will be made in it.")
    .argument("<name>")
    .addOption(visibilityOption().makeOptionMandatory())
    .action(setNamespace);
  namespace
    .command("delete")
    .description("Delete a namespace that has no repositories.")
    .argument("<name>")
    .action(deleteNamespace);
}

async function createNamespace(
  name: string,
  options: { readonly public?: true; readonly owner?: string },
  command: Command,
): Promise<void> {
  const api = await connect(command);
  const made = await api.send<Namespace>("POST", "/namespaces", {
    name,
    ...(options.public === true ? { visibility: "public" } : {}),
    ...(options.owner === undefined ? {} : { owner: options.owner }),
  });
  new Output(command).answer(made, `Namespace ${name} was made; ${inFuture(made)}`);
}

async function listNamespaces(_options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const items = api.list<Namespace>("/namespaces");
  await new Output(command).list({ items, columns: COLUMNS, none: "There are no namespaces." });
}

async function setNamespace(
  name: string,
  { visibility }: { readonly visibility: string },
  command: Command,
): Promise<void> {
  const api = await connect(command);
  const path = `/namespaces/${encodeURIComponent(name)}`;
  const changed = await api.send<Namespace>("PATCH", path, { visibility });
  new Output(command).answer(changed, `Namespace ${name} was changed; ${inFuture(changed)}`);
}

async function deleteNamespace(name: string, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  await api.remove(`/namespaces/${encodeURIComponent(name)}`);
  new Output(command).done(`Namespace ${name} was deleted.`);
}

function inFuture({ visibility }: Namespace): string {
  return `new repositories in it are ${visibility}.`;
}
