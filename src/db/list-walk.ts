/** Sorted and filtered lists of what a repository has, page by page. */
import type { RepositoryName } from "../oci/reference.ts";
import { type Fragment, merge, prepare } from "./sql.ts";

/** The most entries of an index that one page looks at, of which a filter may leave few or none. */
export const MAX_SCANNED = 10_000;

/** An index that a list follows. */
export interface Walk {
  readonly table: "tags" | "manifests";
  /** null: the primary key. */
  readonly index: string | null;
  /** The column that the list is sorted by before the name; null where the name is all. */
  readonly sortedBy: string | null;
  /** The column that tells entries apart. */
  readonly name: string;
  /** SQL over `o`: which entries the index has. */
  readonly condition: string;
  readonly descending: boolean;
}

/** Where a page ended. */
export interface Place {
  readonly key: string | number | null;
  readonly name: string;
}

export interface WalkPage {
  /** null for the first page. */
  readonly after: Place | null;
  readonly limit: number;
}

/**
 * Makes SQL that selects `repository_id`, `name` and `key` of a page's entries, in their order.
 * @param filter SQL over `walked`, which also has the columns of the index that `more` selects
 */
export function walkSql(
  walk: Walk,
  repository: RepositoryName,
  { after, limit }: WalkPage,
  filter: Fragment & { readonly more: string },
): Fragment {
  const all = entries(walk, repository, after, filter.more);
  return {
    sql: `SELECT walked.repository_id, walked.name, walked.key FROM (${all.sql} LIMIT ${MAX_SCANNED}) walked
      WHERE ${filter.sql} LIMIT :limit`,
    values: merge(all.values, filter.values, { limit }),
  };
}

/** Finds where a page that its filter left short stopped looking; null at the end of the list. */
export async function stopOf(
  db: D1Database,
  walk: Walk,
  repository: RepositoryName,
  after: Place | null,
): Promise<Place | null> {
  const { sql, values } = entries(walk, repository, after, "");
  return prepare(
    db,
    `SELECT name, key FROM (${sql} LIMIT 1 OFFSET ${MAX_SCANNED - 1})`,
    values,
  ).first<Place>();
}

function entries(
  { table, index, sortedBy, name, condition, descending }: Walk,
  repository: RepositoryName,
  after: Place | null,
  more: string,
): Fragment {
  const hint = index === null ? "" : ` INDEXED BY ${index}`;
  const direction = descending ? " DESC" : "";
  const columns = [...(sortedBy === null ? [] : [`o.${sortedBy}`]), `o.${name}`];
  const place = [...(sortedBy === null ? [] : [":key"]), ":name"];
  const beyond =
    after === null
      ? ""
      : `AND (${columns.join(", ")}) ${descending ? "<" : ">"} (${place.join(", ")})`;
  return {
    sql: `SELECT o.repository_id, o.${name} AS name, ${sortedBy === null ? "NULL" : `o.${sortedBy}`} AS key${more}
      FROM repositories r
      CROSS JOIN ${table} o${hint} ON o.repository_id = r.id AND ${condition} ${beyond}
      WHERE r.name = :repository ORDER BY ${columns.map((column) => column + direction).join(", ")}`,
    values: {
      repository,
      ...(after === null ? {} : { name: after.name }),
      ...(after === null || sortedBy === null ? {} : { key: after.key }),
    },
  };
}
