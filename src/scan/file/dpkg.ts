import { type FileReader, UnreadableFile } from "../layer/list.ts";
import type { Package } from "../package.ts";
import { contentOf, linesOf, packageOf, textOf } from "./content.ts";

const STATUS = "var/lib/dpkg/status";
/** Distroless images have a file for each package here, and beside it one with the checksums of its files. */
const STATUS_DIRECTORY = /^var\/lib\/dpkg\/status\.d\/[^/]+$/;

const FIELDS = ["package", "version", "architecture", "source", "status"] as const;
type Fields = Partial<Record<(typeof FIELDS)[number], string>>;

/** Reads dpkg's database of installed packages: paragraphs of fields (deb822(5)). */
export const dpkg: FileReader = {
  matches: (path) => path === STATUS || (STATUS_DIRECTORY.test(path) && !path.endsWith(".md5sums")),
  // About 1 KB for each package: 1 MB for the 766 of a machine for development.
  maxBytes: 16 * 1024 * 1024,
  read: (bytes, path) => contentOf(packagesOf(textOf(bytes), path)),
};

function* packagesOf(text: string, path: string): Generator<Package | null> {
  let fields: Fields = {};
  let named = 0;
  for (const line of linesOf(text)) {
    if (line.trim() === "" && fields.package !== undefined) {
      yield packageIn(fields, path);
      fields = {};
    }
    // A field's name has at most 12 characters here; a line that continues a field begins with a space.
    const colon = line.slice(0, 13).indexOf(":");
    if (colon <= 0) continue;
    const field = line.slice(0, colon).toLowerCase();
    const name = FIELDS.find((known) => known === field);
    if (name === undefined) continue;
    if (name === "package") named++;
    fields[name] = line.slice(colon + 1).trim();
  }
  yield packageIn(fields, path);
  if (named === 0 && text.trim() !== "") throw new UnreadableFile("it has no field Package");
}

function packageIn(fields: Fields, path: string): Package | null {
  const { package: name = "", version = "", architecture: arch = "" } = fields;
  if (!hasFiles(fields.status)) return null;
  return packageOf({ type: "deb", name, version, source: sourceOf(fields), arch, path });
}

/**
 * The last word of Status is the state (dpkg(1), "Package states"). In all but two of them files of the package are there.
 * Distroless images have no Status.
 */
function hasFiles(status: string | undefined): boolean {
  const state = status?.split(" ").at(-1);
  return state !== "not-installed" && state !== "config-files";
}

/** A source has the version in brackets if it is another one than the package's (Debian Policy § 5.6.1). */
function sourceOf({ source, version = "" }: Fields): Package["source"] {
  if (source === undefined) return null;
  const bracket = source.indexOf(" (");
  if (bracket === -1) return { name: source, version };
  return { name: source.slice(0, bracket), version: source.slice(bracket + 2).replace(/\)$/, "") };
}
