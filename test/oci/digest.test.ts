import { expect, test } from "vitest";
import {
  algorithmOf,
  type Digest,
  digestOf,
  formatDigest,
  hexOf,
  isDigest,
  parseAlgorithm,
  parseDigest,
} from "../../src/oci/digest.ts";

const SHA256 = `sha256:${"0123456789abcdef".repeat(4)}`;
const SHA512 = `sha512:${"0123456789abcdef".repeat(8)}`;

test.each([SHA256, SHA512])("%s is a digest", (text) => {
  expect(isDigest(text)).toBe(true);
  expect(parseDigest(text)).toBe(text);
});

test.each([
  "",
  "sha256",
  "sha256:",
  ":",
  "latest",
  SHA256.slice(0, -1),
  `${SHA256}0`,
  SHA256.toUpperCase(),
  SHA256.replace("0", "A"),
  SHA256.replace("0", "g"),
  SHA256.replace("sha256", "sha512"),
  SHA512.replace("sha512", "sha256"),
  SHA256.replace("sha256", "sha384"),
  SHA256.replace("sha256", "toString"),
  ` ${SHA256}`,
  `${SHA256}\n`,
  `${SHA256}:x`,
])("%j is none", (text) => {
  expect(isDigest(text)).toBe(false);
  expect(() => parseDigest(text)).toThrow(
    expect.objectContaining({ code: "DIGEST_INVALID", status: 400 }),
  );
});

test("an error repeats only the beginning of what was sent", () => {
  expect(() => parseDigest("x".repeat(10_000))).toThrow(
    expect.objectContaining({ detail: { digest: "x".repeat(200) } }),
  );
});

test.each([
  ["sha256", "sha256"],
  ["sha512", "sha512"],
])("the algorithm %s is known", (text, algorithm) => {
  expect(parseAlgorithm(text)).toBe(algorithm);
});

test.each(["", "md5", "SHA256", "sha384", "blake3"])("the algorithm %j is not", (text) => {
  expect(() => parseAlgorithm(text)).toThrow(
    expect.objectContaining({ code: "DIGEST_INVALID", status: 400 }),
  );
});

test("a digest's parts", () => {
  expect(algorithmOf(SHA256 as Digest)).toBe("sha256");
  expect(algorithmOf(SHA512 as Digest)).toBe("sha512");
  expect(hexOf(SHA256 as Digest)).toBe("0123456789abcdef".repeat(4));
  expect(formatDigest("sha256", new Uint8Array(32).fill(10))).toBe(`sha256:${"0a".repeat(32)}`);
});

test.each([
  ["sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  [
    "sha512",
    "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
  ],
] as const)("the %s of nothing", async (algorithm, hex) => {
  expect(await digestOf(algorithm, new Uint8Array(0))).toBe(`${algorithm}:${hex}`);
});
