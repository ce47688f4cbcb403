import type { Command } from "commander";
import { connect } from "./connection.ts";
import { kindOf } from "./kind.ts";
import {
  type Columns,
  digestColumn,
  Output,
  shortDigest,
  sizeColumn,
  time,
  timeColumn,
} from "./output.ts";
import { repositoryPath } from "./repository-path.ts";
import { copyable } from "./sentence.ts";
import type { Target } from "./thing.ts";
import type { DeletedManifest, DeletedRepository, PastTag } from "../trash/schema.ts";

const CHANGES: Columns<PastTag> = {
  "CHANGED (UTC)": timeColumn("CHANGED", ({ changedAt }) => changedAt),
  BY: ({ changedBy }) => changedBy ?? "",
  TAG: ({ tag }) => tag,
  FROM: digestColumn(({ digest }) => digest),
  TO: {
    value: ({ successor }) => successor ?? "(deleted)",
    short: ({ successor }) => (successor === null ? "(deleted)" : shortDigest(successor)),
    isFixed: true,
  },
  "RESTORABLE UNTIL": {
    value: ({ restorableUntil }) => time(restorableUntil),
    isDetail: true,
  },
};

const DELETION: Columns<Pick<DeletedRepository, "deletedAt" | "deletedBy" | "restorableUntil">> = {
  "DELETED (UTC)": timeColumn("DELETED", ({ deletedAt }) => deletedAt),
  BY: ({ deletedBy }) => deletedBy ?? "",
  "RESTORABLE UNTIL": {
    value: ({ restorableUntil }) => time(restorableUntil),
    short: ({ restorableUntil }) => restorableUntil.slice(0, 10),
    isFixed: true,
  },
};

const MANIFESTS: Columns<DeletedManifest> = {
  DIGEST: digestColumn(({ digest }) => digest),
  TYPE: { value: kindOf, isFixed: true },
  SIZE: sizeColumn(),
  ...DELETION,
};

const REPOSITORIES: Columns<DeletedRepository> = {
  NAME: ({ name }) => name,
  ...DELETION,
  ID: ({ id }) => id,
};

/** `slipway tag history` */
export async function listHistory(target: Target, _options: object, command: Command) {
  const { repository, tag, digest } = target;
  if (digest !== undefined) command.error("a manifest has no history, its tags have");
  const api = await connect(command);
  const items = api.list<PastTag>(`${repositoryPath(repository)}/-/history`, { tag });
  const none = `No tag was moved or deleted there that can be restored.`;
  await new Output(command).list({ items, columns: CHANGES, none });
}

/** The deleted manifests of a repository. */
export async function listDeletedManifests(repository: string, command: Command): Promise<void> {
  const api = await connect(command);
  const items = api.list<DeletedManifest>(`${repositoryPath(repository)}/-/deleted`);
  const none = `The trash of ${repository} has no manifests.\nIts tags' past: ${copyable(`slipway tag history ${repository}`)}`;
  await new Output(command).list({ items, columns: MANIFESTS, none });
}

/** @param namespace undefined for all */
export async function listDeletedRepositories(namespace: string | undefined, command: Command) {
  const api = await connect(command);
  const items = api.list<DeletedRepository>("/deleted-repositories", { namespace });
  const none = "The trash has no repositories that you can restore.";
  await new Output(command).list({ items, columns: REPOSITORIES, none });
}
