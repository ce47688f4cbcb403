import { isLine } from "../../oci/line.ts";
import { type FileContent, UnreadableFile } from "../layer/list.ts";
import type { Package } from "../package.ts";

/** Registries allow 214 characters (npm) and fewer; what is longer than this is no name and no version. */
const MAX_LENGTH = 256;

/** A desktop has some thousands. More would make a list that nothing can hold. */
const MAX_PACKAGES = 20_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a record says of a package: source and architecture only where the format has them. */
export type Named = Pick<Package, "type" | "name" | "version" | "path"> &
  Partial<Pick<Package, "source" | "arch">>;

/** Returns the package that a record names; null if its name or version cannot be one. */
export function packageOf({
  type,
  name,
  version,
  path,
  source = null,
  arch,
}: Named): Package | null {
  if (!isFit(name) || !isFit(version)) return null;
  const isOwn = source === null || (source.name === name && source.version === version);
  return {
    type,
    name: copyOf(name),
    version: copyOf(version),
    source:
      isOwn || !isFit(source.name) || !isFit(source.version)
        ? null
        : { name: copyOf(source.name), version: copyOf(source.version) },
    arch: arch === undefined || arch === null || !isFit(arch) ? null : copyOf(arch),
    path,
  };
}

function isFit(text: string): boolean {
  return text !== "" && text.length <= MAX_LENGTH && text === text.trim() && isLine(text);
}

/** A part of a text keeps the whole in memory in V8, and a list outlives the file that it came from. */
function copyOf(part: string): string {
  return decoder.decode(encoder.encode(part));
}

/** @throws UnreadableFile if there are more packages than a list can hold */
export function contentOf(packages: Iterable<Package | null>): FileContent {
  const found: Package[] = [];
  for (const pkg of packages) {
    if (pkg === null) continue;
    if (found.length === MAX_PACKAGES) {
      throw new UnreadableFile(`it names more than ${MAX_PACKAGES} packages`);
    }
    found.push(pkg);
  }
  return { packages: found, distribution: null };
}

/** Bytes that are no UTF-8 become U+FFFD: old databases have names of people in other encodings. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Yields the lines of a text without what ends them, LF or CR LF; of empty lines one after another, one. */
export function* linesOf(text: string): Generator<string> {
  let isAfterEmpty = false;
  for (let start = 0; start < text.length;) {
    const found = text.indexOf("\n", start);
    const end = found === -1 ? text.length : found;
    const line = text.slice(start, end > start && text[end - 1] === "\r" ? end - 1 : end);
    if (line !== "" || !isAfterEmpty) yield line;
    isAfterEmpty = line === "";
    start = end + 1;
  }
}

/** Returns the part of a path after its last slash. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
