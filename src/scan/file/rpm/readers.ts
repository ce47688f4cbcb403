import { UnreadableFile, type FileReader } from "../../layer/list.ts";
import type { Package } from "../../package.ts";
import { berkeleyHeaders } from "./berkeley.ts";
import { readHeader } from "./header.ts";
import { ndbHeaders } from "./ndb.ts";
import { sqliteHeaders } from "./sqlite.ts";

/** Full desktop systems have databases of some 100 MB; those of images have headers of some thousand packages at most. */
const MAX_BYTES = 40 * 1024 * 1024;

const MAX_PACKAGES = 50_000;

/** Where rpm keeps its database: by default, of Fedora and SUSE, and of images that are built by rpm-ostree. */
const FOLDERS = ["var/lib/rpm/", "usr/lib/sysimage/rpm/", "usr/share/rpm/"];

/** rpm's databases of installed packages, in each of their formats. */
export const RPM_READERS: readonly FileReader[] = [
  readerOf("rpmdb.sqlite", sqliteHeaders),
  readerOf("Packages.db", ndbHeaders),
  readerOf("Packages", berkeleyHeaders),
];

function readerOf(
  file: string,
  headersOf: (bytes: Uint8Array) => Iterable<Uint8Array>,
): FileReader {
  const paths = new Set(FOLDERS.map((folder) => folder + file));
  return {
    matches: (path) => paths.has(path),
    maxBytes: MAX_BYTES,
    read: (bytes, path) => ({
      packages: packagesOf(headersOf(bytes), bytes.length, path),
      distribution: null,
    }),
  };
}

function packagesOf(
  headers: Iterable<Uint8Array>,
  sizeBytes: number,
  path: string,
): readonly Package[] {
  const packages: Package[] = [];
  let total = 0;
  for (const header of headers) {
    total += header.length;
    // Else a few bytes could be read as very many headers that lie in each other.
    if (total > sizeBytes) throw new UnreadableFile("packages in it overlap");
    if (packages.length === MAX_PACKAGES) {
      throw new UnreadableFile(`it has more than ${MAX_PACKAGES} packages`);
    }
    const pkg = readHeader(header, path);
    if (pkg !== null) packages.push(pkg);
  }
  return packages;
}
