import { ROW_BYTES } from "../db/cost.ts";

/** SQL that computes usage from the rows, to compare it with the stored counts. */

/** SQL over a row with namespace and digest_id: how many repositories of the namespace link or trashed the blob. */
export function linksOf(row: string): string {
  const [linked, trashed] = ["repository_blobs", "trashed_blobs"].map(
    (table) => `(SELECT count(*) FROM ${table} l CROSS JOIN repositories r ON r.id = l.repository_id
      WHERE l.digest_id = ${row}.digest_id AND r.namespace = ${row}.namespace)`,
  );
  return `(${linked} + ${trashed})`;
}

/** SQL over a row with a namespace: its usage in bytes, by the same rules as the triggers. */
export function bytesOf(row: string): string {
  return `((SELECT coalesce(sum(size), 0) FROM namespace_blobs b WHERE b.namespace = ${row}.namespace)
    + ${inRepositories(row, "coalesce(sum(m.cost), 0)", "manifests m INDEXED BY manifest_costs ON m.repository_id = r.id")}
    + ${ROW_BYTES} * ${inRepositories(row, "count(*)", "tags t ON t.repository_id = r.id")}
    + ${ROW_BYTES} * ${inRepositories(row, "count(h.successor)", "tag_history h ON h.repository_id = r.id")})`;
}

/** SQL over a row with a namespace: bytes that wait for deletion there, and of unfinished uploads. */
export function waitingOf(row: string): string {
  return `(${ROW_BYTES} * ${inRepositories(row, "count(*) - count(h.successor)", "tag_history h ON h.repository_id = r.id")}
    + (SELECT coalesce(sum(size), 0) FROM object_deletions d WHERE d.namespace = ${row}.namespace)
    + (SELECT coalesce(sum(bytes), 0) FROM unfinished_uploads u WHERE u.namespace = ${row}.namespace))`;
}

/** SQL over a row with a namespace: a sum over rows of its repositories, including deleted ones. */
function inRepositories(row: string, sum: string, joined: string): string {
  const parts = ownedBy(row).map(
    ({ of, where }) => `(SELECT ${sum} FROM ${of} CROSS JOIN ${joined} WHERE ${where})`,
  );
  return `(${parts.join(" + ")})`;
}

/** SQL over a row with a namespace: the number of its repositories, including deleted ones. */
export function allRepositoriesOf(row: string): string {
  const parts = ownedBy(row).map(({ of, where }) => `(SELECT count(*) FROM ${of} WHERE ${where})`);
  return `(${parts.join(" + ")})`;
}

/** SQL: the repositories of a namespace: the one with its own name, those below it, and deleted ones. */
function ownedBy(row: string): { readonly of: string; readonly where: string }[] {
  const within = (name: string) => [
    `${name} = ${row}.namespace`,
    `${name} > ${row}.namespace || '/' AND ${name} < ${row}.namespace || '0'`,
  ];
  const deleted = "repositories r INDEXED BY deleted_repositories";
  return [
    ...within("r.name").map((where) => ({ of: "repositories r", where })),
    ...within("r.former_name").map((where) => ({
      of: deleted,
      where: `r.deleted_at IS NOT NULL AND ${where}`,
    })),
  ];
}

/** SQL over a row with a namespace: the number of its repositories that are not deleted. */
export function repositoriesOf(row: string): string {
  return `(SELECT count(*) FROM repositories r WHERE r.deleted_at IS NULL AND (r.name = ${row}.namespace
    OR (r.name > ${row}.namespace || '/' AND r.name < ${row}.namespace || '0')))`;
}
