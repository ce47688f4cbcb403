import type { Digest } from "../oci/digest.ts";
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
}

/** D1: the lists of packages of layers. */
export class LayerStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Returns those of the layers whose bytes are there. @param readers the version of the code that reads layers */
  async layers(digests: readonly Digest[], readers: number): Promise<Map<Digest, KnownLayer>> {
    const { results } = await prepare(
      this.#db,
      `SELECT w.value AS digest, b.key, b.size, length(l.list) AS listBytes
       FROM json_each(:digests) w
       CROSS JOIN blobs b ON b.digest_id = ${idOf("w.value")} AND b.missing_since IS NULL
       LEFT JOIN layer_lists l ON l.digest_id = b.digest_id AND l.readers = :readers`,
      { digests: JSON.stringify([...new Set(digests)]), readers },
    ).all<KnownLayer>();
    return new Map(results.map((row) => [row.digest, row]));
  }

  /** Returns the stored lists of layers. */
  async lists(digests: readonly Digest[], readers: number): Promise<Map<Digest, string>> {
    const { results } = await prepare(
      this.#db,
      `SELECT w.value AS digest, hex(l.list) AS list FROM json_each(:digests) w
       CROSS JOIN layer_lists l ON l.digest_id = ${idOf("w.value")} AND l.readers = :readers`,
      { digests: JSON.stringify([...new Set(digests)]), readers },
    ).all<{ digest: Digest; list: string }>();
    return new Map(results.map(({ digest, list }) => [digest, list]));
  }

  /** Stores the list of a layer, unless the layer has gone meanwhile. */
  async putList(digest: Digest, readers: number, list: string): Promise<void> {
    await prepare(
      this.#db,
      `INSERT INTO layer_lists (digest_id, readers, list)
       SELECT b.digest_id, :readers, unhex(:list) FROM blobs b WHERE b.digest_id = ${idOf(":digest")}
       ON CONFLICT (digest_id) DO UPDATE SET readers = excluded.readers, list = excluded.list`,
      { digest, readers, list },
    ).run();
  }
}
