import { CratesHint, cratesOf } from "./cargo-audit.ts";
import { GoBuildInfoScan } from "./go-build-info.ts";
import { WalkEnd, type Limits } from "./limits.ts";
import { UnreadableFile, type FileContent, type FileReader } from "./list.ts";
import { type ListBuilder, shown } from "./list-builder.ts";
import { pathOf, whiteoutOf } from "./path.ts";
import type { TarEntry } from "./tar.ts";
import type { Window } from "./window.ts";

const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46];
const ANY_EXECUTE = 0o111;

interface Parts {
  readonly window: Window;
  readonly list: ListBuilder;
  readonly readers: readonly FileReader[];
  readonly limits: Limits;
}

/** Puts the entries of a layer into its list, one after the other. */
export class FileWalk {
  readonly #parts: Parts;
  /** Holds the file that is being read. It grows to the largest one, and none is made for each. */
  #buffer = new Uint8Array(0);
  #readBytes = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async take(entry: TarEntry): Promise<void> {
    const { list, limits } = this.#parts;
    const path = entry.kind === null ? null : pathOf(entry.name, limits);
    if (path === null || path === "") return;
    const whiteout = whiteoutOf(path);
    if (whiteout?.kind === "removed") list.remove(whiteout.path);
    else if (whiteout?.kind === "opaque") list.opaque(whiteout.path);
    else if (whiteout === null) await this.#takeFile(entry, path);
  }

  async #takeFile(entry: TarEntry, path: string): Promise<void> {
    const { list, readers } = this.#parts;
    if (entry.kind === "directory") {
      list.directory(path);
      return;
    }
    const reader = readers.find(({ matches }) => matches(path));
    if (entry.kind === "hardlink") this.#link(entry, path, reader);
    else if (entry.kind === "other") list.plain(path);
    else if (reader !== undefined) await this.#read(entry, path, reader);
    else await this.#scan(entry, path);
  }

  #link({ linkName }: TarEntry, path: string, reader: FileReader | undefined): void {
    const { list, limits } = this.#parts;
    const target = pathOf(linkName, limits);
    if (target === null) return;
    if (!list.link(path, target) && reader !== undefined) {
      list.problem(
        `${shown(path)} was not read: it is a hard link to ${shown(target)}, which the layer does not have or was not read.`,
      );
    }
  }

  /** Reads a file that has the path of a known format. */
  async #read(entry: TarEntry, path: string, reader: FileReader): Promise<void> {
    const { list, window, limits } = this.#parts;
    const refusal = refusalOf(entry, reader);
    if (refusal !== null) {
      list.problem(`${shown(path)} was not read: ${refusal}.`);
      list.plain(path);
      return;
    }
    this.#readBytes += entry.sizeBytes;
    if (this.#readBytes > limits.readBytes) {
      throw new WalkEnd(
        `The layer has files of more than ${limits.readBytes} bytes that may name packages; the rest was not read.`,
      );
    }
    const bytes = this.#space(entry.sizeBytes);
    // What is cut off is told by the archive's walk.
    if ((await window.load(bytes)) < bytes.length) return;
    this.#put(path, await this.#contentOf(path, () => reader.read(bytes, path)));
  }

  /** Looks into an executable for what it was built of. */
  async #scan(entry: TarEntry, path: string): Promise<void> {
    const { list, window, limits } = this.#parts;
    const isExecutable = (entry.mode & ANY_EXECUTE) !== 0;
    const head = (await window.read(Math.min(entry.sizeBytes, ELF_MAGIC.length))).slice();
    if (!ELF_MAGIC.every((byte, i) => head[i] === byte) || entry.isSparse) {
      if (isExecutable) list.plain(path);
      return;
    }
    const go = new GoBuildInfoScan();
    const hint = new CratesHint();
    const isHeld = entry.sizeBytes <= limits.executableBytes;
    const elf = this.#space(isHeld ? entry.sizeBytes : 0);
    let filled = 0;
    const sink = (piece: Uint8Array): void => {
      go.push(piece);
      if (isHeld) elf.set(piece, filled);
      else hint.push(piece);
      filled += piece.length;
    };
    sink(head);
    await window.pass(entry.sizeBytes - head.length, sink);
    if (filled < entry.sizeBytes) return;
    this.#put(path, await this.#contentOf(path, () => contentOfElf(go, elf, path)));
    if (hint.isFound) {
      list.problem(
        `The crates of ${shown(path)} were not read: it is larger than ${limits.executableBytes} bytes.`,
      );
    }
  }

  #put(path: string, content: FileContent | null): void {
    const { list } = this.#parts;
    const isEmpty = content === null || content.packages.length === 0;
    if (isEmpty && (content?.distribution ?? null) === null) list.plain(path);
    else if (content !== null) list.file(path, content);
  }

  /** A file that a reader fails at would fail again, so the reason is told, and the walk goes on. */
  async #contentOf(
    path: string,
    read: () => FileContent | Promise<FileContent>,
  ): Promise<FileContent | null> {
    try {
      return await read();
    } catch (error) {
      const reason = error instanceof UnreadableFile ? error.message : "its reader failed";
      this.#parts.list.problem(`${shown(path)} was not read: ${reason}.`);
      return null;
    }
  }

  #space(size: number): Uint8Array {
    if (size > this.#buffer.length) this.#buffer = new Uint8Array(size);
    return this.#buffer.subarray(0, size);
  }
}

function refusalOf({ sizeBytes, isSparse }: TarEntry, { maxBytes }: FileReader): string | null {
  if (isSparse) return "it is a sparse file";
  return sizeBytes > maxBytes ? `it is larger than ${maxBytes} bytes` : null;
}

function contentOfElf(go: GoBuildInfoScan, elf: Uint8Array, path: string): FileContent {
  const modules = go.finish(path);
  if (modules === "old") {
    throw new UnreadableFile(
      "it was built by Go before 1.18, whose build information has another form",
    );
  }
  return { packages: modules ?? cratesOf(elf, path), distribution: null };
}
