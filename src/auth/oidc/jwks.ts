/**
 * Fetches the keys of others' issuers: discovery, then the key set, each over https, of bounded size, without
 * redirects. The result is cached per isolate. Only finished values are cached: workerd cancels a request that awaits
 * another request's fetch.
 */
import { createRemoteJWKSet, customFetch, errors, type RemoteJWKSet } from "jose";
import * as v from "valibot";
import { boundedText } from "../../memory/bounded-text.ts";
import { type Caution, urlProblem } from "./issuer-url.ts";
import { shown } from "./trust.ts";

const TIMEOUT_MS = 5_000;
const MAX_BODY_BYTES = 256 * 1024;
const CACHE_MS = 3_600_000;
/** How long no request is made to an issuer that failed, in milliseconds, however many tokens of it arrive. */
const FAILURE_MS = 30_000;
const MAX_ISSUERS = 50;
/** Some servers answer 403 to clients without a user agent. */
const HEADERS = { accept: "application/json", "user-agent": "slipway" };

const Discovery = v.object({ issuer: v.string(), jwks_uri: v.string() });

/** The issuer's server failed, or gave an answer that cannot be trusted. */
export class KeysUnavailable extends Error {
  constructor(why: string, options?: ErrorOptions) {
    super(`the issuer's keys could not be fetched: ${why}`, options);
  }
}

const known = new Map<string, Known>();

interface Known {
  readonly keys: RemoteJWKSet | KeysUnavailable;
  readonly until: number;
}

/** Returns the issuer's keys. For a kid that it has not seen jose fetches them again, but at most once in 30 s. */
export async function keysOf(issuer: string, options: Caution): Promise<RemoteJWKSet> {
  const cached = known.get(issuer);
  if (cached !== undefined && Date.now() < cached.until) return keysIn(cached);
  const keys = await fetchKeys(issuer, options).catch((error: unknown) => {
    if (error instanceof KeysUnavailable) return error;
    throw error;
  });
  const fresh = { keys, until: Date.now() + (keys instanceof Error ? FAILURE_MS : CACHE_MS) };
  known.delete(issuer);
  known.set(issuer, fresh);
  const [oldest] = known.keys();
  if (known.size > MAX_ISSUERS && oldest !== undefined) known.delete(oldest);
  return keysIn(fresh);
}

/** @throws KeysUnavailable when the cached result is a failure */
function keysIn({ keys }: Known): RemoteJWKSet {
  if (keys instanceof KeysUnavailable) throw keys;
  return keys;
}

async function fetchKeys(issuer: string, options: Caution): Promise<RemoteJWKSet> {
  const configuration = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const url = checkedUrl(configuration, options).href;
  const found = await fetchJson(url, { headers: HEADERS, signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!v.is(Discovery, found))
    throw new KeysUnavailable("its configuration lacks issuer or jwks_uri");
  // Without this check one issuer could speak for another (OpenID Connect Discovery § 4.3).
  if (found.issuer !== issuer) {
    throw new KeysUnavailable(`its configuration is that of ${shown(found.issuer)}`);
  }
  const keys = createRemoteJWKSet(checkedUrl(found.jwks_uri, options), {
    cacheMaxAge: CACHE_MS,
    timeoutDuration: TIMEOUT_MS,
    headers: HEADERS,
    [customFetch]: async (address, init) => Response.json(await fetchJson(address, init)),
  });
  // The set is loaded before it is cached: after a failure the next request starts again with discovery.
  await reload(keys);
  return keys;
}

/** @throws KeysUnavailable */
async function reload(keys: RemoteJWKSet): Promise<void> {
  try {
    await keys.reload();
  } catch (error) {
    if (error instanceof KeysUnavailable || !(error instanceof errors.JOSEError)) throw error;
    throw new KeysUnavailable("they are no key set", { cause: error });
  }
}

function checkedUrl(text: string, options: Caution): URL {
  const problem = urlProblem(text, options);
  if (problem !== null) throw new KeysUnavailable(`${shown(text)} ${problem}`);
  return new URL(text);
}

interface Fetching {
  readonly headers: HeadersInit;
  readonly signal: AbortSignal;
}

/** Fetches without following redirects: only the address that was checked may be contacted. */
async function fetchJson(url: string, { headers, signal }: Fetching): Promise<unknown> {
  try {
    const response = await fetch(url, { headers, signal, redirect: "manual" });
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel();
      throw new KeysUnavailable(`${shown(url)} answered ${response.status}`);
    }
    const text = await boundedText(response.body, MAX_BODY_BYTES, signal);
    if (text === null) throw new KeysUnavailable("the answer is longer than 256 KiB");
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof KeysUnavailable) throw error;
    const why =
      error instanceof SyntaxError
        ? "answered no JSON"
        : signal.aborted
          ? `took more than ${TIMEOUT_MS / 1000} s`
          : "could not be reached";
    throw new KeysUnavailable(`${shown(url)} ${why}`, { cause: error });
  }
}
