/** An upload that has brought bytes and not come to its end. */
export interface UnfinishedUpload {
  readonly name: string;
  readonly namespace: string;
  /** "" for nobody. */
  readonly actor: string;
  readonly bytes: number;
}

/** D1: what unfinished uploads take of their namespaces. */
export class UnfinishedUploads {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /**
   * Counts an upload, or counts it anew. It may become a blob that the namespace holds, which costs nothing: where one is of
   * its size or larger, it is counted without room as well.
   * @param most how many one actor may have
   * @returns false where the actor has as many, or the namespace has no room for it: nothing is counted then
   */
  async count(upload: UnfinishedUpload, most: number): Promise<boolean> {
    const { name, namespace, actor, bytes } = upload;
    const { results } = await this.#db
      .prepare(
        `INSERT INTO unfinished_uploads (name, namespace, actor, bytes) SELECT ?1, ?2, ?3, ?4
         WHERE (EXISTS (SELECT 1 FROM unfinished_uploads WHERE name = ?1) OR ?5 > (
             SELECT count(*) FROM (SELECT 1 FROM unfinished_uploads INDEXED BY unfinished_uploads_by_actor
               WHERE actor = ?3 LIMIT ?5) counted))
           AND (EXISTS (SELECT 1 FROM namespace_blobs WHERE namespace = ?2 AND size >= ?4) OR NOT EXISTS (
             SELECT 1 FROM limits l LEFT JOIN namespace_usage u ON u.namespace = l.namespace
             WHERE l.namespace = ?2 AND coalesce(u.bytes + u.waiting, 0) + ?4
               - coalesce((SELECT bytes FROM unfinished_uploads WHERE name = ?1), 0) > l.bytes))
         ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes RETURNING name`,
      )
      .bind(name, namespace, actor, bytes, most)
      .all();
    return results.length === 1;
  }

  /** The upload has ended. */
  async forget(name: string): Promise<void> {
    await forgetUpload(this.#db, name).run();
  }
}

export function forgetUpload(db: D1Database, name: string): D1PreparedStatement {
  return db.prepare(`DELETE FROM unfinished_uploads WHERE name = ?1`).bind(name);
}
