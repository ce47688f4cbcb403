/** The settings of scanners that pull images by themselves. */
import { type AdapterAuth, parseAdapterAuth } from "./match/harbor/auth.ts";
import { parseClairKey } from "./match/clair/token.ts";

export interface PullingScanners {
  /** An adapter of Harbor's scanner API; null for none. */
  readonly harbor: { readonly url: string; readonly auth: AdapterAuth } | null;
  /** Clair; the key is null for one without authentication. */
  readonly clair: { readonly url: string; readonly key: Uint8Array | null } | null;
  /** Where these scanners reach this registry, without a path; null if no setting says it. */
  readonly registryUrl: string | null;
}

interface Given {
  readonly HARBOR_SCANNER_URL: string | null;
  readonly HARBOR_SCANNER_AUTHORIZATION?: string | undefined;
  readonly CLAIR_URL: string | null;
  readonly CLAIR_KEY?: string | undefined;
  readonly REGISTRY_URL: string | null;
}

/** @throws Error that names the setting that is missing or wrong, without its value */
export function pullingScanners(given: Given): PullingScanners {
  const { HARBOR_SCANNER_URL: harborUrl, CLAIR_URL: clairUrl, REGISTRY_URL: registry } = given;
  const [name] = [
    ...(harborUrl === null ? [] : ["HARBOR_SCANNER_URL"]),
    ...(clairUrl === null ? [] : ["CLAIR_URL"]),
  ];
  if (registry === null && name !== undefined) {
    throw new Error(
      `setting REGISTRY_URL is missing: the scanner of ${name} pulls images from that address`,
    );
  }
  if (registry !== null && !isOrigin(registry)) {
    throw new Error("setting REGISTRY_URL is wrong: it is an address without a path or a password");
  }
  return {
    harbor: harborUrl === null ? null : { url: harborUrl, auth: authOf(given) },
    clair: clairUrl === null ? null : { url: clairUrl, key: keyOf(given) },
    registryUrl: registry?.replace(/\/$/, "") ?? null,
  };
}

function isOrigin(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed !== null && url.replace(/\/$/, "").toLowerCase() === parsed.origin;
}

function authOf({ HARBOR_SCANNER_AUTHORIZATION: text = "" }: Given): AdapterAuth {
  const auth = parseAdapterAuth(text);
  if (auth !== null) return auth;
  throw new Error(
    'setting HARBOR_SCANNER_AUTHORIZATION is wrong: it is "Bearer TOKEN", "Basic " with base64 of NAME:PASSWORD, or "API-Key KEY"',
  );
}

function keyOf({ CLAIR_KEY: text = "" }: Given): Uint8Array | null {
  if (text === "") return null;
  const key = parseClairKey(text);
  if (key !== null) return key;
  throw new Error(
    "setting CLAIR_KEY is wrong: it is base64 of at least 32 bytes, Clair's auth.psk.key",
  );
}
