/** What broken and hostile layers cost, and what is told of them. */
import { constants, createGzip, createZstdCompress, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { LIMITS, type Limits } from "../../../src/scan/layer/limits.ts";
import type { LayerList } from "../../../src/scan/layer/list.ts";
import { readLayer } from "../../../src/scan/layer/walk.ts";
import {
  BLOCK_BYTES,
  READERS,
  bytesOf,
  directory,
  file,
  found,
  header,
  joined,
  pax,
  read,
  streamOf,
  tar,
  zstd,
} from "./archive.ts";

const MIB = 1024 * 1024;
const FIRST = file("first.pkg", "a 1");

async function ended(bytes: Uint8Array, limits: Partial<Limits> = {}): Promise<string | null> {
  const list = await read(bytes, limits);
  expect(list.problems).toEqual([]);
  expect(found(list)).toEqual(["first.pkg a 1"]);
  return list.ended;
}

test("a broken archive ends the walk, and what was found stays", async () => {
  const cases: [Uint8Array, string][] = [
    [header("x.pkg", { checksum: "wrong" }), "at byte 1024: the header's checksum is wrong."],
    [new Uint8Array(BLOCK_BYTES).fill(1), "at byte 1024: the header's checksum is wrong."],
    [header("x.pkg", { size: 3 }), "is cut off."],
    [file("x.pkg", "b 1").subarray(0, BLOCK_BYTES + 2), "is cut off."],
    [header("big", { size: 5_000_000 }), "is cut off."],
    [header("big", { size: 5_000_000, mode: 0o755 }), "is cut off."],
    [header("x.pkg").subarray(0, 300), "is cut off."],
    [
      header("x", { patch: (block) => block.fill(0xff, 124, 136) }),
      "the header's size is no number.",
    ],
    [
      header("x", { patch: (block) => block.set(bytesOf("12x"), 124) }),
      "the header's size is no number.",
    ],
    [file("x", "9999 path=x\n", { type: "x" }), "a record that is none."],
    [file("x", "0 path=x\n", { type: "x" }), "a record that is none."],
    [file("x", "x", { type: "x" }), "a record that is none."],
    [file("x", "8 path=x", { type: "x" }), "a record that is none."],
    [file("x", "8 =patx\n", { type: "x" }), "a record that is none."],
    [pax({ path: "a\0b" }), "a record that is none."],
    [pax({ size: "-1" }), "a record that is none."],
    [pax({ size: "9".repeat(16) }), "a record that is none."],
    [header("x", { type: "x", size: 5_000 }), "is cut off."],
    [header("x", { type: "L", size: 2 * MIB }), "an extended header of more than 1048576 bytes"],
  ];
  for (const [bytes, reason] of cases) {
    expect(await ended(joined(FIRST, bytes))).toContain(reason);
  }
});

test("what is no archive says so", async () => {
  const list = await read(bytesOf("not an archive".repeat(100)));
  expect(list.ended).toBe("The layer is not a tar archive, or not compressed by gzip or zstd.");
  expect((await read(new Uint8Array(0))).ended).toBeNull();
});

test("a broken compression ends the walk", async () => {
  const noise = crypto.getRandomValues(new Uint8Array(60_000));
  const archive = tar(FIRST, file("noise", noise), file("noise2", noise));
  for (const packed of [gzipSync(archive), await zstd(archive)]) {
    const cut = await read(packed.subarray(0, packed.length - 30_000));
    expect(cut.ended).toContain("The layer cannot be unpacked: ");
    const head = await read(packed.subarray(0, 5));
    expect(head.ended).toContain("The layer cannot be unpacked: ");
    const broken = await read(Uint8Array.from(packed).fill(0xff, 10, 200));
    expect(broken.ended).toContain("The layer cannot be unpacked: ");
  }
  const wide = await zstd(archive, { params: { [constants.ZSTD_c_windowLog]: 27 } });
  expect((await read(wide)).ended).toContain("The layer cannot be unpacked: ");
});

test("each limit ends the walk with its sentence", async () => {
  const cases: [Uint8Array[], Partial<Limits>, string][] = [
    [
      [header("z", { size: 5_000_000 }), new Uint8Array(5_000_000)],
      { unpackedBytes: 3_000_000 },
      "unpacks to more than 3000000 bytes",
    ],
    [[directory("a"), directory("b")], { headers: 2 }, "has more than 2 entries"],
    [[file("d/".repeat(20) + "x", "")], { pathBytes: 30 }, "a path of more than 30 bytes"],
    [[file("d/".repeat(20) + "x", "")], { pathDepth: 20 }, "a path of more than 20 directories"],
    [
      [pax({ comment: "x".repeat(200) })],
      { extendedHeaderBytes: 100 },
      "an extended header of more than 100 bytes",
    ],
    [[file("b.pkg", "b 1\nc 1")], { packages: 2 }, "has more than 2 packages"],
    [
      [file("b.pkg", "b 1")],
      { readBytes: 5 },
      "has files of more than 5 bytes that may name packages",
    ],
    [
      [file("bin/aaaaaaaaaaaaaaaaaaaa", "", { mode: 0o755 })],
      { keptCharacters: 40 },
      "has more names than are kept",
    ],
    [
      [file("a/.wh.bbbbbbbbbbbbbbbbbbbb", "")],
      { keptCharacters: 35 },
      "has more names than are kept",
    ],
  ];
  for (const [entries, limits, reason] of cases) {
    const bytes = tar(FIRST, ...entries);
    expect((await read(bytes)).ended).toBeNull();
    expect(await ended(bytes, limits)).toContain(reason);
  }
});

/** Zeros that were packed as one file, of which the archive has no end. */
async function zeros(packer: NodeJS.ReadWriteStream, megabytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  packer.on("data", (part: Uint8Array) => parts.push(part));
  const done = new Promise((resolve) => packer.on("end", resolve));
  packer.write(joined(FIRST, header("zeros", { size: 8 ** 11 - 1 })));
  const zero = new Uint8Array(MIB);
  for (let i = 0; i < megabytes; i++) {
    await new Promise<void>((resolve) => packer.write(zero, () => resolve()));
  }
  packer.end();
  await done;
  return joined(...parts);
}

test("a bomb ends where it unpacks to more than a layer honestly would", async () => {
  for (const packer of [createGzip(), createZstdCompress()]) {
    const bomb = await zeros(packer, 64);
    expect(await ended(bomb, { ratioFreeBytes: 8 * MIB, maxRatio: 20 })).toBe(
      "The layer unpacks to more than 20 times its size; the rest was not read.",
    );
  }
});

test("members and frames that unpack to nothing end the walk", async () => {
  const skippable = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0);
  const empty = new Uint8Array(gzipSync(new Uint8Array(0)));
  for (const [start, part] of [
    [await zstd(FIRST), skippable],
    [gzipSync(FIRST), empty],
  ] as const) {
    const parts = joined(...Array.from({ length: 20_000 }, () => part));
    const list = await read(joined(start, parts), { overheadBytes: 100_000 });
    expect(list.ended).toBe(
      "The layer is more than twice as large as what it unpacks to; the rest was not read.",
    );
  }
});

test("a file that is too large, broken or a reader's trouble is told, and the walk goes on", async () => {
  const list = await read(
    tar(
      file("large.pkg", "x".repeat(1_001)),
      file("broken.pkg", "broken"),
      file("bug.pkg", "bug"),
      file("odd\n.pkg", "broken"),
      FIRST,
    ),
  );
  expect(found(list)).toEqual(["first.pkg a 1"]);
  expect(list.plainFiles).toEqual(["large.pkg", "broken.pkg", "bug.pkg", "odd\n.pkg"]);
  expect(list.problems).toEqual([
    '"large.pkg" was not read: it is larger than 1000 bytes.',
    '"broken.pkg" was not read: it has no names.',
    '"bug.pkg" was not read: its reader failed.',
    '"odd\\n.pkg" was not read: it has no names.',
  ]);
});

test("of many problems twenty are told, and how many more there are", async () => {
  const files = Array.from({ length: 25 }, (_, i) => file(`${i}.pkg`, "broken"));
  const { problems } = await read(tar(...files));
  expect(problems).toHaveLength(21);
  expect(problems[20]).toBe("and 5 more");
});

/** A stream whose bytes end with what `then` does, and which knows how much was pulled of it and whether it was cancelled. */
function watched(bytes: Uint8Array, then: (controller: ReadableStreamDefaultController) => void) {
  const seen = { pulledBytes: 0, isCancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (seen.pulledBytes >= bytes.length) {
        then(controller);
        return;
      }
      controller.enqueue(
        new Uint8Array(bytes.subarray(seen.pulledBytes, seen.pulledBytes + 10_000)),
      );
      seen.pulledBytes += 10_000;
    },
    cancel() {
      seen.isCancelled = true;
    },
  });
  return { seen, stream };
}

const NOISY = joined(
  FIRST,
  ...Array.from({ length: 30 }, (_, i) =>
    file(`n${i}`, crypto.getRandomValues(new Uint8Array(60_000))),
  ),
);

test("an error of the stream is thrown, however the layer is packed", async () => {
  for (const bytes of [NOISY, gzipSync(NOISY), await zstd(NOISY)]) {
    const error = new Error("R2 is down");
    const { stream } = watched(bytes, (controller) => controller.error(error));
    await expect(readLayer(stream, READERS)).rejects.toBe(error);
  }
});

test("a walk that ends early cancels the stream, and reads no more of it", async () => {
  for (const bytes of [NOISY, gzipSync(NOISY), await zstd(NOISY)]) {
    const { stream, seen } = watched(bytes, (controller) => controller.close());
    const list = await readLayer(stream, READERS, { ...LIMITS, headers: 2 });
    expect(list.ended).toContain("more than 2 entries");
    expect(seen.isCancelled).toBe(true);
    // What was read before then: no more than two entries and what the steps hold.
    expect(seen.pulledBytes).toBeLessThan(bytes.length / 2);
  }
});

test("a stream that stalls after the archive's end is not waited for", async () => {
  for (const bytes of [tar(FIRST), gzipSync(tar(FIRST)), await zstd(tar(FIRST))]) {
    const { stream, seen } = watched(bytes, () => {});
    const list: LayerList = await readLayer(stream, READERS);
    expect(list.ended).toBeNull();
    expect(seen.isCancelled).toBe(true);
  }
});

test("what is unpacked ahead of the walk is bounded, so a bomb's memory is", async () => {
  const { Meter } = await import("../../../src/scan/layer/meter.ts");
  const { Source } = await import("../../../src/scan/layer/source.ts");
  const { unpacked } = await import("../../../src/scan/layer/decompress.ts");
  for (const packer of [createGzip(), createZstdCompress()]) {
    const bomb = await zeros(packer, 64);
    const source = new Source(streamOf(bomb), new Meter(LIMITS));
    const buffers = new Set<ArrayBufferLike>();
    let largest = 0;
    for await (const piece of unpacked(source)) {
      buffers.add(piece.buffer);
      largest = Math.max(largest, piece.buffer.byteLength);
    }
    expect(largest).toBeLessThanOrEqual(256 * 1024);
    expect(buffers.size).toBeGreaterThanOrEqual(64);
  }
});
