/** How the registry proves to an adapter who it is. */
export type AdapterAuth =
  | { readonly kind: "none" }
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  | { readonly kind: "bearer"; readonly token: string }
  /** Sent as X-ScannerAdapter-API-Key. */
  | { readonly kind: "api-key"; readonly key: string };

/**
 * Reads "Bearer TOKEN", "Basic " with base64 of NAME:PASSWORD (both as an Authorization header has them), or "API-Key KEY"; an
 * empty text is none.
 * @returns null if it is malformed
 */
export function parseAdapterAuth(text: string): AdapterAuth | null {
  if (text === "") return { kind: "none" };
  const [, scheme = "", value = ""] = /^(\S+) +([\x21-\x7e]+)$/.exec(text.trim()) ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
      return { kind: "bearer", token: value };
    case "api-key":
      return { kind: "api-key", key: value };
    case "basic":
      return parsePair(value);
    default:
      return null;
  }
}

function parsePair(base64: string): AdapterAuth | null {
  try {
    const bytes = Uint8Array.from(atob(base64), (unit) => unit.charCodeAt(0));
    const pair = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const colon = pair.indexOf(":");
    if (colon === -1) return null;
    return { kind: "basic", username: pair.slice(0, colon), password: pair.slice(colon + 1) };
  } catch {
    return null;
  }
}
