/** SQL: the id of a digest; NULL if no row names it. @param digest SQL of its text, with its table */
export function idOf(digest: string): string {
  return `(SELECT id FROM digests WHERE hash = unhex(substr(${digest}, 8)))`;
}

/** SQL: the text of a digest. @param id SQL of its id */
export function digestOf(id: string): string {
  return `(SELECT digest FROM digests WHERE id = ${id})`;
}
