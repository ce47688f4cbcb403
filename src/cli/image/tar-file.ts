/** A tar archive whose files are read in place: its headers are walked once, and each file is known by its offset. */
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { posix } from "node:path";
import { Header } from "tar/header";
import { Pax } from "tar/pax";
import { CliError } from "../error.ts";
import { reasonOf } from "../file.ts";
import { type Files, missing } from "./files.ts";
import type { Bytes } from "./source.ts";

interface Entry {
  readonly offset: number;
  readonly size: number;
}

const BLOCK = 512;
/** Headers that are longer than their block: paths, and nothing larger. */
const MAX_LONG_HEADER = 1024 * 1024;

const FILES: ReadonlySet<string> = new Set(["File", "OldFile", "ContiguousFile"]);
/** Entries that say more about the next one (pax, and GNU's way before it). */
const HEADERS: ReadonlySet<string> = new Set([
  "ExtendedHeader",
  "GlobalExtendedHeader",
  "NextFileHasLongPath",
  "OldGnuLongPath",
  "NextFileHasLongLinkpath",
]);

export class TarFile implements Files {
  readonly path: string;
  readonly #entries: ReadonlyMap<string, Entry>;

  private constructor(path: string, entries: ReadonlyMap<string, Entry>) {
    this.path = path;
    this.#entries = entries;
  }

  /** @throws CliError if the file cannot be read, or is no archive */
  static async open(path: string): Promise<TarFile> {
    let file: FileHandle;
    try {
      file = await open(path);
    } catch (error) {
      throw new CliError(`cannot read ${path}: ${reasonOf(error)}`, { cause: error });
    }
    try {
      return new TarFile(path, await entriesOf(file, path));
    } finally {
      await file.close();
    }
  }

  async has(name: string): Promise<boolean> {
    return this.#entries.has(clean(name));
  }

  async sizeOf(name: string): Promise<number> {
    return this.#entry(name).size;
  }

  async read(name: string, offset = 0): Promise<Bytes> {
    const entry = this.#entry(name);
    if (offset >= entry.size) return nothing();
    const start = entry.offset + offset;
    return createReadStream(this.path, { start, end: entry.offset + entry.size - 1 });
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(clean(name));
    if (entry !== undefined) return entry;
    throw missing(this.path, name);
  }
}

async function* nothing(): AsyncGenerator<Uint8Array, void> {
  // No bytes.
}

async function entriesOf(file: FileHandle, path: string): Promise<Map<string, Entry>> {
  const { size: end } = await file.stat();
  const entries = new Map<string, Entry>();
  const links: (readonly [name: string, target: string])[] = [];
  const more: { pax: Pax | undefined; global: Pax | undefined; name: string; target: string } = {
    pax: undefined,
    global: undefined,
    name: "",
    target: "",
  };
  for (let at = 0; at + BLOCK <= end;) {
    const header = new Header(await bytesAt(file, at, BLOCK), 0, more.pax, more.global);
    at += BLOCK;
    if (header.nullBlock) continue;
    if (!header.cksumValid) throw damaged(path, at === BLOCK);
    const { size = 0, type, path: named = "", linkpath: linked = "" } = header;
    if (at + size > end) throw damaged(path, false);
    const long = HEADERS.has(type) ? await longHeader(file, at, size) : "";
    if (type === "ExtendedHeader") more.pax = Pax.parse(long, more.pax);
    else if (type === "GlobalExtendedHeader") more.global = Pax.parse(long, more.global, true);
    else if (type === "NextFileHasLongPath" || type === "OldGnuLongPath") more.name = cut(long);
    else if (type === "NextFileHasLongLinkpath") more.target = cut(long);
    else {
      const name = clean(more.name || named);
      const target = more.target || linked;
      if (FILES.has(type)) entries.set(name, { offset: at, size });
      else if (type === "SymbolicLink") links.push([name, posix.join(posix.dirname(name), target)]);
      else if (type === "Link") links.push([name, clean(target)]);
      more.pax = undefined;
      more.name = more.target = "";
    }
    at += Math.ceil(size / BLOCK) * BLOCK;
  }
  // Older versions of docker write a layer once, and links to it.
  for (const [name, target] of links) {
    const entry = entries.get(target);
    if (entry !== undefined) entries.set(name, entry);
  }
  return entries;
}

async function longHeader(file: FileHandle, at: number, size: number): Promise<string> {
  if (size > MAX_LONG_HEADER) throw new CliError("the archive has a header that is too long");
  return (await bytesAt(file, at, size)).toString();
}

function cut(text: string): string {
  return text.replace(/\0.*$/s, "");
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function clean(name: string): string {
  return posix.normalize(name).replace(/^(?:\.?\/)+/, "");
}

function damaged(path: string, isFirst: boolean): CliError {
  const why = isFirst ? "it is no tar archive" : "it is damaged, or was not written to its end";
  return new CliError(`cannot read ${path}: ${why}`, { code: "DAMAGED" });
}
