import type { Digest } from "../oci/digest.ts";
import type { Page } from "../oci/page.ts";
import type { RepositoryName } from "../oci/reference.ts";
import { inflatedOr } from "./manifest-text.ts";
import { COLUMNS, type StoredManifest } from "./manifests.ts";
import { merge, prepare } from "./sql.ts";

export interface StoredReferrer extends StoredManifest {
  readonly artifactType: string;
}

/** D1: what was pushed about a manifest. */
export class ReferrerStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /**
   * Returns one page of the manifests whose subject is the digest, in the order of their own digests.
   * @param artifactType only manifests of this type ("" for those without one), or null for all
   * @param page.maxBytes the most bytes of the page's manifests together; the first manifest is always on the page
   */
  async list(
    repository: RepositoryName,
    subject: Digest,
    artifactType: string | null,
    page: Page & { readonly maxBytes: number },
  ): Promise<{ readonly rows: StoredReferrer[]; readonly more: boolean }> {
    const typed = artifactType === null ? "" : "AND m.artifact_type = :artifactType";
    // Without the hint, the planner scans the primary key, which has all manifests of the repository.
    const index = artifactType === null ? "manifests_by_subject" : "manifests_by_subject_and_type";
    const { after, limit, maxBytes } = page;
    const { results } = await prepare(
      this.#db,
      `SELECT digest, mediaType, size, content, object, artifactType, candidates FROM (
           SELECT *, sum(size) OVER (ORDER BY digest) AS bytes,
             row_number() OVER (ORDER BY digest) AS position, count(*) OVER () AS candidates
           FROM (
             SELECT ${COLUMNS}, m.artifact_type AS artifactType FROM repositories r
             JOIN manifests m INDEXED BY ${index}
               ON m.repository_id = r.id AND m.subject = :subject AND m.digest > :after
                 AND m.deleted_at IS NULL AND m.missing_since IS NULL ${typed}
             WHERE r.name = :repository ORDER BY m.digest LIMIT :limit + 1
           )
         ) WHERE position = 1 OR (position <= :limit AND bytes <= :maxBytes) ORDER BY position`,
      merge(
        { repository, subject, after, limit, maxBytes },
        artifactType === null ? {} : { artifactType },
      ),
    ).all<StoredReferrer & { candidates: number }>();
    return {
      rows: results.map((row) => inflatedOr("{}", row)),
      more: results.length < (results[0]?.candidates ?? 0),
    };
  }
}
