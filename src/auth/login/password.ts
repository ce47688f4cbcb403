/** The most iterations of PBKDF2 on Workers. The number is stored with each hash, so that it can change later. */
const ITERATIONS = 100_000;
const SALT_BYTES = 16;
const STORED = /^pbkdf2-sha512\$(\d{1,7})\$([A-Za-z0-9_-]+)\$([A-Za-z0-9_-]+)$/;

/** Makes the stored form of a password: `pbkdf2-sha512$<iterations>$<salt>$<hash>`, in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const hash = await derive(password, salt, ITERATIONS);
  const parts = [salt, hash].map((bytes) =>
    bytes.toBase64({ alphabet: "base64url", omitPadding: true }),
  );
  return ["pbkdf2-sha512", ITERATIONS, ...parts].join("$");
}

/**
 * @param stored a result of `hashPassword`, or null for an account that does not exist: that takes as long, and fails
 */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const [, iterations, salt, hash] = STORED.exec(stored ?? "") ?? [];
  const expected = hash === undefined ? null : decode(hash);
  const given = await derive(
    password,
    salt === undefined ? new Uint8Array(SALT_BYTES) : decode(salt),
    iterations === undefined ? ITERATIONS : Number(iterations),
  );
  if (expected === null || expected.length !== given.length) return false;
  return crypto.subtle.timingSafeEqual(given, expected);
}

async function derive(
  password: string,
  salt: Uint8Array<ArrayBuffer>,
  iterations: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new TextEncoder().encode(password);
  const key = await crypto.subtle.importKey("raw", bytes, "PBKDF2", false, ["deriveBits"]);
  const parameters = { name: "PBKDF2", hash: "SHA-512", salt, iterations };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 512));
}

function decode(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(text, { alphabet: "base64url" });
}
