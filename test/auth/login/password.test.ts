import { pbkdf2Sync } from "node:crypto";
import { afterEach, expect, test, vi } from "vitest";
import { hashPassword, verifyPassword } from "../../../src/auth/login/password.ts";

const HASH = /^pbkdf2-sha512\$100000\$[A-Za-z0-9_-]{22}\$[A-Za-z0-9_-]{86}$/;

afterEach(() => {
  vi.restoreAllMocks();
});

/** The number of iterations of each derivation. */
function watchDerivations(): number[] {
  const derivations: number[] = [];
  const derive = crypto.subtle.deriveBits.bind(crypto.subtle);
  vi.spyOn(crypto.subtle, "deriveBits").mockImplementation((algorithm, ...rest) => {
    derivations.push((algorithm as unknown as { iterations: number }).iterations);
    return derive(algorithm, ...rest);
  });
  return derivations;
}

/** Hashes as another library would. */
function hashedElsewhere(password: string, iterations: number, salt: string): string {
  const hash = pbkdf2Sync(password, salt, iterations, 64, "sha512").toString("base64url");
  return `pbkdf2-sha512$${iterations}$${Buffer.from(salt).toString("base64url")}$${hash}`;
}

test("a hash names its algorithm and parameters, in base64url without padding", async () => {
  expect(await hashPassword("correct horse")).toMatch(HASH);
});

test("the password is right, and every other one is wrong", async () => {
  const stored = await hashPassword("correct horse");
  expect(await verifyPassword("correct horse", stored)).toBe(true);
  for (const wrong of ["", "correct", "correct horse ", "Correct horse"]) {
    expect(await verifyPassword(wrong, stored)).toBe(false);
  }
});

test.each(["", "p\u00e4ssw\u00f6rd \u{1f40e}", "x".repeat(16_384)])(
  "a password of any characters and length is a password: %#",
  async (password) => {
    const stored = await hashPassword(password);
    expect(await verifyPassword(password, stored)).toBe(true);
    expect(await verifyPassword(`${password}x`, stored)).toBe(false);
  },
);

test("equal passwords have different hashes", async () => {
  expect(await hashPassword("correct horse")).not.toBe(await hashPassword("correct horse"));
});

test("it is PBKDF2 as everyone computes it, with the parameters that are stored", async () => {
  const derivations = watchDerivations();
  const stored = hashedElsewhere("correct horse", 1_234, "salt of another size");
  expect(await verifyPassword("correct horse", stored)).toBe(true);
  expect(await verifyPassword("wrong", stored)).toBe(false);
  expect(derivations).toEqual([1_234, 1_234]);
});

test.each([
  ["an account that is not there", null],
  ["the built-in administrator's row", ""],
  ["nonsense", "nonsense"],
  ["another algorithm", "scrypt$100000$AAAA$AAAA"],
  ["clear text", "correct horse"],
])("%s takes the whole derivation, and fails", async (_, stored) => {
  const derivations = watchDerivations();
  expect(await verifyPassword("correct horse", stored)).toBe(false);
  expect(derivations).toEqual([100_000]);
});

test("a hash that was cut short is nobody's password", async () => {
  const stored = await hashPassword("correct horse");
  expect(await verifyPassword("correct horse", stored.slice(0, -4))).toBe(false);
});
