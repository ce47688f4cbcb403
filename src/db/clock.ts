/**
 * SQL for the database's time, in milliseconds since 1970. Times that are compared to the millisecond all use this one
 * clock, whichever Worker writes them: rights that were read before a revocation was made are older than it, and a blob
 * whose grace period was renewed is younger than the garbage collection that looks at it. Windows of days may use a
 * Worker's clock.
 */
export const NOW = `CAST(unixepoch('subsec') * 1000 AS INTEGER)`;

/**
 * Lets other requests run between two steps of long work. Where the database is in the same process, as in a local run,
 * the runtime turns to other requests only when this one waits for something outside.
 */
export async function letOthersIn(): Promise<void> {
  await scheduler.wait(1);
}
