/**
 * SQL: the database's time, in milliseconds since 1970. What may be compared to the millisecond goes by this one clock,
 * whichever Worker wrote it: rights that were read before a revocation was made are older than it, and a blob's review
 * that was put off is younger than the collection that looks at it. Windows of days may begin by a Worker's clock.
 */
export const NOW = `CAST(unixepoch('subsec') * 1000 AS INTEGER)`;

/**
 * Between two steps of long work. Where the database is in this very process, as locally, the runtime looks for others'
 * requests only when a request waits for something outside.
 */
export async function letOthersIn(): Promise<void> {
  await scheduler.wait(1);
}
