/** What the tests of Clair share. */
import { createHmac } from "node:crypto";
import { expect } from "vitest";
import type { ClairOptions } from "../../../../src/scan/match/clair/request.ts";
import { ScannerUnavailable } from "../../../../src/scan/match/exchange.ts";

export const DIGEST = `sha256:${"a".repeat(64)}`;

/** Bytes whose base64 has characters that base64url has not. */
export const KEY = new Uint8Array(40).map((_, i) => 255 - i);
export const PSK = Buffer.from(KEY).toString("base64");

export function optionsOf(url: string): ClairOptions {
  return {
    fetch: (to, init) => fetch(to, init),
    baseUrl: url,
    auth: { key: KEY, issuer: "slipway" },
  };
}

/** Signs a JWT without the library that is tested. */
export function jwtOf(claims: object, key: Uint8Array = KEY, alg = "HS256"): string {
  const [header, payload] = [{ alg }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  const hash = alg === "HS512" ? "sha512" : "sha256";
  const signature = createHmac(hash, key).update(`${header}.${payload}`).digest("base64url");
  return `${header}.${payload}.${alg === "none" ? "" : signature}`;
}

export function claimsOf(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>;
}

export async function messageOf(failing: Promise<unknown>): Promise<string> {
  const error = await failing.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ScannerUnavailable);
  return (error as Error).message;
}
