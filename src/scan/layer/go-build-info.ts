import type { Package } from "../package.ts";

/** Go's linker writes it before the build information, at a multiple of 16 bytes (Go's package debug/buildinfo). */
const MAGIC = [0xff, ...new TextEncoder().encode(" Go buildinf:")];
const UNIT_BYTES = 16;
const FLAGS_AT = 15;
const HEADER_BYTES = 32;
/** The strings follow the header. Go before 1.18 wrote pointers to them. */
const INLINE_STRINGS = 2;
const MAX_FLAGS = 3;
/** Large programs have lists of modules of 100 KB. */
const MAX_INFO_BYTES = 1024 * 1024;
/** So many bytes stand before and after the list of modules. */
const MARK_BYTES = 16;

const decoder = new TextDecoder();

/** Finds the build information of Go in an executable as its bytes pass. */
export class GoBuildInfoScan {
  readonly #unit = new Uint8Array(UNIT_BYTES);
  /** How many bytes of the unit have come. */
  #inUnit = 0;
  #info: Uint8Array | null = null;
  #filled = 0;

  push(piece: Uint8Array): void {
    let at = 0;
    if (this.#info === null && this.#inUnit > 0) {
      at = Math.min(UNIT_BYTES - this.#inUnit, piece.length);
      this.#unit.set(piece.subarray(0, at), this.#inUnit);
      this.#inUnit = (this.#inUnit + at) % UNIT_BYTES;
      if (this.#inUnit > 0) return;
      if (isMagic(this.#unit, 0)) this.#collect(this.#unit);
    }
    if (this.#info === null) {
      const end = piece.length - ((piece.length - at) % UNIT_BYTES);
      while (at < end && !isMagic(piece, at)) at += UNIT_BYTES;
      if (at === end) {
        this.#unit.set(piece.subarray(end));
        this.#inUnit = piece.length - end;
        return;
      }
    }
    this.#collect(piece.subarray(at));
  }

  #collect(piece: Uint8Array): void {
    this.#info ??= new Uint8Array(MAX_INFO_BYTES);
    const taken = piece.subarray(0, MAX_INFO_BYTES - this.#filled);
    this.#info.set(taken, this.#filled);
    this.#filled += taken.length;
  }

  /** Returns the modules that the executable is built of; null if it is none of Go, "old" if its information cannot be read. */
  finish(path: string): readonly Package[] | "old" | null {
    if (this.#info === null) return null;
    const info = this.#info.subarray(0, this.#filled);
    if (((info[FLAGS_AT] ?? 0) & INLINE_STRINGS) === 0) return "old";
    const version = stringAt(info, HEADER_BYTES);
    const modules = version === null ? null : stringAt(info, version.end);
    if (version === null || modules === null) return null;
    const list = modules.bytes.subarray(MARK_BYTES, -MARK_BYTES);
    return [...standardLibrary(version.bytes, path), ...modulesOf(decoder.decode(list), path)];
  }
}

/** After it are the size of a pointer and the flags. */
function isMagic(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] !== MAGIC[0] || bytes[at + 1] !== MAGIC[1]) return false;
  const pointerBytes = bytes[at + MAGIC.length];
  if (pointerBytes !== 4 && pointerBytes !== 8) return false;
  return (
    (bytes[at + FLAGS_AT] ?? 0) <= MAX_FLAGS && MAGIC.every((byte, i) => bytes[at + i] === byte)
  );
}

/** Reads a string after its length, a varint of 7 bits a byte. */
function stringAt(info: Uint8Array, at: number): { bytes: Uint8Array; end: number } | null {
  let length = 0;
  for (let i = 0; i < 4; i++) {
    const byte = info[at + i] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte >= 0x80) continue;
    const start = at + i + 1;
    const end = start + length;
    return end > info.length ? null : { bytes: info.subarray(start, end), end };
  }
  return null;
}

/**
 * Development versions of Go have no release's number. Experiments are named after it: "go1.22.3 X:…", and since Go 1.26
 * "go1.26.0-X:…".
 */
function standardLibrary(version: Uint8Array, path: string): Package[] {
  const [found] = /^go\d+\.\d+\S*?(?=\s|-X:|$)/.exec(decoder.decode(version)) ?? [];
  return found === undefined ? [] : [moduleOf("stdlib", found, path)];
}

/** Lines are `mod` (the program's own module) or `dep`, path, version and sum; `=>` says what replaces the one before. */
function modulesOf(list: string, path: string): Package[] {
  const modules: { name: string; version: string }[] = [];
  for (const line of list.split("\n")) {
    const [key, name = "", version = ""] = line.split("\t");
    if (key === "=>") modules.pop();
    if (key === "mod" || key === "dep" || key === "=>") modules.push({ name, version });
  }
  return modules
    .filter(({ name, version }) => name !== "" && version.startsWith("v"))
    .map(({ name, version }) => moduleOf(name, version, path));
}

function moduleOf(name: string, version: string, path: string): Package {
  return { type: "golang", name, version, source: null, arch: null, path };
}
