/** One page of a list that is sorted by its bytes. */
export interface Page {
  /** The entry that the last page ended with, or "". It need not exist. */
  readonly after: string;
  readonly limit: number;
}

/** A piece of some bytes. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}
