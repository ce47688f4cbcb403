/** D1: what is due to be collected. */
export class CollectionIndex {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }
}
