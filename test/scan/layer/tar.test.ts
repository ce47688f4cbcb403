/** What of a tar archive's formats is read: as engines unpack it. */
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readLayer } from "../../../src/scan/layer/walk.ts";
import {
  BLOCK_BYTES,
  END,
  READERS,
  type Fields,
  bytesOf,
  directory,
  file,
  found,
  hardLink,
  header,
  joined,
  padded,
  pax,
  read,
  streamOf,
  symlink,
  tar,
  zstd,
} from "./archive.ts";

const ONE = tar(file("a.pkg", "one 1"), file("b/c.pkg", "two 2\nthree 3"));
const IN_ONE = ["a.pkg one 1", "b/c.pkg two 2", "b/c.pkg three 3"];

async function paths(...entries: Uint8Array[]): Promise<string[]> {
  const list = await read(tar(...entries));
  expect(list.ended).toBeNull();
  expect(list.problems).toEqual([]);
  return list.packages.map(({ path }) => path);
}

test("a layer is read plain, by gzip and by zstd, by what its first bytes say", async () => {
  for (const bytes of [ONE, gzipSync(ONE), await zstd(ONE)]) {
    const list = await read(bytes);
    expect(found(list)).toEqual(IN_ONE);
    expect(list.ended).toBeNull();
    expect(list.problems).toEqual([]);
  }
});

test("gzip members and zstd frames that follow each other are one archive", async () => {
  for (const cut of [1, 300, BLOCK_BYTES, 600, ONE.length - 1]) {
    const halves = [ONE.subarray(0, cut), ONE.subarray(cut)];
    const members = joined(...halves.map((half) => gzipSync(half)));
    const skippable = Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9);
    const first = await zstd(ONE.subarray(0, cut));
    const second = await zstd(ONE.subarray(cut));
    for (const bytes of [members, joined(skippable, first, skippable, second, skippable)]) {
      const list = await read(bytes);
      expect([list.ended, ...found(list)]).toEqual([null, ...IN_ONE]);
    }
  }
});

function blockHeader(size: number, type: number, last: number): number[] {
  const value = (size << 3) | (type << 1) | last;
  return [value & 255, (value >> 8) & 255, value >> 16];
}

/** Writes text into a header. */
function text(at: number, value: string): Fields {
  return { patch: (block) => block.set(bytesOf(value), at) };
}

test("zstd's raw and repeated blocks, of one segment or not, are told apart", async () => {
  const magic = [0x28, 0xb5, 0x2f, 0xfd];
  const content = file("a.pkg", "one 1");
  // A window of 1 MiB, a raw block, and one block of zeros repeated.
  const windowed = [...magic, 0x00, 0x50, ...blockHeader(content.length, 0, 0), ...content];
  const zeros = [...blockHeader(2 * BLOCK_BYTES, 1, 1), 0];
  // A single segment with its size of two bytes, counted from 256.
  const size = content.length - 256;
  const single = [
    ...magic,
    0x60,
    size & 255,
    size >> 8,
    ...blockHeader(content.length, 0, 1),
    ...content,
  ];
  const bytes = Uint8Array.from([...single, ...windowed, ...zeros]);
  expect(await read(bytes)).toMatchObject({ ended: null, packages: [{ path: "a.pkg" }] });
});

test("pieces may end anywhere", async () => {
  for (const bytes of [ONE, gzipSync(ONE), await zstd(ONE)]) {
    for (const pieceBytes of [1, 7, 511, 513]) {
      const list = await readLayer(streamOf(bytes, pieceBytes), READERS);
      expect([list.ended, ...found(list)]).toEqual([null, ...IN_ONE]);
    }
  }
});

test("a stream that is no byte stream is read too", async () => {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < ONE.length; at += 100) controller.enqueue(ONE.slice(at, at + 100));
      controller.close();
    },
  });
  expect(found(await readLayer(stream, READERS))).toEqual(IN_ONE);
});

test("names come from the header, ustar's prefix, pax or GNU's long names", async () => {
  const long = `${"d/".repeat(80)}x.pkg`;
  expect(
    await paths(
      file("v7.pkg", "a 1", { format: "v7", type: "\0" }),
      file("7.pkg", "a 1", { type: "7" }),
      file("name.pkg", "a 1", text(345, "pre/fix")),
      // GNU's times stand where the prefix would.
      file("gnu.pkg", "a 1", { format: "gnu", ...text(345, "12345670") }),
      pax({ path: long, mtime: "1.5" }),
      file("short", "a 1"),
      file("././@LongLink", `${long}2.pkg\0`, { type: "L", format: "gnu" }),
      file("short", "a 1", { format: "gnu" }),
      // A name of an extended header is that of one entry.
      file("after.pkg", "a 1"),
      pax({ path: "" }),
      file("empty.pkg", "a 1"),
      pax({ path: "ü.pkg" }),
      file("u", "a 1"),
    ),
  ).toEqual([
    "v7.pkg",
    "7.pkg",
    "pre/fix/name.pkg",
    "gnu.pkg",
    long,
    `${long}2.pkg`,
    "after.pkg",
    "empty.pkg",
    "ü.pkg",
  ]);
});

test("star's prefix is shorter, for its times follow", async () => {
  const fields = text(345, `${"p".repeat(131)}12345670123 ${"\0".repeat(20)}tar`);
  expect(await paths(file("s.pkg", "a 1", fields))).toEqual([`${"p".repeat(131)}/s.pkg`]);
});

test("a global pax header names no entry, since engines do not apply it", async () => {
  expect(
    await paths(
      pax({ path: "other", size: "99999" }, "g"),
      file("a.pkg", "a 1"),
      file("b.pkg", "b 1"),
    ),
  ).toEqual(["a.pkg", "b.pkg"]);
});

test("sizes are octal, of base 256 or pax's", async () => {
  const content = bytesOf("a 1");
  const base256 = (block: Uint8Array) => {
    block.fill(0, 124, 136);
    block[124] = 0x80;
    block[135] = content.length;
  };
  expect(
    await paths(
      file("a.pkg", content, { patch: base256 }),
      file("b.pkg", content, text(124, "         3  ")),
      pax({ size: "3" }),
      header("c.pkg"),
      padded(content),
      file("d.pkg", content),
    ),
  ).toEqual(["a.pkg", "b.pkg", "c.pkg", "d.pkg"]);
});

test("names are from the image's root, and those that lead out of it are left out", async () => {
  const list = await read(
    tar(
      file("./a.pkg", "a 1"),
      file("/b.pkg", "b 1"),
      file("x//./y/../c.pkg", "c 1"),
      file("../d.pkg", "d 1"),
      file("x/../../e.pkg", "e 1"),
      directory("./"),
      hardLink("f.pkg", "../a.pkg"),
      hardLink("g.pkg", "/a.pkg"),
    ),
  );
  expect(found(list)).toEqual(["a.pkg a 1", "b.pkg b 1", "x/c.pkg c 1", "g.pkg a 1"]);
});

test("a hard link to a file of the layer has its packages, and a symlink has none", async () => {
  const list = await read(
    tar(
      file("usr/lib/os-release", "alpine"),
      symlink("etc/os-release", "../usr/lib/os-release"),
      file("a.pkg", "a 1"),
      hardLink("b", "a.pkg"),
      hardLink("c.pkg", "./b"),
      hardLink("d.pkg", "not/there"),
      file("bin/plain", "text"),
      hardLink("bin/linked", "bin/plain"),
    ),
  );
  expect(found(list)).toEqual(["a.pkg a 1", "b a 1", "c.pkg a 1"]);
  expect(list.distributions.map(({ path }) => path)).toEqual(["usr/lib/os-release"]);
  expect(list.plainFiles).toEqual(["etc/os-release", "d.pkg", "bin/linked"]);
  expect(list.problems).toEqual([
    '"d.pkg" was not read: it is a hard link to "not/there", which the layer does not have or was not read.',
  ]);
});

test("plain files are those that may hide one with packages", async () => {
  const list = await read(
    tar(
      file("notes.txt", "text"),
      file("bin/run", "#!/bin/sh", { mode: 0o755 }),
      file("lib/x.so", joined(Uint8Array.of(0x7f), bytesOf("ELF"), new Uint8Array(100))),
      file("empty.pkg", ""),
      header("dev/null", { type: "3" }),
      header("run/pipe", { type: "6" }),
      directory("d.pkg"),
    ),
  );
  expect(list.plainFiles).toEqual(["bin/run", "lib/x.so", "empty.pkg", "dev/null", "run/pipe"]);
  expect(list.packages).toEqual([]);
});

test("a later entry replaces an earlier one of its path", async () => {
  const list = await read(
    tar(
      file("a.pkg", "a 1"),
      file("a.pkg", "a 2"),
      file("b.pkg", "b 1"),
      symlink("b.pkg", "a.pkg"),
      file("c.pkg", "c 1"),
      directory("c.pkg"),
    ),
  );
  expect(found(list)).toEqual(["a.pkg a 2"]);
  expect(list.plainFiles).toEqual(["b.pkg"]);
});

test("whiteouts tell what is removed, and AUFS's own notes are passed over", async () => {
  const list = await read(
    tar(
      file("a/.wh.b", ""),
      file(".wh.c", ""),
      file("d/.wh..wh..opq", ""),
      file(".wh..wh..opq", ""),
      file(".wh..wh.plnk", ""),
      file("e/.wh...", ""),
      file("e/.wh.", ""),
      file("e/.wh..hidden", ""),
    ),
  );
  expect(list.removed).toEqual(["a/b", "c", "e/.hidden"]);
  expect(list.opaque).toEqual(["d", ""]);
  expect(list.plainFiles).toEqual([]);
});

test("sparse files and unknown types are passed over, and their content with them", async () => {
  const map = new Uint8Array(BLOCK_BYTES);
  map[504] = 1;
  const list = await read(
    tar(
      header("s.pkg", { type: "S", format: "gnu", size: 600, ...text(482, "\u0001") }),
      map,
      new Uint8Array(BLOCK_BYTES),
      padded(new Uint8Array(600).fill(1)),
      pax({ "GNU.sparse.major": "1", "GNU.sparse.name": "t.pkg" }),
      file("GNUSparseFile.0/t.pkg", "1\n0\n3\n"),
      file("volume", "a 1", { type: "V" }),
      file("odd.pkg", "a 1", { type: "Z" }),
      // The size of what is no file counts for nothing.
      header("link", { type: "2", linkName: "a.pkg", size: 4_000 }),
      file("a.pkg", "a 1"),
    ),
  );
  expect(found(list)).toEqual(["a.pkg a 1"]);
  expect(list.plainFiles).toEqual(["s.pkg", "t.pkg", "link"]);
  expect(list.problems).toHaveLength(2);
  expect(list.ended).toBeNull();
});

test("the end may be one block of zeros, cut off or missing, and what follows it is not read", async () => {
  const entries = file("a.pkg", "a 1");
  for (const end of [END, END.subarray(0, BLOCK_BYTES), END.subarray(0, 100), new Uint8Array(0)]) {
    expect(await read(joined(entries, end))).toMatchObject({
      ended: null,
      packages: [{ path: "a.pkg" }],
    });
  }
  const garbage = new Uint8Array(5_000).fill(7);
  expect(await read(joined(entries, END, garbage))).toMatchObject({ ended: null });
  expect(await read(joined(gzipSync(joined(entries, END)), new Uint8Array(600)))).toMatchObject({
    ended: null,
    packages: [{ path: "a.pkg" }],
  });
});

test("checksums of signed bytes are right too", async () => {
  const signed: Fields = {
    checksum: "signed",
    patch: (block) => block.set(Uint8Array.of(0xc3, 0xbc), 0),
  };
  expect(await paths(file("??.pkg", "a 1", signed))).toEqual(["ü.pkg"]);
});
