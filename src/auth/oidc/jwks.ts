/**
 * The keys of others' issuers: discovery, then the key set, each over https, bounded, without redirects. What was fetched is
 * kept per isolate. Only finished values are: a request that awaits what another one fetches is cancelled as hung on workerd.
 */
import { createRemoteJWKSet, customFetch, errors, type RemoteJWKSet } from "jose";
import * as v from "valibot";
import { type Caution, urlProblem } from "./issuer-url.ts";
import { shown } from "./trust.ts";

const TIMEOUT_MS = 5_000;
const MAX_BODY_BYTES = 256 * 1024;
const CACHE_MS = 3_600_000;
/** How long an issuer that failed is left in peace, whoever comes with a token of its. */
const FAILURE_MS = 30_000;
const MAX_ISSUERS = 50;
/** Some servers answer 403 to clients without a name. */
const HEADERS = { accept: "application/json", "user-agent": "slipway" };

const Discovery = v.object({ issuer: v.string(), jwks_uri: v.string() });

/** The issuer's server failed, or answered what is not to be trusted. */
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

/** jose fetches anew for a kid that it has not seen, but not within 30 s of the last time. */
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

/** @throws KeysUnavailable while it is known to be */
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
  // Else one issuer could speak for another (OpenID Connect Discovery § 4.3).
  if (found.issuer !== issuer) {
    throw new KeysUnavailable(`its configuration is that of ${shown(found.issuer)}`);
  }
  const keys = createRemoteJWKSet(checkedUrl(found.jwks_uri, options), {
    cacheMaxAge: CACHE_MS,
    timeoutDuration: TIMEOUT_MS,
    headers: HEADERS,
    [customFetch]: async (address, init) => Response.json(await fetchJson(address, init)),
  });
  // Before the set is kept: what failed is to be asked for again, discovery included.
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

/** A redirect is not followed: only the address that was checked is spoken to. */
async function fetchJson(url: string, { headers, signal }: Fetching): Promise<unknown> {
  try {
    const response = await fetch(url, { headers, signal, redirect: "manual" });
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel();
      throw new KeysUnavailable(`${shown(url)} answered ${response.status}`);
    }
    return JSON.parse(await boundedText(response.body, signal));
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

async function boundedText(body: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<string> {
  const reader = body.getReader();
  // workerd looks at a pipe's signal only when bytes come. A canceled reader is done at once.
  signal.addEventListener("abort", () => void reader.cancel(signal.reason).catch(() => {}));
  const decoder = new TextDecoder();
  let size = 0;
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    signal.throwIfAborted();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > MAX_BODY_BYTES) {
      await reader.cancel();
      throw new KeysUnavailable("the answer is longer than 256 KiB");
    }
    text += decoder.decode(value, { stream: true });
  }
}
