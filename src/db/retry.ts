import { RegistryError } from "../oci/errors.ts";
import type { Condition } from "./audit.ts";

const FAILED = /changed meanwhile/;
/** What was read may be changed before the batch that rests on it; then it is read again. */
const TRIES = 3;

/**
 * Holds a batch to what was read before it: unless the condition gives a row, all of the batch fails. For changes of so many
 * statements that each of them cannot say for itself when it is to do nothing.
 */
export function assertion(
  db: D1Database,
  { sql, parameters }: Condition,
  expected: "row" | "no row" = "row",
): D1PreparedStatement {
  const holds = `${expected === "row" ? "" : "NOT "}EXISTS (${sql})`;
  return db.prepare(`INSERT INTO assertions (holds) SELECT ${holds}`).bind(null, ...parameters);
}

/**
 * @param attempt gives null where something was changed meanwhile
 * @throws UNAVAILABLE where that happens again and again
 */
export async function retry<T>(attempt: () => Promise<T | null>): Promise<T> {
  for (let tries = 0; tries < TRIES; tries++) {
    const done = await attempt();
    if (done !== null) return done;
  }
  throw new RegistryError("UNAVAILABLE", {
    message: "others are changing the same at this moment; try again",
  });
}

export function hasFailed(error: unknown): boolean {
  return FAILED.test(String(error));
}
