import { prepare } from "./sql.ts";

/** An upload that has brought bytes and has not ended. */
export interface UnfinishedUpload {
  readonly name: string;
  readonly namespace: string;
  /** The actor's name; "" for an anonymous one. */
  readonly actor: string;
  readonly bytes: number;
}

/** Stores in D1 the bytes that unfinished uploads use of their namespaces. */
export class UnfinishedUploads {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /**
   * Counts an upload's bytes, or replaces its earlier count. An upload may turn out to be a blob that the namespace
   * already holds, which costs nothing: if the namespace holds one of its size or larger, the upload is counted even
   * beyond the quota.
   * @param most the most uploads that one actor may have
   * @returns false if the actor has as many, or the namespace has no room; nothing is counted then
   */
  async count(upload: UnfinishedUpload, most: number): Promise<boolean> {
    const { name, namespace, actor, bytes } = upload;
    const { results } = await prepare(
      this.#db,
      `INSERT INTO unfinished_uploads (name, namespace, actor, bytes) SELECT :name, :namespace, :actor, :bytes
       WHERE (EXISTS (SELECT 1 FROM unfinished_uploads WHERE name = :name) OR :most > (
           SELECT count(*) FROM (SELECT 1 FROM unfinished_uploads INDEXED BY unfinished_uploads_by_actor
             WHERE actor = :actor LIMIT :most) counted))
         AND (EXISTS (SELECT 1 FROM namespace_blobs WHERE namespace = :namespace AND size >= :bytes) OR NOT EXISTS (
           SELECT 1 FROM limits l LEFT JOIN namespace_usage u ON u.namespace = l.namespace
           WHERE l.namespace = :namespace AND coalesce(u.bytes + u.waiting, 0) + :bytes
             - coalesce((SELECT bytes FROM unfinished_uploads WHERE name = :name), 0) > l.bytes))
       ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes RETURNING name`,
      { name, namespace, actor, bytes, most },
    ).all();
    return results.length === 1;
  }

  /** Removes the count of an upload that has ended. */
  async forget(name: string): Promise<void> {
    await forgetUpload(this.#db, name).run();
  }
}

export function forgetUpload(db: D1Database, name: string): D1PreparedStatement {
  return prepare(db, `DELETE FROM unfinished_uploads WHERE name = :name`, { name });
}
