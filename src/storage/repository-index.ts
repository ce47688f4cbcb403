import type { RepositoryName } from "../oci/reference.ts";

/** What a manifest's annotations say of its repository. */
export interface Introduction {
  readonly description: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** D1: the repositories themselves. */
export class RepositoryIndex {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async exists(repository: RepositoryName): Promise<boolean> {
    const row = await this.#db
      .prepare(`SELECT id FROM repositories WHERE name = ?1`)
      .bind(repository)
      .first();
    return row !== null;
  }
}

/** Describes a repository by what was pushed to it, where nobody has described it yet. */
export function introduce(
  db: D1Database,
  repository: RepositoryName,
  { description, labels }: Introduction,
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE repositories SET
         description = CASE WHEN description = '' THEN ?2 ELSE description END,
         labels = CASE WHEN labels = '{}' THEN ?3 ELSE labels END,
         version = version + 1
       WHERE name = ?1 AND ((description = '' AND ?2 <> '') OR (labels = '{}' AND ?3 <> '{}'))`,
    )
    .bind(repository, description, JSON.stringify(labels));
}
