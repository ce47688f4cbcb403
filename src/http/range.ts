import { RegistryError } from "../oci/errors.ts";
import type { ByteRange } from "../oci/page.ts";

/** Each range of a request is a read of its own; past this many, a client has to ask again (zstd:chunked and stargz do). */
const MAX_RANGES = 16;

/**
 * The ranges that a Range header asks of a blob, clamped to its size (RFC 9110 § 14.1.2), or null when the whole is to be
 * sent: no header, a unit that isn't bytes, ranges that cannot be read, or an empty blob.
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
  // Nothing lies in an empty blob, and clients that ask "bytes=0-" of everything want it all the same.
  if (size === 0) return null;
  const parsed = specs.map((spec) => parseSpec(spec.trim(), size));
  if (parsed.includes("malformed")) return null;
  const ranges = parsed.filter((range) => typeof range === "object");
  // Overlapping ranges that add up to more than the blob are answered by the blob (RFC 9110 § 14.2).
  if (ranges.reduce((sum, { length }) => sum + length, 0) > size) return null;
  if (ranges.length > 0) return ranges;
  // Clients of several ranges take 416 for a failure of the registry, so they get the whole instead.
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
 * Content-Range of an upload: `first-last`, as the spec has it, or in RFC 9110's form `bytes first-last/total`.
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
 * The Range header of an upload with that many bytes: its last byte is included, so an empty upload has none to name.
 * regclient takes "0-0" for one byte and would skip it, Docker cannot read "0--1" after a PATCH; each gets what it reads.
 */
export function formatUploadRange(offset: number, empty: "0-0" | "0--1"): string {
  return offset === 0 ? empty : `0-${offset - 1}`;
}
