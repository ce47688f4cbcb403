import { type FileReader, UnreadableFile } from "../layer/list.ts";
import type { Package } from "../package.ts";
import { baseName, contentOf, packageOf, textOf } from "./content.ts";
import {
  type Coordinates,
  coordinatesOfManifest,
  coordinatesOfName,
  coordinatesOfPom,
} from "./maven-names.ts";
import { entriesOf, unpack, type ZipEntry } from "./zip.ts";

const ARCHIVE = /\.(?:jar|war|ear|par)$/i;
const POM = "/pom.properties";
const POM_DIRECTORY = "META-INF/maven/";
const MANIFEST = "META-INF/MANIFEST.MF";

/** Jars within a war within an ear. */
const MAX_DEPTH = 2;

/** A signed archive's manifest has the digests of all its files. */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
const MAX_POM_BYTES = 64 * 1024;

/** An archive within another one that is not stored as it is takes memory of its own, and so does one in it. */
const MAX_INFLATED_BYTES = 16 * 1024 * 1024;

/** All that is read in one file: entries of a hostile directory may share their bytes. */
const MAX_TOTAL_BYTES = 128 * 1024 * 1024;

/** What an entry counts for besides its bytes, as even an empty one takes time. Fat archives have hundreds. */
const ENTRY_BYTES = 4_096;

/**
 * Reads archives of Java: what Maven says in them, or else the manifest. Archives within it count as its own, and one of these
 * that is damaged is left out, as Java could load nothing from it.
 */
export const jar: FileReader = {
  matches: (path) => ARCHIVE.test(path),
  // It is in memory with what is unpacked of it, and a Worker has 128 MB.
  maxBytes: 32 * 1024 * 1024,
  read: (bytes, path) => contentOf(packagesOf(bytes, path)),
};

function* packagesOf(bytes: Uint8Array, path: string): Generator<Package | null> {
  const seen = new Set<string>();
  const entries = entriesOf(bytes, isWanted);
  for (const { group, artifact, version } of new Walk().archive(entries, path, 0)) {
    if (group === null || artifact === null || version === null) continue;
    const name = `${group}:${artifact}`;
    const key = `${name}:${version}`;
    if (seen.has(key)) continue;
    seen.add(key);
    yield packageOf({ type: "maven", name, version, path });
  }
}

function isWanted(name: string): boolean {
  if (name.endsWith(POM)) return name.includes(POM_DIRECTORY);
  return name === MANIFEST || ARCHIVE.test(name);
}

/** The walk through one file, which counts the bytes that it unpacks. */
class Walk {
  #leftBytes = MAX_TOTAL_BYTES;

  *archive(entries: readonly ZipEntry[], name: string, depth: number): Generator<Coordinates> {
    let manifest = "";
    let poms = 0;
    for (const entry of entries) {
      if (ARCHIVE.test(entry.name)) {
        if (depth < MAX_DEPTH) yield* this.#inner(entry, depth + 1);
      } else if (entry.name === MANIFEST) {
        manifest = this.#text(entry, MAX_MANIFEST_BYTES);
      } else {
        poms++;
        yield coordinatesOfPom(this.#text(entry, MAX_POM_BYTES));
      }
    }
    // Beside Maven's names those of the manifest are other spellings of the same, which no advisory has.
    if (poms === 0) yield coordinatesOfManifest(manifest, coordinatesOfName(baseName(name)));
  }

  *#inner(entry: ZipEntry, depth: number): Generator<Coordinates> {
    if (entry.isDeflated && entry.sizeBytes > MAX_INFLATED_BYTES) {
      throw new UnreadableFile(`an archive in it is larger than ${MAX_INFLATED_BYTES} bytes`);
    }
    const bytes = this.#unpack(entry);
    const entries = bytes === null ? null : entriesIn(bytes);
    if (entries !== null) yield* this.archive(entries, entry.name, depth);
  }

  #text(entry: ZipEntry, maxBytes: number): string {
    const bytes = entry.sizeBytes > maxBytes ? null : this.#unpack(entry);
    return bytes === null ? "" : textOf(bytes);
  }

  #unpack(entry: ZipEntry): Uint8Array | null {
    this.#leftBytes -= entry.sizeBytes + ENTRY_BYTES;
    if (this.#leftBytes < 0) {
      throw new UnreadableFile("the archives in it are too many or too large");
    }
    return unpack(entry);
  }
}

/** Returns null if the archive is damaged. */
function entriesIn(bytes: Uint8Array): readonly ZipEntry[] | null {
  try {
    return entriesOf(bytes, isWanted);
  } catch (error) {
    if (error instanceof UnreadableFile) return null;
    throw error;
  }
}
