import { expect, test } from "vitest";
import {
  formatContentRange,
  formatUploadRange,
  parseContentRange,
  parseRange,
} from "../../src/http/range.ts";

test.each<[string | null, number, [number, number][] | null]>([
  [null, 100, null],
  ["bytes=0-9", 100, [[0, 10]]],
  ["bytes=90-", 100, [[90, 10]]],
  ["bytes=-10", 100, [[90, 10]]],
  ["bytes=-1000", 100, [[0, 100]]],
  ["bytes=50-100", 100, [[50, 50]]],
  ["BYTES=0-0", 100, [[0, 1]]],
  [
    "bytes=0-0, 5-6 ,-1",
    100,
    [
      [0, 1],
      [5, 2],
      [99, 1],
    ],
  ],
  ["bytes=0-0,200-", 100, [[0, 1]]],
  ["bytes=200-,300-", 100, null],
  ["bytes=0-0,x", 100, null],
  ["bytes=", 100, null],
  ["bytes=-", 100, null],
  ["bytes", 100, null],
  ["lines=0-1", 100, null],
  ["bytes=0x1-2", 100, null],
  ["bytes=0-", 0, null],
  ["bytes=-5", 0, null],
  ["bytes=5-", 0, null],
])("Range: %j of %i bytes", (header, size, ranges) => {
  const expected = ranges?.map(([offset, length]) => ({ offset, length })) ?? null;
  expect(parseRange(header, size)).toEqual(expected);
});

test.each([
  ["bytes=100-", 100],
  ["bytes=9-0", 100],
  ["bytes=-0", 100],
])("Range: %j of %i bytes lies outside", (header, size) => {
  expect(() => parseRange(header, size)).toThrow(
    expect.objectContaining({ status: 416, headers: { "content-range": `bytes */${size}` } }),
  );
});

test.each<[string, number, number]>([
  ["0-0", 0, 1],
  ["0-1023", 0, 1024],
  ["1024-2047", 1024, 1024],
  ["bytes 0-9/10", 0, 10],
  ["bytes 0-9/*", 0, 10],
  ["bytes=0-9", 0, 10],
  [" 5-6 ", 5, 2],
])("Content-Range: %j", (header, offset, length) => {
  expect(parseContentRange(header)).toEqual({ offset, length });
});

test.each(["", "-", "1-", "-1", "2-1", "a-b", "0-9-", "0,9", "0-9999999999999999", "bytes */10"])(
  "Content-Range: %j is malformed",
  (header) => {
    expect(() => parseContentRange(header)).toThrow(
      expect.objectContaining({ status: 400, code: "BLOB_UPLOAD_INVALID" }),
    );
  },
);

test("what the ranges look like on the wire", () => {
  expect(formatContentRange({ offset: 5, length: 10 }, 100)).toBe("bytes 5-14/100");
  expect(formatUploadRange(100, "0-0")).toBe("0-99");
  expect(formatUploadRange(1, "0--1")).toBe("0-0");
  expect(formatUploadRange(0, "0-0")).toBe("0-0");
  expect(formatUploadRange(0, "0--1")).toBe("0--1");
});
