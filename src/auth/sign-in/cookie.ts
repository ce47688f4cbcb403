/**
 * The cookie of a session. By the prefix `__Host-` a browser takes it over https alone, for this host and no other
 * (RFC 6265bis § 4.1.3.2). Without Max-Age it goes when the browser is closed.
 */
export const COOKIE = "__Host-slipway";
const ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax";

/** The value of Set-Cookie that has the browser drop the cookie. */
export const NO_COOKIE = `${COOKIE}=; ${ATTRIBUTES}; Max-Age=0`;

/** Returns the value of Set-Cookie for a session's secret. */
export function cookieOf(secret: string): string {
  return `${COOKIE}=${secret}; ${ATTRIBUTES}`;
}

/**
 * Returns the secret that the request's cookie has; null without the cookie. Only a semicolon separates cookies: a comma
 * may be in the value of one that another host of the domain has set.
 */
export function secretIn(headers: Headers): string | null {
  for (const pair of headers.get("cookie")?.split(";") ?? []) {
    const [name = "", ...value] = pair.split("=");
    if (name.trim() === COOKIE) return value.join("=").trim();
  }
  return null;
}

/**
 * Returns whether browsers keep the cookie of this host: over https, and of plain http on the browser's own machine. On
 * other hosts they drop it without a word.
 */
export function keepsCookie({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || hostname === "localhost" || hostname === "127.0.0.1";
}
