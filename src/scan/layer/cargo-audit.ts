import { Buffer } from "node:buffer";
import { inflateSync } from "node:zlib";
import * as v from "valibot";
import type { Package } from "../package.ts";
import { UnreadableFile } from "./list.ts";

/** The section that `cargo auditable` writes (github.com/rust-secure-code/cargo-auditable, PARSING.md). */
const SECTION = ".dep-v0";
/** What its own parsers take at most. */
const MAX_JSON_BYTES = 8 * 1024 * 1024;
const MAX_SECTIONS = 65_535;

const Text = v.pipe(v.string(), v.minLength(1), v.maxLength(256));
const Audit = v.object({
  packages: v.array(
    v.object({ name: Text, version: Text, kind: v.optional(v.string(), "runtime") }),
  ),
});

/** Tells of an executable that is too large to be held whether it has the section's name somewhere. */
export class CratesHint {
  readonly #name = Buffer.from(`${SECTION}\0`);
  /** The last bytes that passed: the name may begin there. */
  #tail = Buffer.alloc(0);
  isFound = false;

  push(piece: Uint8Array): void {
    if (this.isFound) return;
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    const border = Buffer.concat([this.#tail, bytes.subarray(0, SECTION.length)]);
    this.isFound = border.includes(this.#name) || bytes.includes(this.#name);
    const ends = bytes.length < SECTION.length ? border : bytes;
    this.#tail = Buffer.from(ends.subarray(-SECTION.length));
  }
}

/**
 * Reads the crates that an ELF executable is built of, without those that only its build used.
 * @returns none if it does not say
 * @throws UnreadableFile if what it says is broken
 */
export function cratesOf(elf: Uint8Array, path: string): readonly Package[] {
  const section = sectionOf(elf);
  if (section === null) return [];
  return parsed(section)
    .packages.filter(({ kind }) => kind === "runtime")
    .map(({ name, version }) => ({ type: "cargo", name, version, source: null, arch: null, path }));
}

function parsed(section: Uint8Array): v.InferOutput<typeof Audit> {
  try {
    const json = inflateSync(section, { maxOutputLength: MAX_JSON_BYTES });
    return v.parse(Audit, JSON.parse(new TextDecoder().decode(json)));
  } catch {
    throw new UnreadableFile("its list of crates is broken");
  }
}

/** Finds the section by its name. A file that is cut off or odd has none. */
function sectionOf(elf: Uint8Array): Uint8Array | null {
  if (elf.length < 64) return null;
  const layout = layoutOf(elf);
  const names = layout.section(layout.namesIndex);
  if (names === null) return null;
  for (let i = 0; i < Math.min(layout.sections, MAX_SECTIONS); i++) {
    const section = layout.section(i);
    if (section !== null && isNamed(elf, names.start + section.name)) {
      return elf.subarray(section.start, section.end);
    }
  }
  return null;
}

function isNamed(elf: Uint8Array, at: number): boolean {
  for (let i = 0; i < SECTION.length; i++) {
    if (elf[at + i] !== SECTION.charCodeAt(i)) return false;
  }
  return elf[at + SECTION.length] === 0;
}

interface Section {
  readonly name: number;
  readonly start: number;
  readonly end: number;
}

/** Where the headers of sections stand (ELF-64 Object File Format; the System V ABI for 32 bits). */
function layoutOf(elf: Uint8Array) {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.length);
  const is64 = elf[4] === 2;
  const little = elf[5] !== 2;
  const word = (at: number) =>
    is64 ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little);
  const tableAt = word(is64 ? 40 : 32);
  const headerBytes = view.getUint16(is64 ? 58 : 46, little);
  return {
    sections: view.getUint16(is64 ? 60 : 48, little),
    namesIndex: view.getUint16(is64 ? 62 : 50, little),
    section(index: number): Section | null {
      const at = tableAt + index * headerBytes;
      if (headerBytes < (is64 ? 64 : 40) || at + headerBytes > elf.length) return null;
      const start = word(at + (is64 ? 24 : 16));
      const end = start + word(at + (is64 ? 32 : 20));
      if (end > elf.length) return null;
      return { name: view.getUint32(at, little), start, end };
    },
  };
}
