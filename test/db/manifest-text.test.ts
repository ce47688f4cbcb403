/** A manifest's text in its row: byte for byte what was pushed, small, and bounded. */
import { env } from "cloudflare:workers";
import { deflateRawSync } from "node:zlib";
import { expect, test, vi } from "vitest";
import { deflateText, inflateText, MAX_ROW_CONTENT } from "../../src/db/manifest-text.ts";
import { DICTIONARIES } from "../../src/db/manifest-dictionary.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { RegistryClient, withSettings } from "../support/client.ts";
import { blob, describe, imageManifest, index, text } from "../support/images.ts";

/** Pseudo-random digests: no two runs differ. */
function hex(n: number): string {
  return Array.from({ length: 8 }, (_, i) =>
    (Math.imul(n * 8 + i + 1, 2_654_435_761) >>> 0).toString(16).padStart(8, "0"),
  ).join("");
}

function image(layers: number): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: `sha256:${hex(0)}`,
      size: 7023,
    },
    layers: Array.from({ length: layers }, (_, i) => ({
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest: `sha256:${hex(i + 1)}`,
      size: 1_000_003 * (i + 1),
    })),
  });
}

const TEXTS: Record<string, string> = {
  "one character": " ",
  "an image of 4 layers": image(4),
  "an image of 12 layers": image(12),
  "other scripts, a byte order mark, and a NUL": `\uFEFF{"a":"é漢😀\u0000"}`,
  "as much as a row takes": `"${"x".repeat(MAX_ROW_CONTENT - 2)}"`,
};

test.each(Object.keys(TEXTS))("the text comes back as it was: %s", (name) => {
  const given = TEXTS[name] ?? "";
  expect(inflateText(deflateText(given))).toBe(given);
});

test("an image of 4 layers takes less than 256 bytes, one of 12 less than 620", () => {
  expect(deflateText(image(4)).length / 2).toBeLessThan(256);
  expect(deflateText(image(12)).length / 2).toBeLessThan(620);
});

test("the dictionary is the one that manifests were written with", async () => {
  const [bytes = new Uint8Array()] = DICTIONARIES.values();
  expect([...DICTIONARIES.keys()]).toEqual([1]);
  expect(await digestOf("sha256", new Uint8Array(bytes))).toBe(
    "sha256:a6daf15fd2d33e468d0ee315f3c4044a4d4f7525e7e054e74df1f54caf1d1612",
  );
});

test("a text that is longer than any row's is not inflated", () => {
  const [dictionary = new Uint8Array()] = DICTIONARIES.values();
  const stored = (length: number) =>
    `01${deflateRawSync(new Uint8Array(length).fill(0x20), { dictionary }).toString("hex")}`;
  expect(inflateText(stored(MAX_ROW_CONTENT))).toHaveLength(MAX_ROW_CONTENT);
  expect(() => inflateText(stored(MAX_ROW_CONTENT + 1))).toThrow(/limit exceeded/);
});

test.each(["01ffff", "ff00", "00"])("a damaged row is an error: %s", (stored) => {
  expect(() => inflateText(stored)).toThrow();
});

test("a manifest is served with the bytes that were pushed, by digest and by tag, and not stored as text", async () => {
  const client = new RegistryClient();
  const config = await client.pushBlob(blob());
  const plain = imageManifest({ config, fields: { annotations: { a: "é漢😀" } } });
  const indented = JSON.stringify(JSON.parse(new TextDecoder().decode(plain.bytes)), null, 3);
  const { bytes, digest } = text(indented);
  await client.pushManifest({ bytes, digest, mediaType: plain.mediaType }, "tag");
  expect(await client.pullManifest(digest)).toEqual(bytes);
  expect(await client.pullManifest("tag")).toEqual(bytes);
  const row = await env.DB.prepare(
    `SELECT typeof(content) AS type, length(content) AS length FROM manifests WHERE digest = ?1`,
  )
    .bind(digest)
    .first();
  expect(row?.["type"]).toBe("blob");
  expect(Number(row?.["length"])).toBeLessThan(bytes.length / 2);
});

test("a damaged manifest takes neither its index nor the other referrers of its subject along", async () => {
  const client = new RegistryClient();
  const config = await client.pushBlob(blob());
  const [child, other] = [imageManifest({ config }), imageManifest({ config, layers: [config] })];
  for (const one of [child, other]) await client.pushManifest(one);
  const both = await client.pushManifest(index([child, other]), "both");
  const annotations = { a: "b" };
  const referrers = [[config], []].map((layers) =>
    imageManifest({
      config,
      layers,
      fields: { subject: describe(both, both.mediaType), annotations },
    }),
  );
  for (const one of referrers) await client.pushManifest(one);
  const [broken] = referrers;
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  await env.DB.prepare(`UPDATE manifests SET content = x'01ffff' WHERE digest IN (?1, ?2)`)
    .bind(child.digest, broken?.digest ?? "")
    .run();
  const fresh = new RegistryClient({ repository: client.repository, send: withSettings({}) });
  expect(await fresh.pullManifest("both")).toEqual(both.bytes);
  expect((await fresh.head("manifests/both")).status).toBe(200);
  const listed = await fresh.referrers(both.digest);
  expect(listed).toHaveLength(2);
  expect(listed.filter((one) => one["digest"] !== broken?.digest)).toMatchObject([{ annotations }]);
  expect(logged).toHaveBeenCalled();
  logged.mockRestore();
});
