import { RegistryError } from "../oci/errors.ts";

const DAY = 86_400_000;

/**
 * @param event what happened then, in milliseconds since 1970
 * @param age how long such things can be restored
 * @throws NOT_FOUND when that time is over, whether it has been collected or not
 */
export function requireInTime(event: string, then: number, age: number): void {
  if (then > Date.now() - age) return;
  throw new RegistryError("NOT_FOUND", {
    message: `${event} on ${new Date(then).toISOString()}; here that can be undone for ${age / DAY} days`,
  });
}
