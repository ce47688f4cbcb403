/** The Authorization header of requests to a registry, by what the registry asks for in its challenge. */
import { CliError } from "../error.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { RegistryCredentials } from "./credentials.ts";
import { basic } from "./basic.ts";
import { fetchToken } from "./token-service.ts";
import type { Authorize } from "./upstream.ts";

/** A token that ends within a minute may end before the request arrives; one that lasts less than two serves for half of its time. */
const MARGIN_SECONDS = 60;

interface Service {
  readonly realm: URL;
  readonly service: string | null;
}

interface Held {
  readonly token: string;
  /** By Date.now(). */
  readonly until: number;
}

/**
 * Authorizes requests to one registry: by a token of the service that its challenge names (one for each set of scopes, until a minute
 * before it ends), or by Basic where only that is offered.
 * @param origin such as "https://registry.example.com"
 * @param credentials null for anonymous tokens
 */
export function bearerAuthorize(
  origin: string,
  credentials: RegistryCredentials | null,
): Authorize {
  const tokens = new Map<string, Promise<Held>>();
  /** What the last challenge asked for; null before the first. */
  let asked: Service | "basic" | null = null;

  return async (scopes, challenge) => {
    const challenges = challenge === null ? null : parseChallenges(challenge);
    if (challenges !== null) asked = methodOf(origin, challenges);
    if (asked === null) return null;
    if (asked === "basic") return credentials === null ? null : basic(credentials);
    const wanted = scopes.length === 0 ? scopesIn(challenges ?? []) : scopes;
    const key = [...wanted].toSorted().join(" ");
    const held = challenge === null ? await usable(tokens.get(key)) : null;
    if (held !== null) return `Bearer ${held}`;
    const making = make({ ...asked, scopes: wanted, credentials });
    tokens.set(key, making);
    // A failure is thrown to this caller, and the next one tries again.
    making.catch(() => tokens.get(key) === making && tokens.delete(key));
    return `Bearer ${(await making).token}`;
  };
}

async function usable(making: Promise<Held> | undefined): Promise<string | null> {
  const held = await making;
  return held !== undefined && Date.now() < held.until ? held.token : null;
}

async function make(wanted: Parameters<typeof fetchToken>[0]): Promise<Held> {
  const begun = Date.now();
  const { token, seconds } = await fetchToken(wanted);
  const holds = Math.max(seconds - MARGIN_SECONDS, seconds / 2);
  return { token, until: begun + holds * 1000 };
}

/** @returns null for a scheme that this program does not know: the 401 stays the answer */
function methodOf(origin: string, challenges: readonly Challenge[]): Service | "basic" | null {
  const bearer = challenges.find(
    ({ scheme, parameters }) => scheme === "bearer" && parameters["realm"],
  );
  if (bearer !== undefined) return serviceOf(origin, bearer);
  return challenges.some(({ scheme }) => scheme === "basic") ? "basic" : null;
}

/** The credentials go to the realm: a registry reached by https names one that is, too. */
function serviceOf(origin: string, { parameters }: Challenge): Service {
  const { realm: given = "", service = null } = parameters;
  const realm = URL.parse(given, origin);
  const isSafe =
    realm?.protocol === "https:" || (realm?.protocol === "http:" && !origin.startsWith("https:"));
  if (realm !== null && isSafe) return { realm, service };
  throw new CliError(`${origin} names a token service that is not https: ${given}`, {
    hint: "No credentials were sent there.",
  });
}

function scopesIn(challenges: readonly Challenge[]): string[] {
  const bearer = challenges.find(({ scheme }) => scheme === "bearer");
  return bearer?.parameters["scope"]?.split(" ").filter((scope) => scope !== "") ?? [];
}
