/** Tar archives as tests need them: headers are written by hand, so that odd and broken ones can be made. */
import { createZstdCompress, type ZstdOptions } from "node:zlib";
import type { FileReader, LayerList } from "../../../src/scan/layer/list.ts";
import { UnreadableFile } from "../../../src/scan/layer/list.ts";
import { LIMITS, type Limits } from "../../../src/scan/layer/limits.ts";
import { readLayer } from "../../../src/scan/layer/walk.ts";

export const BLOCK_BYTES = 512;
const encoder = new TextEncoder();

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export interface Fields {
  readonly type?: string;
  readonly mode?: number;
  readonly linkName?: string;
  readonly size?: number;
  readonly format?: "ustar" | "gnu" | "v7";
  /** Changes the block before its checksum is written. */
  readonly patch?: (block: Uint8Array) => void;
  readonly checksum?: "unsigned" | "signed" | "wrong";
}

function put(block: Uint8Array, at: number, text: string): void {
  block.set(encoder.encode(text), at);
}

export function header(name: string, fields: Fields = {}): Uint8Array {
  const { type = "0", mode = 0o644, linkName = "", size = 0, format = "ustar" } = fields;
  const block = new Uint8Array(BLOCK_BYTES);
  put(block, 0, name);
  put(block, 100, `${mode.toString(8).padStart(7, "0")}\0`);
  put(block, 124, `${size.toString(8).padStart(11, "0")}\0`);
  put(block, 156, type);
  put(block, 157, linkName);
  if (format === "ustar") put(block, 257, "ustar\u000000");
  if (format === "gnu") put(block, 257, "ustar  \0");
  fields.patch?.(block);
  put(block, 148, "        ");
  const { checksum = "unsigned" } = fields;
  const sum = block.reduce(
    (total, byte) => total + (checksum === "signed" && byte > 127 ? byte - 256 : byte),
    checksum === "wrong" ? 1 : 0,
  );
  put(block, 148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}

export function padded(content: Uint8Array): Uint8Array {
  const rest = content.length % BLOCK_BYTES;
  return rest === 0 ? content : joined(content, new Uint8Array(BLOCK_BYTES - rest));
}

export function file(
  name: string,
  content: string | Uint8Array = "",
  fields: Fields = {},
): Uint8Array {
  const bytes = typeof content === "string" ? encoder.encode(content) : content;
  return joined(header(name, { size: bytes.length, ...fields }), padded(bytes));
}

export function directory(name: string): Uint8Array {
  return header(name, { type: "5", mode: 0o755 });
}

export function symlink(name: string, linkName: string): Uint8Array {
  return header(name, { type: "2", linkName });
}

export function hardLink(name: string, linkName: string): Uint8Array {
  return header(name, { type: "1", linkName });
}

/** An extended header of pax, whose records count their own length. */
export function pax(records: Record<string, string>, type = "x"): Uint8Array {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = encoder.encode(` ${key}=${value}\n`).length;
    let length = rest + 1;
    while (`${length}`.length + rest !== length) length++;
    return `${length} ${key}=${value}\n`;
  });
  return file("PaxHeaders/x", lines.join(""), { type });
}

export const END = new Uint8Array(2 * BLOCK_BYTES);

export function tar(...entries: readonly Uint8Array[]): Uint8Array {
  return joined(...entries, END);
}

/** Reads `*.pkg`, whose lines are "name version"; and os-release. */
export const READERS: readonly FileReader[] = [
  {
    matches: (path) => path.endsWith(".pkg"),
    maxBytes: 1_000,
    read: (bytes, path) => {
      const text = new TextDecoder().decode(bytes);
      if (text === "bug") throw new TypeError("x is not a function");
      if (text === "broken") throw new UnreadableFile("it has no names");
      const lines = text.split("\n").filter((line) => line !== "");
      const packages = lines.map((line) => {
        const [name = "", version = ""] = line.split(" ");
        return { type: "npm" as const, name, version, source: null, arch: null, path };
      });
      return { packages, distribution: null };
    },
  },
  {
    matches: (path) => path === "etc/os-release" || path === "usr/lib/os-release",
    maxBytes: 1_000,
    read: (bytes) => ({
      packages: [],
      distribution: { id: new TextDecoder().decode(bytes), version: "1", name: "Test" },
    }),
  },
];

/** A byte stream, as those of R2 are. `pieceBytes` is how much comes at once. */
export function streamOf(bytes: Uint8Array, pieceBytes = 1024 * 1024): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    type: "bytes",
    pull(controller: ReadableByteStreamController) {
      if (at === bytes.length) {
        controller.close();
        // A reader that brought a buffer gets it back.
        controller.byobRequest?.respond(0);
        return;
      }
      // A copy: the stream takes its buffer away.
      controller.enqueue(new Uint8Array(bytes.subarray(at, at + pieceBytes)));
      at = Math.min(at + pieceBytes, bytes.length);
    },
  });
}

export function read(bytes: Uint8Array, limits: Partial<Limits> = {}): Promise<LayerList> {
  return readLayer(streamOf(bytes), READERS, { ...LIMITS, ...limits });
}

/** What packages there are, as "path name version". */
export function found({ packages }: LayerList): string[] {
  return packages.map(({ path, name, version }) => `${path} ${name} ${version}`);
}

/** Packs into one piece: workerd's encoder fails where a piece is too small for what it has. */
export async function zstd(bytes: Uint8Array, options: ZstdOptions = {}): Promise<Uint8Array> {
  const packer = createZstdCompress({ chunkSize: 2 * bytes.length + 1_024, ...options });
  packer.end(bytes);
  const parts: Uint8Array[] = [];
  for await (const part of packer) parts.push(part as Uint8Array);
  return joined(...parts);
}
