import type { ReferenceRowKind } from "../db/manifest-references.ts";

/** A table of the index that is exported, as it cannot be derived from others. Triggers record each change of it. */
export interface ExportedTable {
  /** The columns of its primary key. */
  readonly key: readonly string[];
  /** Rows of a level depend only on rows of the levels before it. */
  readonly level: Level;
  /** The rows that a row depends on: a table, and which of its columns equal which of the row's; NULL for none. */
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
  | "scan_exceptions"
  | "signers"
  | "quotas"
  | "manifests"
  | "tag_history"
  | "pulls"
  | "tokens"
  | "tags";

/** The tables, each after those that it depends on. Pulls are counted all day, so only a full export has them. */
export const TABLES: Readonly<Record<TableName, ExportedTable>> = {
  namespaces: { key: ["name"], level: 1, bases: [] },
  users: { key: ["name"], level: 1, bases: [] },
  repositories: { key: ["id"], level: 1, bases: [] },
  members: { key: ["user", "pattern"], level: 2, bases: [OF_USER, IN_NAMESPACE] },
  robots: { key: ["name"], level: 2, bases: [IN_NAMESPACE] },
  trust_rules: { key: ["name"], level: 2, bases: [IN_NAMESPACE] },
  signers: { key: ["namespace", "name"], level: 2, bases: [IN_NAMESPACE] },
  scan_exceptions: { key: ["id"], level: 2, bases: [IN_NAMESPACE] },
  quotas: { key: ["namespace"], level: 2, bases: [IN_NAMESPACE] },
  manifests: { key: ["repository_id", "digest"], level: 2, bases: [IN_REPOSITORY] },
  tag_history: { key: ["repository_id", "id"], level: 2, bases: [IN_REPOSITORY] },
  pulls: { key: ["repository_id", "tag", "day"], level: 2, bases: [IN_REPOSITORY] },
  tokens: { key: ["id"], level: 3, bases: [OF_USER, OF_ROBOT] },
  tags: { key: ["repository_id", "name"], level: 3, bases: [TO_MANIFEST] },
};

export const TABLE_NAMES = Object.keys(TABLES) as TableName[];

/** The subject of a line: a row of a table, or `blob_links`: a blob link that changed without a manifest. */
export type Kind = TableName | "blob_links";

export const BLOB_LINKS: ExportedTable = {
  key: ["repository_id", "digest"],
  level: 2,
  bases: [IN_REPOSITORY],
};

export function tableOf(kind: Kind): ExportedTable {
  return kind === "blob_links" ? BLOB_LINKS : TABLES[kind];
}

/** A row, by its columns. */
export type Row = Readonly<Record<string, string | number | null>>;

/** A link, by which the blob can be read, or a trashed blob, which only deleted manifests need. */
export type BlobState = "linked" | "trashed";

/** A reference of a manifest, with the blob if the repository holds it. */
export interface ReferenceLine {
  readonly digest: string;
  readonly kind: ReferenceRowKind;
  readonly platform?: string;
  readonly state?: BlobState;
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
  | {
      readonly table: "blob_links";
      readonly row: Row;
      readonly state: BlobState;
      readonly blob: Row;
    };

/** The description of a complete full export. */
export interface FullExport {
  readonly backupId: string;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly finishedAt: number;
  /** All changes up to this number are in it; the export also needs those up to `through`, which are written too. */
  readonly after: number;
  readonly through: number;
  readonly objects: number;
  readonly rows: number;
  /** Backups of the same index that this one replaces. */
  readonly replaces?: readonly string[];
}
