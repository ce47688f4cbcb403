import { ROW_BYTES } from "../db/cost.ts";

/** What namespaces cost, added up anew. */

/** SQL over a row with namespace and digest: how many repositories of the namespace hold or keep the blob. */
export function linksOf(row: string): string {
  const [held, kept] = ["repository_blobs", "trashed_blobs"].map(
    (table) => `(SELECT count(*) FROM ${table} l CROSS JOIN repositories r ON r.id = l.repository_id
      WHERE l.digest = ${row}.digest AND r.namespace = ${row}.namespace)`,
  );
  return `(${held} + ${kept})`;
}

/** SQL over a row with a namespace: what it costs, as migration 0011 has it. */
export function bytesOf(row: string): string {
  return `((SELECT coalesce(sum(size), 0) FROM namespace_blobs b WHERE b.namespace = ${row}.namespace)
    + ${inRepositories(row, "coalesce(sum(m.cost), 0)", "manifests m INDEXED BY manifest_costs ON m.repository_id = r.id")}
    + ${ROW_BYTES} * ${inRepositories(row, "count(*)", "tags t ON t.repository_id = r.id")}
    + ${ROW_BYTES} * ${inRepositories(row, "count(h.successor)", "tag_history h ON h.repository_id = r.id")})`;
}

/** SQL over a row with a namespace: what waits for deletion there, and unfinished uploads. */
export function waitingOf(row: string): string {
  return `(${ROW_BYTES} * ${inRepositories(row, "count(*) - count(h.successor)", "tag_history h ON h.repository_id = r.id")}
    + (SELECT coalesce(sum(size), 0) FROM object_deletions d WHERE d.namespace = ${row}.namespace)
    + (SELECT coalesce(sum(bytes), 0) FROM unfinished_uploads u WHERE u.namespace = ${row}.namespace))`;
}

/** SQL over a row with a namespace: a sum over what its repositories have, the deleted ones included. */
function inRepositories(row: string, sum: string, joined: string): string {
  const parts = ownedBy(row).map(
    ({ of, where }) => `(SELECT ${sum} FROM ${of} CROSS JOIN ${joined} WHERE ${where})`,
  );
  return `(${parts.join(" + ")})`;
}

/** SQL over a row with a namespace: its repositories, the deleted ones included. */
export function allRepositoriesOf(row: string): string {
  const parts = ownedBy(row).map(({ of, where }) => `(SELECT count(*) FROM ${of} WHERE ${where})`);
  return `(${parts.join(" + ")})`;
}

/** SQL: the repositories of a namespace: the one of its own name and the others, and those that were deleted. */
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

/** SQL over a row with a namespace: its repositories that are not deleted. */
export function repositoriesOf(row: string): string {
  return `(SELECT count(*) FROM repositories r WHERE r.deleted_at IS NULL AND (r.name = ${row}.namespace
    OR (r.name > ${row}.namespace || '/' AND r.name < ${row}.namespace || '0')))`;
}
