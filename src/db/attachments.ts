import { ATTACHMENT_ENDINGS_SQL } from "../oci/attachment-tag.ts";
import type { Digest } from "../oci/digest.ts";
import type { RepositoryName } from "../oci/reference.ts";
import type { StoredBlob } from "./blobs.ts";
import { digestOf, idOf } from "./digests.ts";
import { IS_MANIFEST } from "./manifest-references.ts";
import { inflatedOr, STORED_TEXT } from "./manifest-text.ts";
import { prepare } from "./sql.ts";

/** A manifest that belongs to an image. */
export interface AttachedManifest {
  readonly digest: Digest;
  readonly artifactType: string;
  /** The text; null if it lies in R2, or is damaged: what is attached is small. */
  readonly content: string | null;
}

/** An image, or an index that names it. */
export interface Subject {
  readonly digest: Digest;
  /** The text; null if it lies in R2, or is damaged. */
  readonly content: string | null;
}

/** The most indexes of an image that are looked at. */
const MAX_INDEXES = 10;
/** The most manifests that show something of an image, and the most others, such as reports. */
const MAX_SHOWING = 50;
const MAX_OTHERS = 50;

const COLUMNS = `m.digest, m.artifact_type AS artifactType, ${STORED_TEXT}`;

/** D1: what is attached to images. */
export class AttachmentStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Returns a manifest and the indexes that name it, the newest first, at most ten; empty if there is no such manifest. */
  async subjects(repository: RepositoryName, digest: Digest): Promise<Subject[]> {
    const which = { repository, digest };
    const [own, indexes] = (await this.#db.batch<Subject>([
      prepare(
        this.#db,
        `SELECT m.digest, ${STORED_TEXT} FROM repositories r
         CROSS JOIN manifests m ON m.repository_id = r.id AND m.digest = :digest AND m.deleted_at IS NULL
         WHERE r.name = :repository`,
        which,
      ),
      prepare(
        this.#db,
        `SELECT m.digest, ${STORED_TEXT} FROM repositories r
         CROSS JOIN manifest_references f
           ON f.repository_id = r.id AND f.digest_id = ${idOf(":digest")} AND ${IS_MANIFEST}
         CROSS JOIN manifests m ON m.id = f.manifest_id AND m.deleted_at IS NULL
         WHERE r.name = :repository ORDER BY m.id DESC LIMIT ${MAX_INDEXES}`,
        which,
      ),
    ])) as [D1Result<Subject>, D1Result<Subject>];
    if (own.results.length === 0) return [];
    return [...own.results, ...indexes.results].map((row) => inflatedOr(null, row));
  }

  /**
   * Returns what refers to one of these manifests, what lies under tags made of their digests, and the manifests of `named`.
   * Those that show something (oci/manifest-kind.ts) come first.
   */
  async of(
    repository: RepositoryName,
    subjects: readonly Digest[],
    named: readonly Digest[],
  ): Promise<AttachedManifest[]> {
    const subject = { repository, subjects: JSON.stringify(subjects) };
    const results = await this.#db.batch<AttachedManifest>([
      prepare(
        this.#db,
        `SELECT ${COLUMNS} FROM repositories r CROSS JOIN json_each(:subjects) w
         CROSS JOIN manifests m INDEXED BY manifests_by_evidence
           ON m.repository_id = r.id AND m.subject = w.value AND m.deleted_at IS NULL AND m.evidence > 0
         WHERE r.name = :repository LIMIT ${MAX_SHOWING}`,
        subject,
      ),
      prepare(
        this.#db,
        `SELECT ${COLUMNS} FROM repositories r CROSS JOIN json_each(:subjects) w CROSS JOIN ${ATTACHMENT_ENDINGS_SQL} ending
         CROSS JOIN tags t ON t.repository_id = r.id AND t.name = 'sha256-' || substr(w.value, 8) || ending.value
         CROSS JOIN manifests m ON m.repository_id = r.id AND m.digest = t.digest AND m.deleted_at IS NULL
         WHERE r.name = :repository`,
        subject,
      ),
      prepare(
        this.#db,
        `SELECT ${COLUMNS} FROM repositories r CROSS JOIN json_each(:named) w
         CROSS JOIN manifests m ON m.repository_id = r.id AND m.digest = w.value AND m.deleted_at IS NULL
         WHERE r.name = :repository LIMIT ${MAX_SHOWING}`,
        { repository, named: JSON.stringify(named) },
      ),
      prepare(
        this.#db,
        `SELECT ${COLUMNS} FROM repositories r CROSS JOIN json_each(:subjects) w
         CROSS JOIN manifests m INDEXED BY manifests_by_subject
           ON m.repository_id = r.id AND m.subject = w.value AND m.deleted_at IS NULL
         WHERE r.name = :repository AND m.evidence = 0 LIMIT ${MAX_OTHERS}`,
        subject,
      ),
    ]);
    const rows = results.flatMap((result) => result.results);
    const unique = new Map(rows.map((row) => [row.digest, row]));
    return [...unique.values()].map((row) => inflatedOr(null, row));
  }

  /** Returns where the blobs of a repository are. */
  async blobs(
    repository: RepositoryName,
    digests: readonly Digest[],
  ): Promise<Map<Digest, StoredBlob>> {
    const { results } = await prepare(
      this.#db,
      `SELECT ${digestOf("b.digest_id")} AS digest, b.key, b.size FROM repositories r CROSS JOIN json_each(:digests) w
       CROSS JOIN repository_blobs l ON l.repository_id = r.id AND l.digest_id = ${idOf("w.value")}
       CROSS JOIN blobs b ON b.digest_id = l.digest_id AND b.missing_since IS NULL WHERE r.name = :repository`,
      { repository, digests: JSON.stringify([...new Set(digests)]) },
    ).all<StoredBlob & { digest: Digest }>();
    return new Map(results.map(({ digest, ...blob }) => [digest, blob]));
  }
}
