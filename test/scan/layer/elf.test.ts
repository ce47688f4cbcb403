/** What executables say of what they were built of. */
import { deflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { bytesOf, file, found, joined, read, tar, READERS } from "./archive.ts";
import { LIMITS } from "../../../src/scan/layer/limits.ts";
import { readLayer } from "../../../src/scan/layer/walk.ts";

const ELF = joined(Uint8Array.of(0x7f), bytesOf("ELF"), Uint8Array.of(2, 1, 1), new Uint8Array(57));

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)];
}

function counted(text: string): Uint8Array {
  const bytes = bytesOf(text);
  return joined(Uint8Array.from(varint(bytes.length)), bytes);
}

const MARK = "0123456789abcdef";

/** An executable of Go. `at` is where its build information stands. */
function goBinary(version: string, lines: string[], { at = 64, flags = 2 } = {}): Uint8Array {
  const magic = joined(Uint8Array.of(0xff), bytesOf(" Go buildinf:"), Uint8Array.of(8, flags));
  const modules = lines.length === 0 ? "" : `${MARK}${lines.join("\n")}\n${MARK}`;
  const info = joined(magic, new Uint8Array(16), counted(version), counted(modules));
  return joined(ELF, new Uint8Array(at - 64).fill(0xff), info, new Uint8Array(1_000));
}

const LINES = [
  "path\texample.com/cmd/tool",
  "mod\texample.com/tool\tv1.2.3\th1:x=",
  "dep\tgolang.org/x/net\tv0.1.0\th1:x=",
  "dep\texample.com/old\tv1.0.0",
  "=>\texample.com/new\tv2.0.0\th1:x=",
  "dep\texample.com/local\tv1.0.0",
  "=>\t./local\t",
  "build\t-compiler=gc",
];

const MODULES = [
  "bin/tool stdlib go1.22.3",
  "bin/tool example.com/tool v1.2.3",
  "bin/tool golang.org/x/net v0.1.0",
  "bin/tool example.com/new v2.0.0",
];

test("a program of Go has its modules, what replaces them, and the standard library", async () => {
  for (const at of [64, 80, 4096, 600_000]) {
    const list = await read(tar(file("bin/tool", goBinary("go1.22.3", LINES, { at }))));
    expect(found(list)).toEqual(MODULES);
    expect(list.packages[0]).toMatchObject({ type: "golang", source: null, arch: null });
    expect([list.plainFiles, list.problems]).toEqual([[], []]);
  }
});

/** A stream that brings so many bytes at once, whatever its reader would take. */
function piecewise(bytes: Uint8Array, pieceBytes: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(bytes.slice(at, at + pieceBytes));
      at += pieceBytes;
      if (at >= bytes.length) controller.close();
    },
  });
}

test("build information is found wherever pieces end", async () => {
  const bytes = tar(file("bin/tool", goBinary("go1.22.3", LINES, { at: 128 })));
  for (const pieceBytes of [1, 3, 15, 16, 17, 640, 647]) {
    expect(found(await readLayer(piecewise(bytes, pieceBytes), READERS))).toEqual(MODULES);
  }
});

test("a version in development is none, and experiments are no part of a version", async () => {
  const main = ["mod\texample.com/tool\t(devel)\t"];
  const tool = async (version: string) =>
    found(await read(tar(file("t", goBinary(version, main)))));
  expect(await tool("devel go1.23-abc")).toEqual([]);
  expect(await tool("go1.22.3 X:boringcrypto")).toEqual(["t stdlib go1.22.3"]);
  expect(await tool("go1.26.0-X:nodwarf5")).toEqual(["t stdlib go1.26.0"]);
  expect(await tool("go1.23rc1")).toEqual(["t stdlib go1.23rc1"]);
});

test("what is no build information is passed over, and the old form is told", async () => {
  const odd = goBinary("go1.22.3", LINES, { at: 72 });
  const cut = goBinary("go1.22.3", LINES).subarray(0, 120);
  const old = goBinary("go1.17", [], { flags: 0 });
  const text = goBinary("go1.22.3", LINES).fill(0, 0, 4);
  const list = await read(
    tar(file("odd", odd), file("cut", cut), file("old", old), file("text", text)),
  );
  expect(list.packages).toEqual([]);
  expect(list.plainFiles).toEqual(["odd", "cut", "old"]);
  expect(list.problems).toEqual([
    '"old" was not read: it was built by Go before 1.18, whose build information has another form.',
  ]);
});

interface Shape {
  readonly is64: boolean;
  readonly little: boolean;
}

/** An executable of two sections after the empty one: the names, and the list of crates. */
function rustBinary(content: Uint8Array, { is64, little }: Shape = { is64: true, little: true }) {
  const names = bytesOf("\0.shstrtab\0.dep-v0\0");
  const [headBytes, entryBytes] = [64, is64 ? 64 : 40];
  const tableAt = headBytes + names.length + content.length;
  const bytes = joined(new Uint8Array(headBytes), names, content, new Uint8Array(3 * entryBytes));
  bytes.set([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, little ? 1 : 2]);
  const view = new DataView(bytes.buffer);
  const word = (at: number, value: number) =>
    is64 ? view.setBigUint64(at, BigInt(value), little) : view.setUint32(at, value, little);
  word(is64 ? 40 : 32, tableAt);
  view.setUint16(is64 ? 58 : 46, entryBytes, little);
  view.setUint16(is64 ? 60 : 48, 3, little);
  view.setUint16(is64 ? 62 : 50, 1, little);
  const section = (index: number, name: number, [start, size]: [number, number]) => {
    const at = tableAt + index * entryBytes;
    view.setUint32(at, name, little);
    word(at + (is64 ? 24 : 16), start);
    word(at + (is64 ? 32 : 20), size);
  };
  section(1, 1, [headBytes, names.length]);
  section(2, 11, [headBytes + names.length, content.length]);
  return bytes;
}

const AUDIT = {
  packages: [
    { name: "tool", version: "0.1.0", source: "local", root: true, dependencies: [1, 2] },
    { name: "serde", version: "1.0.1", source: "crates.io" },
    { name: "cc", version: "1.0.2", source: "crates.io", kind: "build" },
  ],
};

test("a program of cargo auditable has its crates, but not those of its build", async () => {
  const content = new Uint8Array(deflateSync(JSON.stringify(AUDIT)));
  for (const is64 of [true, false]) {
    for (const little of [true, false]) {
      const list = await read(tar(file("bin/t", rustBinary(content, { is64, little }))));
      expect(found(list)).toEqual(["bin/t tool 0.1.0", "bin/t serde 1.0.1"]);
      expect(list.packages[0]).toMatchObject({ type: "cargo", source: null });
    }
  }
});

test("a broken list of crates is told, and so is a bomb", async () => {
  const bomb = new Uint8Array(deflateSync(new Uint8Array(9 * 1024 * 1024)));
  const wrong = new Uint8Array(deflateSync(JSON.stringify({ packages: [{ name: 1 }] })));
  for (const content of [bytesOf("not packed"), bomb, wrong]) {
    const list = await read(tar(file("bin/t", rustBinary(content))));
    expect(list.plainFiles).toEqual(["bin/t"]);
    expect(list.problems).toEqual(['"bin/t" was not read: its list of crates is broken.']);
  }
});

test("headers that lie lead nowhere", async () => {
  const content = new Uint8Array(deflateSync(JSON.stringify(AUDIT)));
  for (const [at, value] of [
    [40, 255],
    [47, 255],
    [58, 0],
    [60, 0],
    [62, 9],
  ] as const) {
    const bytes = rustBinary(content);
    bytes.fill(value, at, at + 1);
    expect((await read(tar(file("t", bytes)))).plainFiles).toEqual(["t"]);
  }
  for (let size = 4; size < 300; size += 7) {
    const list = await read(tar(file("t", rustBinary(content).subarray(0, size))));
    expect([list.ended, list.plainFiles]).toEqual([null, ["t"]]);
  }
});

test("an executable that is too large is not held, and what it has is told", async () => {
  const content = new Uint8Array(deflateSync(JSON.stringify(AUDIT)));
  const limits = { ...LIMITS, executableBytes: 200 };
  for (const pieceBytes of [1, 5, 8, 100, 605, 1_000]) {
    const bytes = tar(file("bin/t", rustBinary(content)));
    const list = await readLayer(piecewise(bytes, pieceBytes), READERS, limits);
    expect([list.packages, list.plainFiles]).toEqual([[], ["bin/t"]]);
    expect(list.problems).toEqual([
      'The crates of "bin/t" were not read: it is larger than 200 bytes.',
    ]);
  }
  const list = await read(tar(file("bin/tool", goBinary("go1.22.3", LINES))), limits);
  expect([...found(list), ...list.problems]).toEqual(MODULES);
});
