/** What of the index is exported: all that cannot be derived from the rest. Migration 0006 notes each change of it. */
export interface ExportedTable {
  /** The columns of its primary key. */
  readonly key: readonly string[];
  /** Rows of a level rest on rows of the levels before it alone. */
  readonly level: Level;
  /** What a row rests on: a table, and which of its columns must be equal to which of the row's; NULL rests on nothing. */
  readonly bases: readonly Base[];
}

interface Base {
  readonly table: TableName;
  readonly columns: Readonly<Record<string, string>>;
}

export const LEVELS = [1, 2, 3] as const;
export type Level = (typeof LEVELS)[number];

const IN_NAMESPACE: Base = { table: "namespaces", columns: { name: "namespace" } };
const IN_REPOSITORY: Base = { table: "repositories", columns: { id: "repository_id" } };
const OF_USER: Base = { table: "users", columns: { name: "user" } };
const OF_ROBOT: Base = { table: "robots", columns: { name: "robot" } };
const TO_MANIFEST: Base = {
  table: "manifests",
  columns: { repository_id: "repository_id", digest: "digest" },
};

export type TableName =
  | "namespaces"
  | "users"
  | "repositories"
  | "members"
  | "robots"
  | "trust_rules"
  | "quotas"
  | "manifests"
  | "tag_history"
  | "pulls"
  | "tokens"
  | "tags";

/** In an order in which each row's base comes before it. Pulls are counted all day: only a full export has them. */
export const TABLES: Readonly<Record<TableName, ExportedTable>> = {
  namespaces: { key: ["name"], level: 1, bases: [] },
  users: { key: ["name"], level: 1, bases: [] },
  repositories: { key: ["id"], level: 1, bases: [] },
  members: { key: ["user", "pattern"], level: 2, bases: [OF_USER, IN_NAMESPACE] },
  robots: { key: ["name"], level: 2, bases: [IN_NAMESPACE] },
  trust_rules: { key: ["name"], level: 2, bases: [IN_NAMESPACE] },
  quotas: { key: ["namespace"], level: 2, bases: [IN_NAMESPACE] },
  manifests: { key: ["repository_id", "digest"], level: 2, bases: [IN_REPOSITORY] },
  tag_history: { key: ["repository_id", "id"], level: 2, bases: [IN_REPOSITORY] },
  pulls: { key: ["repository_id", "tag", "day"], level: 2, bases: [IN_REPOSITORY] },
  tokens: { key: ["id"], level: 3, bases: [OF_USER, OF_ROBOT] },
  tags: { key: ["repository_id", "name"], level: 3, bases: [TO_MANIFEST] },
};

export const TABLE_NAMES = Object.keys(TABLES) as TableName[];

/**
 * What lines are about: the rows of a table, or `blob_links`: a blob that a repository holds, where that changed and none of
 * its manifests did.
 */
export type Kind = TableName | "blob_links";

export const HELD_BLOBS: ExportedTable = {
  key: ["repository_id", "digest"],
  level: 2,
  bases: [IN_REPOSITORY],
};

export function tableOf(kind: Kind): ExportedTable {
  return kind === "blob_links" ? HELD_BLOBS : TABLES[kind];
}

/** A row as it is, by its columns. */
export type Row = Readonly<Record<string, string | number | null>>;

/** A link that lets it be read, or that of deleted manifests alone. */
export type Held = "link" | "kept";

/** What a manifest names, with the blob where the repository holds it. */
export interface ReferenceLine {
  readonly digest: string;
  readonly kind: string;
  readonly held?: Held;
  readonly blob?: Row;
}

/** One line of an export. */
export type Line =
  | { readonly table: Kind; readonly gone: readonly (string | number)[] }
  | { readonly table: Exclude<TableName, "manifests">; readonly row: Row }
  | {
      readonly table: "manifests";
      readonly row: Row;
      readonly references: readonly ReferenceLine[];
    }
  | { readonly table: "blob_links"; readonly row: Row; readonly held: Held; readonly blob: Row };

/** What a complete full export says of itself. */
export interface FullExport {
  readonly chain: string;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly finishedAt: number;
  /** It holds all changes up to this number; it needs those up to `through`, which have been written as well. */
  readonly after: number;
  readonly through: number;
  readonly objects: number;
  readonly rows: number;
  /** Chains of the same index that this one took the place of. */
  readonly replaces?: readonly string[];
}
