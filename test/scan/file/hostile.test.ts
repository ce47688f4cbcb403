/** Files that were made to break a reader: whatever is in them, it lists packages or says why it cannot. */
import { constants, deflateRawSync } from "node:zlib";
import { expect, inject, test } from "vitest";
import { READERS } from "../../../src/scan/file/readers.ts";
import { UnreadableFile } from "../../../src/scan/layer/list.ts";
import { isLine } from "../../../src/oci/line.ts";
import { random, randomBytes } from "../../support/images.ts";
import { sized } from "../../support/sample.ts";
import { bytesOf, readerOf } from "./read.ts";
import { pom, zip } from "./zip-file.ts";

const MANIFEST =
  "Manifest-Version: 1.0\r\nBundle-SymbolicName: a.b;x:=1\r\nBundle-Version: 1\r\n\r\n";

/** A right file of each format. */
const FILES: Readonly<Record<string, Uint8Array>> = {
  "etc/os-release": bytesOf('ID=debian\nVERSION_ID="12"\nPRETTY_NAME=\'Debian \\"12\\"\'\n'),
  "lib/apk/db/installed": bytesOf("P:a\nV:1-r0\nA:x86_64\no:b\n\nP:c\nV:2\nF:usr\n\n"),
  "var/lib/dpkg/status": bytesOf(
    "Package: a\nStatus: install ok installed\nSource: b (1)\nVersion: 1-1\n\nPackage: c\nVersion: 2\n",
  ),
  "node_modules/a/package.json": bytesOf('{"name":"@a/b","version":"1.0.0","x":["\\u00e9",{}]}'),
  "a.dist-info/METADATA": bytesOf("Metadata-Version: 2.1\nName: a\nVersion: 1\n\nText\n"),
  "specifications/a.gemspec": bytesOf(
    '  s.name = "a".freeze\n  s.version = Gem::Version.new("1")\n',
  ),
  "composer/installed.json": bytesOf('{"packages":[{"name":"a/b","version":"v1.0"}],"dev":true}'),
  "a.deps.json": bytesOf(
    '{"runtimeTarget":{"name":"n"},"targets":{"n":{"a/1":{"runtime":{}}}},"libraries":{"a/1":{"type":"package"}}}',
  ),
  "a-1.jar": zip([
    { name: "META-INF/MANIFEST.MF", content: MANIFEST },
    { name: "b.jar", content: zip([pom("a", "b", "1")]), isStored: true },
    { name: "c.war", content: zip([{ name: "META-INF/MANIFEST.MF", content: MANIFEST }]) },
  ]),
};

/** Reads a file that may be anything. Fails if the reader throws another error, or lists what is no package. */
async function survive(path: string, bytes: Uint8Array): Promise<"read" | "unreadable"> {
  try {
    const { packages } = await readerOf(path).read(bytes, path);
    for (const { name, version, source, arch } of packages) {
      for (const text of [
        name,
        version,
        source?.name ?? name,
        source?.version ?? version,
        arch ?? name,
      ]) {
        expect(text.length).toBeGreaterThan(0);
        expect(text.length).toBeLessThanOrEqual(600);
        expect(isLine(text)).toBe(true);
      }
    }
    return "read";
  } catch (error) {
    expect(error).toBeInstanceOf(UnreadableFile);
    expect((error as UnreadableFile).message.length).toBeLessThan(300);
    expect(isLine((error as UnreadableFile).message)).toBe(true);
    return "unreadable";
  }
}

test("each reader has a file here that it reads", async () => {
  const readers = Object.keys(FILES).map(readerOf);
  expect(new Set(readers)).toEqual(new Set(READERS));
  for (const [path, bytes] of Object.entries(FILES))
    expect(await survive(path, bytes)).toBe("read");
});

test.each(Object.entries(FILES))("%s, cut off anywhere", async (path, bytes) => {
  for (let size = 0; size <= bytes.length; size++) await survive(path, bytes.subarray(0, size));
});

test.each(Object.entries(FILES))("%s, with bytes changed", async (path, bytes) => {
  const next = random(inject("sampleSeed"));
  for (let i = 0; i < sized(`${path} with bytes changed`, 500, 5_000); i++) {
    const changed = bytes.slice();
    for (let n = next() % 4; n >= 0; n--) changed[next() % changed.length] = next() % 256;
    await survive(path, changed);
  }
});

test.each(Object.keys(FILES))("%s, of random bytes", async (path) => {
  const next = random(inject("sampleSeed"));
  for (let i = 0; i < sized(`${path} of random bytes`, 200, 5_000); i++) {
    await survive(path, randomBytes(next() % 2_000, next));
  }
});

const MIB = 1024 * 1024;

test("what unpacks to more than the directory says takes no memory", async () => {
  const zeros = deflateRawSync(new Uint8Array(MIB), { finishFlush: constants.Z_FULL_FLUSH });
  const bomb = Buffer.concat([...Array.from({ length: 512 }, () => zeros), deflateRawSync("")]);
  const claims = { method: 8, sizeBytes: 100 };
  const archive = zip([{ name: "a.jar", content: bomb, isStored: true, claims }]);
  const before = process.resourceUsage().maxRSS;
  expect(await survive("a.jar", archive)).toBe("read");
  expect(process.resourceUsage().maxRSS - before).toBeLessThan(256 * 1024);
});

/** Texts that a careless pattern or loop takes the square of their length for. */
const TEXTS: Readonly<Record<string, (size: number) => string>> = {
  "empty lines": (size) => "\n".repeat(size),
  "spaces in one line": (size) => " ".repeat(size),
  "carriage returns": (size) => "\r".repeat(size),
  "open brackets": (size) => "[".repeat(size),
  "a string without an end": (size) => `"${"a".repeat(size)}`,
  backslashes: (size) => `ID="${"\\".repeat(size)}`,
  records: (size) => "P:a\n\n".repeat(size / 5),
  "one field with a long value": (size) => `Package: ${"a (".repeat(size / 3)}`,
  "one assignment": (size) => `s.name = ${"'a".repeat(size / 2)}`,
  "ends of archives": (size) => "PK\u0005\u0006".repeat(size / 4),
};

test.each(
  Object.keys(FILES).flatMap((path) => Object.keys(TEXTS).map((text) => [path, text] as const)),
)("%s, full of %s, ends", async (path, text) => {
  const size = Math.min(readerOf(path).maxBytes, 4 * MIB);
  await survive(path, bytesOf(TEXTS[text]?.(size) ?? ""));
});

test("names that begin again and again are looked at once", async () => {
  const long = "/META-INF/maven/specifications/node_modules/@a".repeat(1_400);
  const members = ["/pom.properties", ".properties", ".jar", ".ja"].map((end) => ({
    name: `${long}${end}`,
    content: "",
  }));
  const many = Array.from({ length: 400 }, (_, i) => members[i % 4] ?? { name: "", content: "" });
  expect(await survive("a.jar", zip(many))).toBe("read");
  for (const path of ["package.json", "a.gemspe", "installed.jso", "METADAT", "status.d"]) {
    for (const reader of READERS)
      expect(reader.matches(`${long.repeat(4)}/${path}`)).toBe(
        path === "package.json" && reader === readerOf(path),
      );
  }
});

test("a directory of more files than any archive has ends", async () => {
  const many = Array.from({ length: 40_000 }, () => ({
    name: "a.jar",
    content: "",
    isStored: true,
  }));
  expect(await survive("a.jar", zip(many))).toBe("unreadable");
});
