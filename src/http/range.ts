import { RegistryError } from "../oci/errors.ts";
import type { ByteRange } from "../oci/page.ts";

/** Each range is a read of its own; a client that wants more has to ask again (zstd:chunked and stargz do). */
const MAX_RANGES = 16;

/**
 * Reads the ranges of a Range header, clamped to the blob's size (RFC 9110 § 14.1.2). Returns null when the whole blob
 * is to be sent: no header, a unit other than bytes, ranges that cannot be read, or an empty blob.
 * @throws RANGE_UNSATISFIABLE when a single range lies outside; SIZE_INVALID for too many
 */
export function parseRange(header: string | null, size: number): ByteRange[] | null {
  const specs = /^bytes=(.+)$/i.exec(header?.trim() ?? "")?.[1]?.split(",");
  if (specs === undefined) return null;
  if (specs.length > MAX_RANGES) {
    throw new RegistryError("SIZE_INVALID", {
      message: `too many ranges: at most ${MAX_RANGES} in one request`,
    });
  }
  // No range fits into an empty blob, but clients that always ask for "bytes=0-" want an answer for it too.
  if (size === 0) return null;
  const parsed = specs.map((spec) => parseSpec(spec.trim(), size));
  if (parsed.includes("malformed")) return null;
  const ranges = parsed.filter((range) => typeof range === "object");
  // Overlapping ranges that add up to more than the blob are answered with the whole blob (RFC 9110 § 14.2).
  if (ranges.reduce((sum, { length }) => sum + length, 0) > size) return null;
  if (ranges.length > 0) return ranges;
  // Clients that send several ranges take a 416 for a failure of the registry, so they get the whole blob.
  if (specs.length > 1) return null;
  throw new RegistryError("RANGE_UNSATISFIABLE", {
    headers: { "content-range": `bytes */${size}` },
    detail: { range: header, size },
  });
}

function parseSpec(spec: string, size: number): ByteRange | "outside" | "malformed" {
  const match = /^(\d*)-(\d*)$/.exec(spec);
  const [, first = "", last = ""] = match ?? [];
  if (match === null || (first === "" && last === "")) return "malformed";
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "outside" : { offset: size - length, length };
  }
  const offset = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  return offset > end ? "outside" : { offset, length: end - offset + 1 };
}

export function formatContentRange({ offset, length }: ByteRange, size: number): string {
  return `bytes ${offset}-${offset + length - 1}/${size}`;
}

/**
 * Reads the Content-Range of an upload: `first-last`, as the spec has it, or RFC 9110's `bytes first-last/total`.
 * @throws BLOB_UPLOAD_INVALID
 */
export function parseContentRange(header: string): ByteRange {
  const match = /^(?:bytes[ =])?\s*(\d{1,15})-(\d{1,15})(?:\/(?:\d+|\*))?$/.exec(header.trim());
  const offset = Number(match?.[1]);
  const last = Number(match?.[2]);
  if (match !== null && last >= offset) return { offset, length: last - offset + 1 };
  throw new RegistryError("BLOB_UPLOAD_INVALID", {
    message: "malformed Content-Range: expected <first byte>-<last byte>, such as 0-1023",
  });
}

/**
 * Formats the Range header of an upload with that many bytes. It names the last byte, and an empty upload has none.
 * regclient reads "0-0" as one byte and would skip that; Docker cannot read "0--1" after a PATCH. So the caller
 * chooses.
 */
export function formatUploadRange(offset: number, empty: "0-0" | "0--1"): string {
  return offset === 0 ? empty : `0-${offset - 1}`;
}
