/** The prefix of every secret of this registry, so that scanners of source code recognise it. */
const PREFIX = "slp_";
/** The prefix of a session's secret, which only a cookie carries: it is no token, and no password. */
const SESSION_PREFIX = "slps_";
const SECRET_BYTES = 32;

interface MadeSecret {
  readonly secret: string;
  readonly hash: string;
}

/** Makes a secret of 256 random bits, which is shown once, and its hash, which is stored. */
export function newSecret(): Promise<MadeSecret> {
  return makeSecret(PREFIX);
}

/** Makes the secret of a session's cookie, and its hash, which is stored. */
export function newSessionSecret(): Promise<MadeSecret> {
  return makeSecret(SESSION_PREFIX);
}

async function makeSecret(prefix: string): Promise<MadeSecret> {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  const secret = prefix + bytes.toBase64({ alphabet: "base64url", omitPadding: true });
  return { secret, hash: await secretHash(secret) };
}

export function isSecret(text: string): boolean {
  return text.startsWith(PREFIX);
}

/** Returns whether this registry could have made the secret. One that it could not needs no query. */
export function hasSecretForm(text: string): boolean {
  return /^slp_[\w-]{43}$/.test(text);
}

/** Returns whether a session of this registry could have the secret. */
export function hasSessionForm(text: string): boolean {
  return /^slps_[\w-]{43}$/.test(text);
}

/** A plain hash: 256 random bits cannot be guessed, however fast the hash. */
export async function secretHash(secret: string): Promise<string> {
  const bytes = new TextEncoder().encode(secret);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
