import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { sameText } from "../../../src/auth/login/same-text.ts";
import { isSecret, newSecret, secretHash } from "../../../src/auth/login/secret.ts";
import { isCredential } from "../../../src/auth/login/token.ts";

test("a secret says whose it is by its prefix, and holds 256 bits in letters that no shell quotes", async () => {
  const { secret } = await newSecret();
  expect(secret).toMatch(/^slp_[A-Za-z0-9_-]{43}$/);
  expect(isSecret(secret)).toBe(true);
});

test("no two secrets are the same", async () => {
  const made = await Promise.all(Array.from({ length: 100 }, newSecret));
  expect(new Set(made.map(({ secret }) => secret)).size).toBe(100);
  expect(new Set(made.map(({ hash }) => hash)).size).toBe(100);
});

test("what is kept of a secret is its SHA-256", async () => {
  const { secret, hash } = await newSecret();
  expect(hash).toBe(createHash("sha256").update(secret).digest("hex"));
  expect(await secretHash(secret)).toBe(hash);
});

test("a workload's credential is no secret, and a secret no credential", async () => {
  const { secret } = await newSecret();
  expect(isSecret("slpo_x.y.z")).toBe(false);
  expect(isCredential("slpo_x.y.z")).toBe(true);
  expect(isCredential(secret)).toBe(false);
  for (const text of ["", "slp", "SLP_x", " slp_x", "x slp_"]) expect(isSecret(text)).toBe(false);
});

test("texts are the same, or not", async () => {
  expect(await sameText("", "")).toBe(true);
  expect(await sameText("correct horse", "correct horse")).toBe(true);
  expect(await sameText("correct horse", "correct horse ")).toBe(false);
  expect(await sameText("", "correct horse")).toBe(false);
});
