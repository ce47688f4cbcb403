/**
 * SQL: the database's time, in milliseconds since 1970. What is compared goes by one clock, whichever Worker wrote it:
 * rights that were read before a revocation was made are older than it.
 */
export const NOW = `CAST(unixepoch('subsec') * 1000 AS INTEGER)`;
