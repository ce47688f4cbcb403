import type { Page } from "../oci/page.ts";
import type { RepositoryName, Tag } from "../oci/reference.ts";
import { auditFound, type Initiator } from "./audit.ts";
import { refuseChange } from "./errors.ts";
import { rememberTags } from "./tag-history.ts";
import { prepare } from "./sql.ts";

/** D1: the names of things, page by page. */
export class TagStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /**
   * Returns a page of the names of tags.
   * @returns null if there is no such repository
   */
  async list(repository: RepositoryName, page: Page): Promise<string[] | null> {
    // The outer join answers two questions at once: no row means that there is no repository, one row without a tag
    // that the page is empty.
    const { results } = await prepare(
      this.#db,
      `SELECT t.name FROM repositories r
       LEFT JOIN tags t ON t.repository_id = r.id AND t.name > :after
       WHERE r.name = :repository ORDER BY t.name LIMIT :limit`,
      { repository, after: page.after, limit: Math.max(1, page.limit) },
    ).all<{ name: string | null }>();
    if (results.length === 0) return null;
    return results.flatMap(({ name }) => name ?? []).slice(0, page.limit);
  }

  /**
   * Deletes the tag; its manifest stays.
   * @returns false if there was none
   * @throws IMMUTABLE
   */
  async delete(repository: RepositoryName, tag: Tag, initiator: Initiator): Promise<boolean> {
    const there = {
      sql: `SELECT json_object('digest', t.digest) AS more FROM repositories r
        JOIN tags t ON t.repository_id = r.id AND t.name = :tag WHERE r.name = :repository`,
      values: { repository, tag },
    };
    const which = {
      sql: `t.repository_id = (SELECT id FROM repositories WHERE name = :repository) AND t.name = :tag`,
      values: { repository, tag },
    };
    const statements = [
      auditFound(this.#db, initiator, { action: "tag.delete", repository, reference: tag }, there),
      rememberTags(this.#db, { now: Date.now(), initiator, successor: null }, which),
      prepare(
        this.#db,
        `DELETE FROM tags
         WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository) AND name = :tag
         RETURNING name`,
        { repository, tag },
      ),
    ];
    try {
      const results = await this.#db.batch(statements);
      return results.at(-1)?.results.length === 1;
    } catch (error) {
      const named = { sql: "t.name = :tag", values: { tag } };
      return refuseChange(this.#db, repository, error, named);
    }
  }
}
