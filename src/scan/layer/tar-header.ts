import { WalkEnd } from "./limits.ts";

export const BLOCK_BYTES = 512;

/** A header as it stands in its block; extended headers before it may say otherwise. */
export interface TarHeader {
  readonly name: string;
  readonly linkName: string;
  /** One character. */
  readonly type: string;
  readonly mode: number;
  readonly sizeBytes: number;
  /** Another block of this header follows (GNU's sparse files). */
  readonly isExtended: boolean;
}

const CHECKSUM = { start: 148, end: 156 };
const SPACE = 0x20;
const decoder = new TextDecoder();

/**
 * Parses a header of any of the formats V7, ustar, pax, GNU and star.
 * @returns null for a block of zeros, which ends an archive
 * @throws WalkEnd if it is none
 */
export function parseHeader(block: Uint8Array, position: number): TarHeader | null {
  const sums = sumsOf(block);
  if (sums.unsigned === CHECKSUM_OF_ZEROS && block.every((byte) => byte === 0)) return null;
  const checksum = numberOf(block, CHECKSUM.start, CHECKSUM.end);
  if (checksum === null || (checksum !== sums.unsigned && checksum !== sums.signed)) {
    throw new WalkEnd(
      position === 0
        ? "The layer is not a tar archive, or not compressed by gzip or zstd."
        : `The layer's tar archive is broken at byte ${position}: the header's checksum is wrong.`,
    );
  }
  const sizeBytes = numberOf(block, 124, 136);
  if (sizeBytes === null) {
    throw new WalkEnd(
      `The layer's tar archive is broken at byte ${position}: the header's size is no number.`,
    );
  }
  const name = text(block, 0, 100);
  const prefix = prefixOf(block);
  const type = String.fromCharCode(block[156] ?? 0);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    linkName: text(block, 157, 257),
    type,
    mode: numberOf(block, 100, 108) ?? 0,
    sizeBytes,
    isExtended: type === "S" && block[482] === 1,
  };
}

/** The checksum's own field counts as spaces. */
const CHECKSUM_OF_ZEROS = SPACE * (CHECKSUM.end - CHECKSUM.start);

/** Some old writers summed signed bytes. */
function sumsOf(block: Uint8Array): { unsigned: number; signed: number } {
  let unsigned = 0;
  let high = 0;
  for (let i = 0; i < BLOCK_BYTES; i++) {
    const byte = i >= CHECKSUM.start && i < CHECKSUM.end ? SPACE : (block[i] ?? 0);
    unsigned += byte;
    high += byte >> 7;
  }
  return { unsigned, signed: unsigned - 256 * high };
}

/** GNU's format has times where ustar has the prefix, and star's prefix is shorter. */
function prefixOf(block: Uint8Array): string {
  if (text(block, 257, 263) !== "ustar") return "";
  return text(block, 345, text(block, 508, 512) === "tar" ? 476 : 500);
}

/** Reads a field up to its first NUL. */
function text(block: Uint8Array, start: number, end: number): string {
  let stop = start;
  while (stop < end && block[stop] !== 0) stop++;
  return stop === start ? "" : decoder.decode(block.subarray(start, stop));
}

/** Reads an octal number, or one of base 256 whose first bit is set. Returns null if it is neither, negative or too large. */
function numberOf(block: Uint8Array, start: number, end: number): number | null {
  const first = block[start] ?? 0;
  if ((first & 0x80) !== 0) {
    let value = first & 0x7f;
    for (let i = start + 1; i < end; i++) value = value * 256 + (block[i] ?? 0);
    return Number.isSafeInteger(value) ? value : null;
  }
  const digits = text(block, start, end).trim();
  if (!/^[0-7]*$/.test(digits)) return null;
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}
