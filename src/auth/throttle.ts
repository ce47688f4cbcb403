import { secretHash } from "./secret.ts";
import type { Realm } from "./challenge.ts";
import type { FailureCount } from "./principals.ts";

/** Failures are counted over so many milliseconds from the first one. */
export const FAILURE_WINDOW = 15 * 60_000;
/** Far more than a person mistypes; at this rate a password of eight random letters lasts for thousands of years. */
const MAX_FAILURES = 30;

/**
 * Where a login's failure is counted. The account is hashed, with our key: people type passwords where the name belongs,
 * and these can be guessed.
 */
export async function failureKeys(
  name: string,
  { address, signing }: Pick<Realm, "address" | "signing">,
): Promise<string[]> {
  const account = await secretHash(`${signing.key}\n${name}`);
  return [`account:${account}`, `address:${network(address)}`];
}

/** Seconds to wait, when one of the counts has reached its limit; else null. */
export function retryAfter(counts: readonly FailureCount[], now: number): number | null {
  const ends = counts.flatMap(({ failures, since }) =>
    failures >= MAX_FAILURES && since + FAILURE_WINDOW > now ? since + FAILURE_WINDOW : [],
  );
  return ends.length === 0 ? null : Math.ceil((Math.max(...ends) - now) / 1000);
}

/** The longest spelling of an IPv6 address. */
const MAX_ADDRESS = 45;

/** What one customer of a provider has: an IPv4 address, or a /64 of IPv6, in which addresses are free to choose. */
export function network(address: string): string {
  const mapped = /^[0:]*:ffff:([\d.]+)$/i.exec(address)?.[1] ?? address;
  const [plain = ""] = mapped.split("%", 1);
  // URL() knows all spellings and gives one; what is no IPv6 address is itself.
  const host = plain.includes(":") ? URL.parse(`http://[${plain}]`)?.hostname : undefined;
  if (host === undefined) return plain.slice(0, MAX_ADDRESS);
  const [head = "", tail = ""] = host.slice(1, -1).split("::");
  const [first, last] = [head, tail].map((part) => (part === "" ? [] : part.split(":")));
  const zeros = Array<string>(8 - (first?.length ?? 0) - (last?.length ?? 0)).fill("0");
  const groups = [...(first ?? []), ...zeros, ...(last ?? [])];
  const prefix = groups.slice(0, 4).join(":");
  // There each address is another's: those that stand for IPv4, and the machine itself.
  return prefix === "0:0:0:0" ? groups.join(":") : prefix;
}
