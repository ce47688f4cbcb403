import type { Digest } from "../oci/digest.ts";
import type { RepositoryName } from "../oci/reference.ts";
import { type AuditEntry, auditChange, BY_ITSELF, type Initiator } from "../db/audit.ts";
import { NOW } from "../db/clock.ts";
import { idOf } from "../db/digests.ts";
import { STORED_TEXT } from "../db/manifest-text.ts";
import { prepare } from "../db/sql.ts";

/** An image whose turn it is. */
export interface DueImage {
  readonly manifestId: number;
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** The manifest's text as `STORED_TEXT` selects it; "" if it lies in the object. */
  readonly content: string;
  readonly object: string | null;
  /** Milliseconds since 1970. */
  readonly dueAt: number;
  /** Tries since the last result. */
  readonly failures: number;
  /** As `stored-text.ts` writes it; null if it was never matched. */
  readonly result: string | null;
  /** JSON of a `Summary`; null if it was never matched. */
  readonly summary: string | null;
  /** JSON of a `Pending`; null if no scanner is at work. */
  readonly pending: string | null;
  /** The manifest's. */
  readonly mediaType: string;
  /** 1 if it has a tag, itself or by an index, or was used since the day that was asked for. */
  readonly isActive: 0 | 1;
}

/** An image whose scan has begun: until when nobody else begins one, in milliseconds since 1970. */
export interface Claim {
  readonly manifestId: number;
  readonly untilMs: number;
}

/** What is stored of an image that was scanned. */
export interface Outcome {
  readonly unscannable: string | null;
  /** Whether a signer whom the namespace trusts vouches for it. */
  readonly isSigned: boolean;
  /** null where no scanner has matched it yet. */
  readonly matched: {
    readonly result: string;
    readonly summary: string;
    /** The ids of its vulnerabilities. */
    readonly ids: readonly string[];
    /** Whether a scanner matched it, and no exception alone changed. */
    readonly isAnew: boolean;
  } | null;
  /** JSON of a `Pending`; null if all scanners have finished. */
  readonly pending: string | null;
  /** How many scanners are pulling it. */
  readonly pulling: number;
  /** Why a scanner failed; null if none did. */
  readonly failure: string | null;
  /** When it is looked at next, in milliseconds since 1970; null for never. */
  readonly dueAt: number | null;
  readonly entries: readonly AuditEntry[];
}

/** SQL over `manifests m`: whether a tag points to it, or to an index that names it. */
const IS_TAGGED = `(EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = m.repository_id AND t.digest = m.digest)
  OR EXISTS (SELECT 1 FROM manifest_references f
    CROSS JOIN manifests i ON i.id = f.manifest_id
    CROSS JOIN tags t ON t.repository_id = i.repository_id AND t.digest = i.digest
    WHERE f.digest_id = ${idOf("m.digest")} AND f.repository_id = m.repository_id))`;

/** D1: the scans of images. */
export class ScanStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Stores whether new images are scanned. */
  async setScanning(isOn: boolean): Promise<void> {
    const scanning = isOn ? 1 : 0;
    await prepare(
      this.#db,
      "UPDATE bounds SET scanning = :scanning WHERE id = 1 AND scanning <> :scanning",
      { scanning },
    ).run();
  }

  /**
   * Makes images due that are not, in the order of their ids.
   * @returns the last id; null at the end
   */
  async makeDue(afterId: number, limit: number): Promise<number | null> {
    const page = `SELECT id FROM manifests WHERE id > :afterId ORDER BY id LIMIT :limit`;
    const [ids] = (await this.#db.batch([
      prepare(this.#db, `SELECT max(id) AS last, count(*) AS count FROM (${page})`, {
        afterId,
        limit,
      }),
      prepare(
        this.#db,
        `INSERT INTO scans (manifest_id, due_at)
         SELECT m.id, ${NOW} FROM manifests m WHERE m.id IN (${page}) AND m.kind = 'image'
         ON CONFLICT (manifest_id) DO UPDATE SET due_at = min(coalesce(due_at, excluded.due_at), excluded.due_at)`,
        { afterId, limit },
      ),
    ])) as [D1Result<{ last: number | null; count: number }>, D1Result];
    const { last = null, count = 0 } = ids.results[0] ?? {};
    return count < limit ? null : last;
  }

  /** Makes images due at once, for somebody who asked for it. @returns whether one of them is scanned at all */
  async makeDueNow(
    repository: RepositoryName,
    { digest, images }: { readonly digest: Digest; readonly images: readonly Digest[] },
    initiator: Initiator,
  ): Promise<boolean> {
    const which = `manifest_id IN (
      SELECT m.id FROM repositories r CROSS JOIN json_each(:images) w
      CROSS JOIN manifests m ON m.repository_id = r.id AND m.digest = w.value WHERE r.name = :repository)`;
    const values = { repository, images: JSON.stringify(images) };
    const there = { sql: `SELECT 1 FROM scans WHERE ${which}`, values };
    const entry: AuditEntry = { action: "image.rescan", repository, digest };
    const results = await this.#db.batch([
      auditChange(this.#db, initiator, entry, there),
      prepare(
        this.#db,
        // A scan that goes on does so; one that waits after a failure begins. Without a time of its last list the image counts as in use.
        `UPDATE scans SET due_at = ${NOW}, listed_at = NULL, pending = CASE WHEN pulling > 0 THEN pending END
         WHERE ${which} RETURNING manifest_id`,
        values,
      ),
    ]);
    return results[1]?.results.length !== 0;
  }

  /** Returns how many images scanners are pulling, and when the first report may be there, in milliseconds since 1970. */
  async pulling(): Promise<{ readonly count: number; readonly nextAt: number | null }> {
    const row = await prepare(
      this.#db,
      `SELECT count(*) AS count, min(due_at) AS nextAt FROM scans INDEXED BY scans_pulling WHERE pulling > 0`,
      {},
    ).first<{ count: number; nextAt: number | null }>();
    return row ?? { count: 0, nextAt: null };
  }

  /**
   * Returns the images whose turn it is. Those that scanners are pulling come first, half of them at most: reports are not kept
   * for long.
   * @param sinceDay the first day on which a use counts, in days since 1970
   */
  async due(limit: number, sinceDay: number): Promise<DueImage[]> {
    const [pulled, all] = await this.#db.batch<DueImage>([
      this.#due("scans_pulling", { limit: Math.ceil(limit / 2), sinceDay }),
      this.#due("scans_by_time", { limit, sinceDay }),
    ]);
    const rows = [...(pulled?.results ?? []), ...(all?.results ?? [])];
    return [...new Map(rows.map((row) => [row.manifestId, row])).values()].slice(0, limit);
  }

  #due(
    index: "scans_pulling" | "scans_by_time",
    values: { readonly limit: number; readonly sinceDay: number },
  ): D1PreparedStatement {
    return prepare(
      this.#db,
      `SELECT s.manifest_id AS manifestId, r.name AS repository, m.digest, ${STORED_TEXT}, m.object, s.due_at AS dueAt, s.failures,
         CASE WHEN s.result IS NOT NULL THEN hex(s.result) END AS result,
         s.summary, s.pending, m.media_type AS mediaType, (s.listed_at IS NULL OR ${IS_TAGGED} OR m.pushed_at >= :sinceDay * 86400000
           OR EXISTS (SELECT 1 FROM manifest_pulls p
             WHERE p.repository_id = m.repository_id AND p.digest = m.digest AND p.day >= :sinceDay)) AS isActive
       FROM scans s INDEXED BY ${index}
       CROSS JOIN manifests m ON m.id = s.manifest_id
       CROSS JOIN repositories r ON r.id = m.repository_id
       WHERE ${index === "scans_pulling" ? "s.pulling > 0 AND " : ""}s.due_at <= ${NOW} AND m.deleted_at IS NULL AND m.missing_since IS NULL AND r.deleted_at IS NULL
       ORDER BY s.due_at LIMIT :limit`,
      values,
    );
  }

  /** Postpones the images that nobody can see: they may be restored. */
  async postponeUnseen(dueAt: number, limit: number): Promise<void> {
    await prepare(
      this.#db,
      `UPDATE scans SET due_at = :dueAt, pending = NULL, pulling = 0 WHERE manifest_id IN (
         SELECT s.manifest_id FROM scans s INDEXED BY scans_by_time
         CROSS JOIN manifests m ON m.id = s.manifest_id
         CROSS JOIN repositories r ON r.id = m.repository_id
         WHERE s.due_at <= ${NOW}
           AND (m.deleted_at IS NOT NULL OR m.missing_since IS NOT NULL OR r.deleted_at IS NOT NULL)
         LIMIT :limit)`,
      { dueAt, limit },
    ).run();
  }

  /**
   * Begins the scan of an image. It counts as a try before it is known what it comes to: an image that ends the Worker waits longer
   * each time, and the others have their turns.
   * @returns false where it is no longer due: another turn of the job has begun it, or its time was changed
   */
  async claim({ manifestId, dueAt }: DueImage, untilMs: number): Promise<boolean> {
    const row = await prepare(
      this.#db,
      `UPDATE scans SET due_at = :untilMs, failures = failures + 1
       WHERE manifest_id = :manifestId AND due_at = :dueAt RETURNING manifest_id`,
      { manifestId, dueAt, untilMs },
    ).first();
    return row !== null;
  }

  /**
   * Stores what a scan came to, with its events; nothing if the image has gone meanwhile. If it became due again since the scan
   * began, for an exception that the scan may not know of, it stays due.
   */
  async finish(
    { manifestId, untilMs }: Claim,
    { unscannable, isSigned, matched, dueAt, entries, pending, pulling, failure }: Outcome,
  ): Promise<void> {
    const there = {
      sql: "SELECT 1 FROM scans WHERE manifest_id = :manifestId",
      values: { manifestId },
    };
    await this.#db.batch([
      ...entries.map((entry) => auditChange(this.#db, BY_ITSELF, entry, there)),
      prepare(
        this.#db,
        // The last failure is shown until all scanners have finished. The try that was counted beforehand is taken back.
        `UPDATE scans SET due_at = CASE due_at WHEN :untilMs THEN :dueAt ELSE ${NOW} END, listed_at = ${NOW},
           unscannable = :unscannable, signed = :signed, pending = :pending, pulling = :pulling,
           failures = CASE WHEN :pending IS NULL THEN 0 ELSE max(failures - (:failure IS NULL), 0) END,
           error = CASE WHEN :pending IS NOT NULL THEN coalesce(:failure, error) END
         WHERE manifest_id = :manifestId`,
        {
          manifestId,
          untilMs,
          dueAt,
          unscannable,
          signed: isSigned ? 1 : 0,
          pending,
          pulling,
          failure,
        },
      ),
      ...(matched === null ? [] : this.#matched(manifestId, matched)),
    ]);
  }

  #matched(
    manifestId: number,
    { result, summary, ids, isAnew }: NonNullable<Outcome["matched"]>,
  ): D1PreparedStatement[] {
    const named = { manifestId, ids: JSON.stringify(ids) };
    return [
      prepare(
        this.#db,
        `UPDATE scans SET matched_at = CASE WHEN :isAnew THEN ${NOW} ELSE matched_at END, summary = :summary, result = unhex(:result)
         WHERE manifest_id = :manifestId`,
        { manifestId, summary, result, isAnew: isAnew ? 1 : 0 },
      ),
      // Only what changed is written: most matches find what the last one found.
      prepare(
        this.#db,
        `DELETE FROM image_vulnerabilities
         WHERE manifest_id = :manifestId AND vulnerability NOT IN (SELECT value FROM json_each(:ids))`,
        named,
      ),
      prepare(
        this.#db,
        `INSERT INTO image_vulnerabilities (vulnerability, manifest_id)
         SELECT w.value, s.manifest_id FROM json_each(:ids) w CROSS JOIN scans s ON s.manifest_id = :manifestId
         WHERE true ON CONFLICT DO NOTHING`,
        named,
      ),
    ];
  }

  /** Postpones an image that is no longer used, unless it became due again. */
  async postpone({ manifestId, dueAt }: DueImage, untilMs: number | null): Promise<void> {
    await prepare(
      this.#db,
      `UPDATE scans SET due_at = :untilMs, failures = 0, error = NULL, pending = NULL, pulling = 0
       WHERE manifest_id = :manifestId AND due_at = :dueAt`,
      { manifestId, dueAt, untilMs },
    ).run();
  }

  /** Has a scan go on that is not at its end, after the other images that are due. @param failures tries that count */
  async goOn({ manifestId, untilMs }: Claim, failures: number): Promise<void> {
    await prepare(
      this.#db,
      `UPDATE scans SET due_at = ${NOW}, failures = :failures WHERE manifest_id = :manifestId AND due_at = :untilMs`,
      { manifestId, untilMs, failures },
    ).run();
  }

  /** Remembers why a scan failed, unless it was stored all the same: it is tried again when the claim ends. The last result stays. */
  async fail({ manifestId, untilMs }: Claim, error: string): Promise<void> {
    await prepare(
      this.#db,
      `UPDATE scans SET error = :error, pending = NULL, pulling = 0 WHERE manifest_id = :manifestId AND due_at = :untilMs`,
      { manifestId, untilMs, error },
    ).run();
  }
}
