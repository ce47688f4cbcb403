/** A tar writer that always gives the same bytes: no times, no owners, ustar headers. */
const BLOCK = 512;

export interface Entry {
  path: string;
  /** A symbolic link's target; such an entry has no bytes. */
  link?: string;
  size?: number;
  mode?: number;
  content?: Iterable<Buffer> | AsyncIterable<Buffer>;
}

export async function* tar(entries: Iterable<Entry>): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    const size = entry.size ?? 0;
    yield header(entry, size);
    let written = 0;
    for await (const chunk of entry.content ?? []) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== size) throw new Error(`${entry.path}: ${written} bytes instead of ${size}`);
    if (size % BLOCK !== 0) yield Buffer.alloc(BLOCK - (size % BLOCK));
  }
  yield Buffer.alloc(2 * BLOCK);
}

export function file(path: string, bytes: Buffer, mode = 0o644): Entry {
  return { path, size: bytes.length, mode, content: [bytes] };
}

function header(entry: Entry, size: number): Buffer {
  const isFolder = entry.path.endsWith("/");
  const type = isFolder ? "5" : entry.link === undefined ? "0" : "2";
  const block = Buffer.alloc(BLOCK);
  block.write(entry.path, 0, 100, "utf8");
  block.write(octal(entry.mode ?? (isFolder ? 0o755 : 0o644), 8), 100, "latin1");
  block.write(octal(0, 8), 108, "latin1");
  block.write(octal(0, 8), 116, "latin1");
  block.write(octal(size, 12), 124, "latin1");
  block.write(octal(0, 12), 136, "latin1");
  // The checksum is taken over the header with eight spaces in its own place.
  block.write(" ".repeat(8), 148, "latin1");
  block.write(type, 156, "latin1");
  block.write(entry.link ?? "", 157, 100, "utf8");
  block.write("ustar\u000000", 257, "latin1");
  const sum = block.reduce((total: number, byte: number) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\u0000 `, 148, "latin1");
  return block;
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, "0")}\u0000`;
}
