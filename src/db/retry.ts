import { isRaised } from "./raised.ts";
import { RegistryError } from "../oci/errors.ts";
import { type Fragment, prepare } from "./sql.ts";

/** How often a change is tried: what was read for it may change before its batch, and is then read again. */
const TRIES = 3;

/**
 * Returns a statement that fails the whole batch unless the condition returns a row. It checks that what was read
 * before the batch is unchanged, for changes of so many statements that they cannot each have a condition.
 */
export function assertion(
  db: D1Database,
  { sql, values }: Fragment,
  expected: "row" | "no row" = "row",
): D1PreparedStatement {
  const holds = `${expected === "row" ? "" : "NOT "}EXISTS (${sql})`;
  return prepare(db, `INSERT INTO assertions (holds) SELECT ${holds}`, values);
}

/**
 * Repeats an attempt while its data changes between its read and its batch.
 * @param attempt returns null if something has changed meanwhile
 * @throws UNAVAILABLE if that happens again and again
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
  return isRaised(error, "assertion");
}
