import { createHash } from "node:crypto";
import { env } from "cloudflare:workers";
import sha256Package from "hash-wasm/dist/sha256.umd.min.js?raw";
import sha512Package from "hash-wasm/dist/sha512.umd.min.js?raw";
import { expect, test } from "vitest";
import { ALGORITHMS } from "../../src/oci/digest.ts";
import { finalHash, updateState } from "../../src/session/running-hash.ts";
import { digestOf, random, randomBytes } from "../support/images.ts";

test.each(ALGORITHMS)("%s: any split of the bytes gives the native hash", (algorithm) => {
  const next = random(20_261_123);
  for (let round = 0; round < 60; round++) {
    const bytes = randomBytes(next() % 200_000, next);
    let state: Uint8Array | null = null;
    let offset = 0;
    while (offset < bytes.length && next() % 10 > 0) {
      const length = next() % 40_000;
      state = saved(updateState(algorithm, state, bytes.subarray(offset, offset + length)));
      offset += length;
    }
    const hash = finalHash(algorithm, state, bytes.subarray(offset));
    expect(`${algorithm}:${hash.toHex()}`).toBe(digestOf(bytes, algorithm));
  }
});

test.each(ALGORITHMS)("%s: sizes around a block and around the module's buffer", (algorithm) => {
  const next = random(1);
  for (const size of [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 16_383, 16_384, 16_385]) {
    const bytes = randomBytes(size, next);
    const state = updateState(algorithm, null, bytes);
    for (const hash of [
      finalHash(algorithm, null, bytes),
      finalHash(algorithm, state, new Uint8Array(0)),
    ]) {
      expect([size, hash.toHex()]).toEqual([
        size,
        createHash(algorithm).update(bytes).digest("hex"),
      ]);
    }
  }
});

test.each(ALGORITHMS)("%s: two uploads that take turns do not disturb each other", (algorithm) => {
  const next = random(2);
  const bytes = [randomBytes(90_000, next), randomBytes(90_000, next)];
  const states: (Uint8Array | null)[] = [null, null];
  for (let offset = 0; offset < 90_000; offset += 30_000) {
    for (const i of [0, 1]) {
      const piece = bytes[i]?.subarray(offset, offset + 30_000) ?? new Uint8Array(0);
      states[i] = updateState(algorithm, states[i] ?? null, piece);
    }
  }
  for (const i of [0, 1]) {
    const hash = finalHash(algorithm, states[i] ?? null, new Uint8Array(0));
    expect(`${algorithm}:${hash.toHex()}`).toBe(digestOf(bytes[i] ?? new Uint8Array(0), algorithm));
  }
});

test("a state that is used does not change: a finish can be tried again", () => {
  const state = updateState("sha256", null, new Uint8Array(100_000));
  const before = state.toHex();
  const first = finalHash("sha256", state, new Uint8Array(10));
  expect(finalHash("sha256", state, new Uint8Array(10))).toEqual(first);
  expect(state.toHex()).toBe(before);
});

test.each([
  ["sha256", sha256Package],
  ["sha512", sha512Package],
] as const)("%s.wasm is the module of the pinned package", (name, script) => {
  const published = new RegExp(`name:"${name}",data:"([A-Za-z0-9+/=]+)"`).exec(script)?.[1];
  expect(published).toMatch(/^AGFzbQ/);
  expect(env.TEST_WASM[name]).toBe(published);
});

/** Copies the state, as the session object does when it saves it. */
function saved(state: Uint8Array): Uint8Array {
  return structuredClone(state);
}
