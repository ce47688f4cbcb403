import { secretHash } from "./secret.ts";
import type { FailureCount } from "./principals.ts";

/** Failures are counted over so many milliseconds from the first one. */
export const FAILURE_WINDOW = 15 * 60_000;
/** Far more than a person mistypes; at this rate a password of eight random letters lasts for thousands of years. */
const MAX_FAILURES = 30;

/** Where a login's failure is counted. The account is hashed: people type passwords where the name belongs. */
export async function failureKeys(name: string, address: string): Promise<string[]> {
  return [`account:${await secretHash(name)}`, `address:${network(address)}`];
}

/** Seconds to wait, when one of the counts has reached its limit; else null. */
export function retryAfter(counts: readonly FailureCount[], now: number): number | null {
  const ends = counts.flatMap(({ failures, since }) =>
    failures >= MAX_FAILURES && since + FAILURE_WINDOW > now ? since + FAILURE_WINDOW : [],
  );
  return ends.length === 0 ? null : Math.ceil((Math.max(...ends) - now) / 1000);
}

/** What one customer of a provider has: an IPv4 address, or a /64 of IPv6, in which addresses are free to choose. */
export function network(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::", 2);
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...Array<string>(zeros).fill("0"), ...last];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}
