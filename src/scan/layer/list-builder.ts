import type { Package } from "../package.ts";
import { WalkEnd, type Limits } from "./limits.ts";
import type { FileContent, LayerList } from "./list.ts";

const MAX_PROBLEMS = 20;
const SHOWN_PATH_CHARACTERS = 200;

/** A file that says nothing of packages, and may stand where a lower layer has one that does. */
const PLAIN: FileContent = { packages: [], distribution: null };

/** Gathers what a layer holds. A later entry of the same path replaces an earlier one. */
export class ListBuilder {
  readonly #limits: Limits;
  readonly #files = new Map<string, FileContent>();
  readonly #removed = new Set<string>();
  readonly #opaque = new Set<string>();
  readonly #problems: string[] = [];
  #unsaidProblems = 0;
  #packages = 0;
  #characters = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  file(path: string, content: FileContent): void {
    if (this.#packages + content.packages.length > this.#limits.packages) {
      throw new WalkEnd(
        `The layer has more than ${this.#limits.packages} packages; the rest was not read.`,
      );
    }
    this.#keep(path.length + content.packages.reduce((sum, pkg) => sum + charactersOf(pkg), 0));
    // Parts of a text keep the whole text in memory, so the parts are copied.
    this.#put(path, JSON.parse(JSON.stringify(content)) as FileContent);
  }

  plain(path: string): void {
    this.#keep(path.length);
    this.#put(path, PLAIN);
  }

  /** A directory takes the place of a file of its path. */
  directory(path: string): void {
    this.#put(path, null);
  }

  #put(path: string, content: FileContent | null): void {
    const before = this.#files.get(path);
    this.#packages += (content?.packages.length ?? 0) - (before?.packages.length ?? 0);
    if (content === null) this.#files.delete(path);
    else this.#files.set(path, content);
  }

  /** A hard link is the same file as its target, as far as the layer has that. Tells whether it has. */
  link(path: string, target: string): boolean {
    const content = this.#files.get(target);
    if (content === undefined || content === PLAIN) this.plain(path);
    else {
      this.file(path, { ...content, packages: content.packages.map((pkg) => ({ ...pkg, path })) });
    }
    return content !== undefined;
  }

  remove(path: string): void {
    this.#keep(path.length);
    this.#removed.add(path);
  }

  opaque(path: string): void {
    this.#keep(path.length);
    this.#opaque.add(path);
  }

  problem(sentence: string): void {
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push(sentence);
    else this.#unsaidProblems++;
  }

  #keep(characters: number): void {
    this.#characters += characters;
    if (this.#characters > this.#limits.keptCharacters) {
      throw new WalkEnd("The layer has more names than are kept; the rest was not read.");
    }
  }

  /** @param ended why the layer was not read to its end; null if it was */
  list(ended: string | null): LayerList {
    const files = [...this.#files];
    return {
      packages: files.flatMap(([, { packages }]) => packages),
      distributions: files.flatMap(([path, { distribution }]) =>
        distribution === null ? [] : [{ path, distribution }],
      ),
      plainFiles: files.filter(([, content]) => content === PLAIN).map(([path]) => path),
      removed: [...this.#removed],
      opaque: [...this.#opaque],
      problems:
        this.#unsaidProblems === 0
          ? this.#problems
          : [...this.#problems, `and ${this.#unsaidProblems} more`],
      ended,
    };
  }
}

function charactersOf({ name, version, source, arch, path }: Package): number {
  const ofSource = source === null ? 0 : source.name.length + source.version.length;
  return name.length + version.length + ofSource + (arch?.length ?? 0) + path.length;
}

/** Writes a path that a layer chose into a sentence. */
export function shown(path: string): string {
  const short =
    path.length > SHOWN_PATH_CHARACTERS ? `${path.slice(0, SHOWN_PATH_CHARACTERS)}…` : path;
  return JSON.stringify(short);
}
