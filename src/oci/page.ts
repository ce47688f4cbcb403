/** The page of a list that is asked for; the list is sorted by the bytes of its entries. */
export interface Page {
  /** The entry that the last page ended with, or "". It need not exist. */
  readonly after: string;
  readonly limit: number;
}

/** A part of a blob, in bytes. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}
