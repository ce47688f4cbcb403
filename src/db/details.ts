import type { Digest } from "../oci/digest.ts";
import type { ManifestPurpose } from "../oci/manifest-kind.ts";
import type { Page } from "../oci/page.ts";
import type { RepositoryName, Tag } from "../oci/reference.ts";
import { EVIDENCE_OF } from "./evidence.ts";
import { imageSize } from "./image-size.ts";
import { digestOf } from "./digests.ts";
import { IS_BLOB, IS_CONFIG } from "./manifest-references.ts";
import { inflatedOr, STORED_TEXT } from "./manifest-text.ts";
import { prepare, type Values } from "./sql.ts";

/** What the database knows of a manifest beyond the lists. */
export interface DetailRow {
  readonly digest: Digest;
  /** The bytes of the manifest itself. */
  readonly manifestSize: number;
  /** The text; null if it lies in R2, or is damaged. */
  readonly content: string | null;
  /** What belongs to it, as bits (oci/manifest-kind.ts). */
  readonly bits: number;
  /** Where its config is. */
  readonly configKey: string | null;
}

export interface ReferrerRow {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly artifactType: string;
  readonly kind: ManifestPurpose;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** The text; null if it is longer than MAX_REFERRER_TEXT, or damaged. */
  readonly content: string | null;
}

export interface PastUseRow {
  readonly tag: Tag;
  readonly successor: Digest | null;
  readonly changedAt: number;
  readonly changedBy: string | null;
}

export interface ChildRow {
  readonly digest: Digest;
  readonly kind: ManifestPurpose;
  /** What it shows itself, as bits. */
  readonly evidence: number;
  readonly size: number | null;
}

export interface Details {
  readonly manifest: DetailRow;
  /** One more than is shown, if there are more. */
  readonly referrers: readonly ReferrerRow[];
  readonly history: readonly PastUseRow[];
  /** By a blob that the manifest names: how many others name it too, as `sharedBy` of a layer says it. */
  readonly sharing: readonly { readonly digest: Digest; readonly others: number }[];
  /** Days since 1970. */
  readonly pulls: readonly { readonly day: number; readonly count: number }[];
}

export const MAX_REFERRERS = 100;
/** A signature or SBOM has a manifest of some two kilobytes; the annotations of longer ones are not read. */
const MAX_REFERRER_TEXT = 16 * 1024;
const MAX_HISTORY = 50;
/** The most entries of the history that the newest are chosen from. */
const MAX_HISTORY_SCANNED = 1_000;
const MAX_TAGS = 100;
/** The most blobs of a manifest for which is counted who else names them: an image has at most 127 layers. */
const MAX_SHARED = 150;
/** The most manifests that are looked at for each of them, the last pushed. */
const MAX_SHARING = 20;
/** The most references of a child that are added up: an image has at most 127 layers. */
const MAX_CHILD_NAMED = 150;

/** D1: all that the page of one manifest shows. */
export class DetailStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** @param firstDay the first day of pulls, in days since 1970 */
  async read(
    repository: RepositoryName,
    digest: Digest,
    firstDay: number,
  ): Promise<Details | null> {
    const which = { repository, digest };
    const statement = (sql: string, more: Values = {}) =>
      prepare(this.#db, sql, { ...which, ...more });
    const [manifests, referrers, history, sharing, pulls] = (await this.#db.batch([
      statement(MANIFEST),
      statement(REFERRERS, { after: "", limit: MAX_REFERRERS + 1 }),
      statement(HISTORY),
      statement(SHARING),
      statement(PULLS, { firstDay }),
    ])) as [
      D1Result<DetailRow>,
      D1Result<ReferrerRow>,
      D1Result<PastUseRow>,
      D1Result<Details["sharing"][number]>,
      D1Result<{ day: number; count: number }>,
    ];
    const [row] = manifests.results;
    if (row === undefined) return null;
    return {
      manifest: inflatedOr(null, row),
      referrers: referrers.results.map((referrer) => inflatedOr(null, referrer)),
      history: history.results,
      sharing: sharing.results,
      pulls: pulls.results,
    };
  }

  /**
   * Reads a page of a manifest's referrers, in the order of their digests.
   * @returns null when the repository has no such manifest
   */
  async referrers(
    repository: RepositoryName,
    digest: Digest,
    { after, limit }: Page,
  ): Promise<ReferrerRow[] | null> {
    const which = { repository, digest };
    const [subject, page] = (await this.#db.batch([
      prepare(this.#db, SUBJECT, which),
      prepare(this.#db, REFERRERS, { ...which, after, limit }),
    ])) as [D1Result<{ digest: Digest }>, D1Result<ReferrerRow>];
    if (subject.results.length === 0) return null;
    return page.results.map((referrer) => inflatedOr(null, referrer));
  }

  /** Reads those of an index's children that the repository has. */
  async children(
    repository: RepositoryName,
    digests: readonly Digest[],
  ): Promise<Map<Digest, ChildRow>> {
    const { results } = await prepare(
      this.#db,
      `SELECT m.digest, m.kind, m.evidence, ${imageSize(MAX_CHILD_NAMED)} AS size
       FROM repositories r CROSS JOIN json_each(:digests) w
       CROSS JOIN manifests m ON m.repository_id = r.id AND m.digest = w.value AND m.deleted_at IS NULL
       WHERE r.name = :repository`,
      { repository, digests: JSON.stringify(digests) },
    ).all<ChildRow>();
    return new Map(results.map((row) => [row.digest, row]));
  }
}

const MANIFEST = `SELECT m.digest, m.size AS manifestSize, ${STORED_TEXT}, ${EVIDENCE_OF} AS bits, b.key AS configKey
  FROM repositories r
  CROSS JOIN manifests m ON m.repository_id = r.id AND m.digest = :digest AND m.deleted_at IS NULL
  LEFT JOIN blobs b ON b.missing_since IS NULL AND b.digest_id = (
    SELECT max(+f.digest_id) FROM manifest_references f
    WHERE f.repository_id = m.repository_id AND f.manifest_id = m.id AND ${IS_CONFIG})
  WHERE r.name = :repository`;

const SUBJECT = `SELECT m.digest FROM repositories r
  CROSS JOIN manifests m ON m.repository_id = r.id AND m.digest = :digest AND m.deleted_at IS NULL
  WHERE r.name = :repository`;

const REFERRERS = `SELECT m.digest, m.media_type AS mediaType, m.artifact_type AS artifactType, m.kind,
    m.created_at AS createdAt, CASE WHEN m.size <= ${MAX_REFERRER_TEXT} THEN hex(m.content) END AS content
  FROM repositories r
  CROSS JOIN manifests m INDEXED BY manifests_by_subject
    ON m.repository_id = r.id AND m.subject = :digest AND m.digest > :after AND m.deleted_at IS NULL
  WHERE r.name = :repository ORDER BY m.digest LIMIT :limit`;

const HISTORY = `SELECT h.tag, h.successor, h.changed_at AS changedAt, h.changed_by AS changedBy
  FROM (SELECT repository_id, id FROM (
      SELECT p.repository_id, p.id FROM repositories r
      CROSS JOIN tag_history p INDEXED BY tag_history_by_digest ON p.repository_id = r.id AND p.digest = :digest
      WHERE r.name = :repository LIMIT ${MAX_HISTORY_SCANNED})
    ORDER BY id DESC LIMIT ${MAX_HISTORY}) newest
  CROSS JOIN tag_history h ON h.repository_id = newest.repository_id AND h.id = newest.id
  ORDER BY h.id DESC`;

/** The manifest itself is one of those that are looked at. */
const SHARING = `SELECT ${digestOf("f.digest_id")} AS digest, (
    SELECT count(*) FROM (
      SELECT o.manifest_id FROM manifest_references o INDEXED BY manifest_references_by_digest
      WHERE o.digest_id = f.digest_id AND o.repository_id = f.repository_id
      ORDER BY o.manifest_id DESC LIMIT ${MAX_SHARING + 1}) s
    CROSS JOIN manifests m ON m.id = s.manifest_id AND m.deleted_at IS NULL
    WHERE m.id <> f.manifest_id) AS others
  FROM repositories r
  CROSS JOIN manifests i ON i.repository_id = r.id AND i.digest = :digest
  CROSS JOIN manifest_references f ON f.repository_id = i.repository_id AND f.manifest_id = i.id AND ${IS_BLOB}
  WHERE r.name = :repository LIMIT ${MAX_SHARED}`;

const PULLS = `SELECT p.day, sum(p.count) AS count
  FROM (SELECT t.repository_id, t.name FROM repositories r
      CROSS JOIN tags t INDEXED BY tags_by_digest ON t.repository_id = r.id AND t.digest = :digest
      WHERE r.name = :repository ORDER BY t.name LIMIT ${MAX_TAGS}) t
  CROSS JOIN pulls p ON p.repository_id = t.repository_id AND p.tag = t.name AND p.day >= :firstDay
  GROUP BY p.day ORDER BY p.day`;
