/**
 * What one layer may cost at most. A Worker has 300 s of CPU for a job and 128 MB of memory; the walk takes 4 to 8 s a GB.
 * What is over a limit ends the walk, and what was found until then stays.
 */
export interface Limits {
  /** Bytes of the tar archive. */
  readonly unpackedBytes: number;
  /** An archive may unpack to `ratioFreeBytes`, and to `maxRatio` times as much as was read of the layer. */
  readonly ratioFreeBytes: number;
  readonly maxRatio: number;
  /** A layer may be twice as large as its archive, and `overheadBytes` more: members and frames without content cost time too. */
  readonly overheadBytes: number;
  /** Headers of the archive, those that only extend another among them. */
  readonly headers: number;
  /** Linux takes no longer path (PATH_MAX). */
  readonly pathBytes: number;
  readonly pathDepth: number;
  /** Go's archive/tar, by which container engines unpack, takes no larger one either. */
  readonly extendedHeaderBytes: number;
  readonly packages: number;
  /** Characters of paths and of packages that are kept. */
  readonly keptCharacters: number;
  /** Bytes of files that readers read. */
  readonly readBytes: number;
  /** A larger executable's list of crates is not read: its place is known at the file's end alone. */
  readonly executableBytes: number;
}

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

export const LIMITS: Limits = {
  unpackedBytes: 20 * GIB,
  ratioFreeBytes: GIB,
  maxRatio: 200,
  overheadBytes: 16 * MIB,
  headers: 2_000_000,
  pathBytes: 4_096,
  pathDepth: 256,
  extendedHeaderBytes: MIB,
  packages: 50_000,
  keptCharacters: 16 * MIB,
  readBytes: 4 * GIB,
  executableBytes: 32 * MIB,
};

/** The walk of a layer ends here. The message is a sentence fit for a user's eyes. */
export class WalkEnd extends Error {}
