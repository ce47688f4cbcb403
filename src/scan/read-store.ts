import type { Digest } from "../oci/digest.ts";
import type { ManifestPurpose } from "../oci/manifest-kind.ts";
import type { RepositoryName } from "../oci/reference.ts";
import { IS_MANIFEST } from "../db/manifest-references.ts";
import { STORED_TEXT } from "../db/manifest-text.ts";
import { prepare } from "../db/sql.ts";
import { readTagScans } from "./tag-scan-store.ts";

/** A manifest with its scan, if it has one; times are in milliseconds since 1970. */
export interface ScanRow {
  readonly digest: Digest;
  /** The platform that an index gives for it; null for none. */
  readonly platform: string | null;
  readonly listedAt: number | null;
  readonly matchedAt: number | null;
  readonly dueAt: number | null;
  readonly unscannable: string | null;
  readonly error: string | null;
  readonly summary: string | null;
  /** As `stored-text.ts` writes it; null also where those before it are too long. */
  readonly result: string | null;
  /** Of the result as it is stored; null for none. */
  readonly resultBytes: number | null;
}

export interface ManifestText {
  readonly kind: ManifestPurpose;
  /** As `STORED_TEXT` selects it; "" if it lies in the object. */
  readonly content: string;
  readonly object: string | null;
}

/** An image that has a vulnerability. */
export interface VulnerableImage {
  readonly manifestId: number;
  readonly repository: RepositoryName;
  readonly visibility: "public" | "private";
  readonly digest: Digest;
  /** The first tags of the image itself, at most 10. */
  readonly tags: readonly string[];
  /** Milliseconds since 1970. */
  readonly matchedAt: number | null;
}

const MAX_TAGS = 10;
/** The most images of an index that are read: each has findings of its own. */
const MAX_IMAGES = 32;

const SCAN = `m.digest, s.listed_at AS listedAt, s.matched_at AS matchedAt, s.due_at AS dueAt, s.unscannable, s.error,
  s.summary, length(s.result) AS resultBytes`;
const RESULT = `CASE WHEN s.result IS NOT NULL THEN hex(s.result) END AS result`;
/** The results of an index's images that are read, in bytes as they are stored: some 40 MB of JSON. */
const MAX_RESULTS_BYTES = 4 * 1024 ** 2;
const RESULT_OF_SEVERAL = `CASE WHEN sum(length(s.result)) OVER (
  ORDER BY f.platform, m.digest ROWS UNBOUNDED PRECEDING) <= ${MAX_RESULTS_BYTES} THEN hex(s.result) END AS result`;
const MANIFEST = `FROM repositories r
  CROSS JOIN manifests m ON m.repository_id = r.id AND m.digest = :digest AND m.deleted_at IS NULL`;

/** D1: what scans found, for those who look at it. */
export class ScanReads {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Returns an image's manifest; null if there is none. */
  async manifest(repository: RepositoryName, digest: Digest): Promise<ManifestText | null> {
    return prepare(
      this.#db,
      `SELECT m.kind, ${STORED_TEXT}, m.object ${MANIFEST} WHERE r.name = :repository`,
      { repository, digest },
    ).first<ManifestText>();
  }

  /**
   * Returns a page of the images that have a vulnerability, of all repositories, in the order of their ids.
   * @param vulnerability any of its ids
   */
  async vulnerable(
    vulnerability: string,
    afterId: number,
    limit: number,
  ): Promise<VulnerableImage[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT v.manifest_id AS manifestId, r.name AS repository, r.visibility, m.digest, s.matched_at AS matchedAt,
         (SELECT group_concat(name) FROM (
           SELECT t.name FROM tags t WHERE t.repository_id = m.repository_id AND t.digest = m.digest
           ORDER BY t.name LIMIT ${MAX_TAGS})) AS tags
       FROM image_vulnerabilities v
       CROSS JOIN manifests m ON m.id = v.manifest_id AND m.deleted_at IS NULL
       CROSS JOIN repositories r ON r.id = m.repository_id AND r.deleted_at IS NULL
       CROSS JOIN scans s ON s.manifest_id = m.id
       WHERE v.vulnerability = :vulnerability AND v.manifest_id > :afterId ORDER BY v.manifest_id LIMIT :limit`,
      { vulnerability, afterId, limit },
    ).all<Omit<VulnerableImage, "tags"> & { tags: string | null }>();
    return results.map((row) => ({ ...row, tags: row.tags === null ? [] : row.tags.split(",") }));
  }

  /** Returns what a list of tags says of scans, by digest. */
  ofTags(repository: RepositoryName, listed: Parameters<typeof readTagScans>[2]) {
    return readTagScans(this.#db, repository, listed);
  }

  /** Returns the scan of an image, or those of an index's images, at most 32; null if there is no such manifest. */
  async scans(repository: RepositoryName, digest: Digest): Promise<readonly ScanRow[] | null> {
    const which = { repository, digest };
    const [own, children] = (await this.#db.batch([
      prepare(
        this.#db,
        `SELECT m.kind, ${SCAN}, ${RESULT}, NULL AS platform ${MANIFEST} LEFT JOIN scans s ON s.manifest_id = m.id WHERE r.name = :repository`,
        which,
      ),
      prepare(
        this.#db,
        `SELECT ${SCAN}, ${RESULT_OF_SEVERAL}, f.platform FROM repositories r
         CROSS JOIN manifests i ON i.repository_id = r.id AND i.digest = :digest AND i.deleted_at IS NULL
         CROSS JOIN manifest_references f ON f.repository_id = r.id AND f.manifest_id = i.id AND ${IS_MANIFEST}
         CROSS JOIN digests d ON d.id = f.digest_id
         CROSS JOIN manifests m ON m.repository_id = r.id AND m.digest = d.digest AND m.deleted_at IS NULL AND m.kind = 'image'
         LEFT JOIN scans s ON s.manifest_id = m.id
         WHERE r.name = :repository AND i.kind = 'index' ORDER BY f.platform, m.digest LIMIT ${MAX_IMAGES}`,
        which,
      ),
    ])) as [D1Result<ScanRow & { readonly kind: ManifestPurpose }>, D1Result<ScanRow>];
    const [manifest] = own.results;
    if (manifest === undefined) return null;
    const { kind, ...row } = manifest;
    return kind === "index" ? children.results : [row];
  }
}
