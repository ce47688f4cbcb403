import { RegistryError } from "../oci/errors.ts";

const DAY = 86_400_000;

/**
 * Checks that a deletion or change can still be restored.
 * @param event what happened, for the message
 * @param then when it happened, in milliseconds since 1970
 * @param age how long it can be restored, in milliseconds
 * @throws NOT_FOUND if that time is over, even if garbage collection has not run yet
 */
export function requireInTime(event: string, then: number, age: number): void {
  if (then > Date.now() - age) return;
  throw new RegistryError("NOT_FOUND", {
    message: `${event} on ${new Date(then).toISOString()}; here that can be undone for ${age / DAY} days`,
  });
}
