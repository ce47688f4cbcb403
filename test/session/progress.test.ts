import { describe, expect, test } from "vitest";
import type { Digest } from "../../src/oci/digest.ts";
import {
  advance,
  newUpload,
  grant,
  type Intent,
  PART_SIZE,
  type Position,
  type Progress,
  replacesTail,
  type ChunkResult,
} from "../../src/session/progress.ts";

const NEXT: Position = { kind: "next" };
const MULTIPART = { key: "blobs/x", uploadId: "u" };
const DIGEST = "sha256:x" as Digest;
const FINISH: Intent = { position: NEXT, length: 0, finish: DIGEST };
const TICKET = { repository: "a/b", actor: "", algorithm: "sha256", deadline: 0 } as const;
const STATE = new Uint8Array([1, 2, 3]);

/** An upload of three parts and a tail of ten bytes. */
const WRITTEN: Progress = {
  ...newUpload("id", TICKET),
  hash: { kind: "running", state: STATE },
  offset: 3 * PART_SIZE + 10,
  tailLength: 10,
  multipart: MULTIPART,
  lastPart: 3,
  writer: 4,
  committed: 4,
};

function chunk(position: Position): Intent {
  return { position, length: 5, finish: null };
}

describe("grant()", () => {
  const at = WRITTEN.offset;
  test.each<[string, Position, number | null]>([
    ["no position", NEXT, at],
    ["a range that continues", { kind: "range", start: at, length: 5 }, at],
    ["a range after a gap", { kind: "range", start: at + 1, length: 5 }, null],
    ["a range again from the beginning", { kind: "range", start: 0, length: at }, null],
    ["a range that overlaps", { kind: "range", start: at - 1, length: 5 }, null],
    ["the newest Location", { kind: "location", offset: at }, at],
    ["the first Location", { kind: "location", offset: 0 }, 0],
    ["a Location in between", { kind: "location", offset: PART_SIZE }, null],
    ["a Location of the future", { kind: "location", offset: at + 1 }, null],
  ])("%s", (_, position, offset) => {
    expect(grant(WRITTEN, chunk(position))?.lease.offset ?? null).toBe(offset);
  });

  test.each<Position>([
    NEXT,
    { kind: "range", start: 0, length: 5 },
    { kind: "location", offset: 0 },
  ])("an empty upload begins at 0: %o", (position) => {
    const empty = newUpload("id", { ...TICKET, algorithm: "sha512" });
    const lease = grant(empty, chunk(position))?.lease;
    expect(lease).toMatchObject({ offset: 0, multipart: null, firstPart: 1, algorithm: "sha512" });
  });

  test("the lease continues hash, tail and parts", () => {
    expect(grant(WRITTEN, chunk(NEXT))?.lease).toMatchObject({
      writer: 5,
      hash: WRITTEN.hash,
      tailLength: 10,
      multipart: MULTIPART,
      firstPart: 4,
    });
  });

  test("starting over begins a multipart upload of its own and keeps the book as it was", () => {
    const granted = grant(WRITTEN, chunk({ kind: "location", offset: 0 }));
    expect(granted?.lease).toMatchObject({
      offset: 0,
      tailLength: 0,
      multipart: null,
      hash: { kind: "running", state: null },
      firstPart: 1,
    });
    expect(granted?.progress).toMatchObject({ offset: at, lastPart: 3, multipart: MULTIPART });
  });

  test("writers at once get part numbers that do not meet", () => {
    const first = grant(WRITTEN, chunk(NEXT));
    const second = grant(first?.progress ?? WRITTEN, chunk(NEXT));
    expect(first?.lease.maxPart).toBeLessThan(second?.lease.firstPart ?? 0);
    expect(second?.lease.writer).toBe((first?.lease.writer ?? 0) + 1);
  });

  test("no part number passes R2's 10,000; a writer that gets none cannot write, but finish", () => {
    const full = { ...WRITTEN, lastPart: 9_999, tailLength: 0 };
    expect(grant(full, chunk(NEXT))?.lease).toMatchObject({ firstPart: 10_000, maxPart: 10_000 });
    const over = grant({ ...full, lastPart: 10_000 }, FINISH)?.lease;
    expect(over?.maxPart).toBeLessThan(over?.firstPart ?? 0);
  });

  test("a number that a writer may still use is given to nobody else, whoever ends meanwhile", () => {
    const zombie = grant(WRITTEN, chunk(NEXT));
    const second = grant(zombie?.progress ?? WRITTEN, chunk(NEXT));
    const written = { from: WRITTEN.offset, offset: WRITTEN.offset + 5, hash: WRITTEN.hash };
    const tail = { ...written, multipart: MULTIPART, parts: [], tail: new Uint8Array(5) };
    const third = grant(advance(second?.progress ?? WRITTEN, tail), chunk(NEXT));
    expect(third?.lease.firstPart).toBeGreaterThan(zombie?.lease.maxPart ?? Infinity);
  });

  test("a finish remembers under which key it may leave an object, a chunk leaves none", () => {
    expect(grant(WRITTEN, FINISH)?.progress.objects).toEqual([MULTIPART.key]);
    expect(grant(WRITTEN, chunk(NEXT))?.progress.objects).toEqual([]);
    const empty = newUpload("id", TICKET);
    const first = grant(empty, FINISH);
    const second = grant(first?.progress ?? empty, FINISH);
    expect(second?.progress.objects).toEqual(["blobs/id-1", "blobs/id-2"]);
    expect(second?.lease.key).toBe("blobs/id-2");
  });

  test("more bytes after a whole hash: everything is read back from where it lies", () => {
    const whole = { ...WRITTEN, tailLength: 0, hash: { kind: "whole", digest: DIGEST } as const };
    const granted = grant(whole, chunk(NEXT));
    expect(granted?.lease).toMatchObject({
      offset: 0,
      multipart: null,
      hash: { kind: "running", state: null },
      key: "blobs/id-5",
      stored: { multipart: MULTIPART, size: whole.offset },
    });
    expect(granted?.progress.objects).toEqual([MULTIPART.key]);
    expect(grant(whole, FINISH)?.lease).toMatchObject({ offset: whole.offset, stored: null });
  });
});

describe("advance()", () => {
  const written: ChunkResult = {
    from: WRITTEN.offset,
    offset: WRITTEN.offset + 5,
    hash: WRITTEN.hash,
    multipart: MULTIPART,
    parts: [],
    tail: new Uint8Array(5),
  };

  test("bytes that fill no part are added to the tail", () => {
    expect(replacesTail(written)).toBe(false);
    expect(advance(WRITTEN, written)).toMatchObject({
      offset: WRITTEN.offset + 5,
      tailLength: 15,
      lastPart: 3,
      multipart: MULTIPART,
    });
  });

  test("a new part takes the tail along", () => {
    const more = {
      ...written,
      parts: [
        { number: 4, etag: "4" },
        { number: 5, etag: "5" },
      ],
      tail: new Uint8Array(7),
    };
    expect(replacesTail(more)).toBe(true);
    expect(advance(WRITTEN, more)).toMatchObject({ tailLength: 7, lastPart: 5 });
  });

  test("starting over forgets the parts that were", () => {
    const again = { ...written, from: 0, offset: 5, multipart: null };
    expect(replacesTail(again)).toBe(true);
    expect(advance(WRITTEN, again)).toMatchObject({
      offset: 5,
      tailLength: 5,
      lastPart: 0,
      multipart: null,
    });
  });

  test("the newest writer is the committed one, and none is at work", () => {
    const granted = grant(WRITTEN, chunk(NEXT));
    const after = advance(granted?.progress ?? WRITTEN, written);
    expect(after).toMatchObject({ writer: 5, committed: 5, activeWriters: [], ended: null });
  });

  test("the hash is the writer's", () => {
    const hash = { kind: "whole", digest: DIGEST } as const;
    expect(advance(WRITTEN, { ...written, hash }).hash).toEqual(hash);
  });
});
