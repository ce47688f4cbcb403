import type { Digest } from "../oci/digest.ts";
import type { RepositoryName } from "../oci/reference.ts";
import { idOf } from "./digests.ts";
import type { Fragment } from "./sql.ts";

/**
 * SQL over `repositories r`: what a manifest brings into its repository, in words; NULL for nothing. These are the blobs
 * of the list `:named` that no manifest of the repository named until now, whether they were uploaded or mounted.
 */
const BROUGHT = `(
  SELECT count(*) || iif(count(*) = 1, ' new blob, ', ' new blobs, ') || sum(b.size) || ' bytes'
  FROM json_each(:named) w
  CROSS JOIN unreferenced_blobs v ON v.repository_id = r.id AND v.digest_id = ${idOf("w.value")}
  CROSS JOIN blobs b ON b.digest_id = v.digest_id
  HAVING count(*) > 0)`;

/** Selects what the manifest brings, as long as none of its references is written. */
export function broughtBlobs(repository: RepositoryName, named: readonly Digest[]): Fragment {
  return {
    sql: `SELECT ${BROUGHT} AS brought FROM repositories r WHERE r.name = :repository`,
    values: { repository, named: JSON.stringify([...new Set(named)]) },
  };
}

export interface PushEvent {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** JSON: the tags that it sets. */
  readonly tags: string;
  /** The digests that it names whose references are written after this; the others are in `brought`. */
  readonly named: readonly Digest[];
  readonly brought: string | null;
}

/**
 * Selects the details of the event of a push: what it brings, and what its tags pointed to before, where they move. It
 * returns a row for each push to a repository that exists.
 */
export function pushDetails({ repository, digest, tags, named, brought }: PushEvent): Fragment {
  return {
    sql: `SELECT json_object('detail', (
        SELECT group_concat(part, '; ') FROM (
          SELECT coalesce(:brought, ${BROUGHT}) AS part
          UNION ALL
          SELECT group_concat(t.name || ' was ' || t.digest, ', ') FROM json_each(:tags) w
          CROSS JOIN tags t ON t.repository_id = r.id AND t.name = w.value WHERE t.digest <> :digest)
      )) AS more
      FROM repositories r WHERE r.name = :repository`,
    values: { repository, digest, tags, named: JSON.stringify([...new Set(named)]), brought },
  };
}
