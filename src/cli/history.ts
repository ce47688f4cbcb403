import type { Command } from "commander";
import { connect } from "./connection.ts";
import { bytes, type Columns, Output, time } from "./output.ts";
import { repositoryPath } from "./repository-path.ts";
import { parseThing, type Thing } from "./thing.ts";

interface Change {
  readonly tag: string;
  readonly digest: string;
  readonly successor: string | null;
  readonly changedAt: string;
  readonly changedBy: string | null;
  readonly restorableUntil: string;
}

interface Deletion {
  readonly deletedAt: string;
  readonly deletedBy: string | null;
  readonly restorableUntil: string;
}

interface DeletedManifest extends Deletion {
  readonly digest: string;
  readonly mediaType: string;
  readonly artifactType: string | null;
  readonly size: number;
}

interface DeletedRepository extends Deletion {
  readonly id: string;
  readonly name: string;
}

const CHANGES: Columns<Change> = {
  "CHANGED (UTC)": ({ changedAt }) => time(changedAt),
  BY: ({ changedBy }) => changedBy ?? "",
  TAG: ({ tag }) => tag,
  FROM: ({ digest }) => digest,
  TO: ({ successor }) => successor ?? "(deleted)",
  "RESTORABLE UNTIL": ({ restorableUntil }) => time(restorableUntil),
};

const DELETION: Columns<Deletion> = {
  "DELETED (UTC)": ({ deletedAt }) => time(deletedAt),
  BY: ({ deletedBy }) => deletedBy ?? "",
  "RESTORABLE UNTIL": ({ restorableUntil }) => time(restorableUntil),
};

const MANIFESTS: Columns<DeletedManifest> = {
  DIGEST: ({ digest }) => digest,
  TYPE: ({ artifactType, mediaType }) => artifactType ?? mediaType,
  SIZE: ({ size }) => bytes(size),
  ...DELETION,
};

const REPOSITORIES: Columns<DeletedRepository> = {
  ID: ({ id }) => id,
  NAME: ({ name }) => name,
  ...DELETION,
};

export function addHistoryCommands(program: Command): void {
  program
    .command("history")
    .description("What the tags of a repository, or one of them, pointed to before.")
    .argument("<name>", "as acme/app or acme/app:v1", parseThing)
    .action(listHistory);
  program
    .command("deleted")
    .description("The deleted manifests of a repository that can be restored.")
    .argument("<repository>")
    .action(listDeleted);
}

/** `slipway repo deleted` */
export async function listDeletedRepositories(
  options: { readonly namespace?: string },
  command: Command,
): Promise<void> {
  const api = await connect(command);
  const query = { namespace: options.namespace };
  const items = api.list<DeletedRepository>("/deleted-repositories", query);
  const none = "There are no deleted repositories that you can restore.";
  await new Output(command).list({ items, columns: REPOSITORIES, none });
}

async function listHistory(thing: Thing, _options: object, command: Command): Promise<void> {
  const { repository, tag, digest } = thing;
  if (digest !== undefined) command.error("slipway: a manifest has no history, its tags have");
  const api = await connect(command);
  const items = api.list<Change>(`${repositoryPath(repository)}/-/history`, { tag });
  const none = `No tag was moved or deleted there that can be restored.`;
  await new Output(command).list({ items, columns: CHANGES, none });
}

async function listDeleted(repository: string, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const items = api.list<DeletedManifest>(`${repositoryPath(repository)}/-/deleted`);
  const none = `${repository} has no deleted manifests that can be restored.`;
  await new Output(command).list({ items, columns: MANIFESTS, none });
}
