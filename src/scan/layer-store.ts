import type { Digest } from "../oci/digest.ts";
import type { RepositoryName } from "../oci/reference.ts";
import { idOf } from "../db/digests.ts";
import { prepare } from "../db/sql.ts";

/** A layer of an image, as far as it is known. */
export interface KnownLayer {
  readonly digest: Digest;
  /** Where its bytes are. */
  readonly key: string;
  readonly size: number;
  /** The bytes of its stored list; null if it has none of these readers. */
  readonly listBytes: number | null;
  /** How often these readers have begun it and came to no end. */
  readonly attempts: number;
}

/** D1: the lists of packages of layers. */
export class LayerStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /**
   * Returns those of the layers that the repository holds: others may be private, however well their digests are known.
   * @param readers the version of the code that reads layers
   */
  async layers(
    repository: RepositoryName,
    digests: readonly Digest[],
    readers: number,
  ): Promise<Map<Digest, KnownLayer>> {
    const { results } = await prepare(
      this.#db,
      `SELECT w.value AS digest, b.key, b.size, length(l.list) AS listBytes, coalesce(l.attempts, 0) AS attempts
       FROM repositories r CROSS JOIN json_each(:digests) w
       CROSS JOIN repository_blobs k ON k.repository_id = r.id AND k.digest_id = ${idOf("w.value")}
       CROSS JOIN blobs b ON b.digest_id = k.digest_id AND b.missing_since IS NULL
       LEFT JOIN layer_lists l ON l.digest_id = b.digest_id AND l.readers = :readers
       WHERE r.name = :repository`,
      { repository, digests: JSON.stringify([...new Set(digests)]), readers },
    ).all<KnownLayer>();
    return new Map(results.map((row) => [row.digest, row]));
  }

  /** Returns the stored lists of layers. */
  async lists(digests: readonly Digest[], readers: number): Promise<Map<Digest, string>> {
    const { results } = await prepare(
      this.#db,
      `SELECT w.value AS digest, hex(l.list) AS list FROM json_each(:digests) w
       CROSS JOIN layer_lists l ON l.digest_id = ${idOf("w.value")} AND l.readers = :readers AND l.list IS NOT NULL`,
      { digests: JSON.stringify([...new Set(digests)]), readers },
    ).all<{ digest: Digest; list: string }>();
    return new Map(results.map(({ digest, list }) => [digest, list]));
  }

  /** Counts an attempt at a layer before it begins: if it ends the Worker, nothing can be stored afterwards. */
  async beginList(digest: Digest, readers: number): Promise<void> {
    await prepare(
      this.#db,
      `INSERT INTO layer_lists (digest_id, readers, attempts)
       SELECT b.digest_id, :readers, 1 FROM blobs b WHERE b.digest_id = ${idOf(":digest")}
       ON CONFLICT (digest_id) DO UPDATE SET readers = excluded.readers,
         attempts = CASE readers WHEN excluded.readers THEN attempts + 1 ELSE 1 END,
         list = CASE readers WHEN excluded.readers THEN list END`,
      { digest, readers },
    ).run();
  }

  /** Takes an attempt back that failed for another reason than the layer. */
  async endAttempt(digest: Digest, readers: number): Promise<void> {
    await prepare(
      this.#db,
      `UPDATE layer_lists SET attempts = max(attempts - 1, 0) WHERE digest_id = ${idOf(":digest")} AND readers = :readers`,
      { digest, readers },
    ).run();
  }

  /** Stores the list of a layer, unless the layer has gone meanwhile. */
  async putList(digest: Digest, readers: number, list: string): Promise<void> {
    await prepare(
      this.#db,
      `INSERT INTO layer_lists (digest_id, readers, list)
       SELECT b.digest_id, :readers, unhex(:list) FROM blobs b WHERE b.digest_id = ${idOf(":digest")}
       ON CONFLICT (digest_id) DO UPDATE SET readers = excluded.readers, attempts = 0, list = excluded.list`,
      { digest, readers, list },
    ).run();
  }
}
