import type { NameRange } from "../auth/policy/ranges.ts";
import type { RepositoryName } from "../oci/reference.ts";
import { COLUMNS, parse, type Row, type StoredRepository } from "./repositories.ts";
import { prepare } from "./sql.ts";

/** Lists repositories from D1, by ranges of their names. */
export class RepositoryLists {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /**
   * Returns the first repositories of some ranges of names, and the first public ones of others. Each range is looked
   * up in its index and returns at most a page, so the cost is that of the page and the ranges.
   */
  async list(
    ranges: { readonly any: readonly NameRange[]; readonly public: readonly NameRange[] },
    limit: number,
  ): Promise<StoredRepository[]> {
    const within = `name >= w.value ->> 'from' AND name <= w.value ->> 'to' ORDER BY name LIMIT :limit`;
    const { results } = await prepare(
      this.#db,
      `SELECT ${COLUMNS} FROM repositories WHERE id IN (
         SELECT r.id FROM json_each(:any) w CROSS JOIN repositories r ON r.id IN (
           SELECT id FROM repositories WHERE ${within})
         UNION
         SELECT r.id FROM json_each(:public) w CROSS JOIN repositories r ON r.id IN (
           SELECT id FROM repositories INDEXED BY public_repositories
           WHERE visibility = 'public' AND ${within})
       ) ORDER BY name LIMIT :limit`,
      { any: JSON.stringify(ranges.any), public: JSON.stringify(ranges.public), limit },
    ).all<Row<StoredRepository>>();
    return results.map(parse);
  }

  /** Returns the first names of a range; the index of names answers alone. */
  async names({ from, to }: NameRange, limit: number): Promise<RepositoryName[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT name FROM repositories WHERE name >= :from AND name <= :to ORDER BY name LIMIT :limit`,
      { from, to, limit },
    ).all<{ name: RepositoryName }>();
    return results.map(({ name }) => name);
  }

  /** Returns the repositories of these names. */
  async named(names: readonly RepositoryName[]): Promise<StoredRepository[]> {
    if (names.length === 0) return [];
    const { results } = await prepare(
      this.#db,
      `SELECT ${COLUMNS} FROM json_each(:names) w CROSS JOIN repositories ON name = w.value`,
      { names: JSON.stringify(names) },
    ).all<Row<StoredRepository>>();
    return results.map(parse);
  }
}
