/** What an import reads. */
export interface Source {
  readonly chain: string;
  /** The full export that it begins with; null where the chain has every change from the first on. */
  readonly full: string | null;
  /** How many objects that one has. */
  readonly pages: number;
  /** It holds the changes up to this number, and needs those up to `through`. */
  readonly since: number;
  readonly through: number;
}

/** Where an import stands. */
export interface ImportState extends Source {
  /** First what is to be read is listed, then it is read once for each level; then what was only needed for it goes. */
  readonly phase: "list" | "read" | "prune" | "done";
  /** Milliseconds since 1970. */
  readonly beganAt: number;
  readonly endedAt: number | null;
  /** When the last object that is read was written: what came later is not in it. */
  readonly exportedAt: number;
  /** The key after which the listing goes on; null at its beginning. */
  readonly after: string | null;
  /** The changes up to this number are listed without a gap. */
  readonly covered: number;
  /** The objects listed; they are read from the last to the first. */
  readonly objects: number;
  readonly level: number;
  readonly next: number;
  /** Rows written, and rows whose base is not in the export. */
  readonly rows: number;
  readonly lost: number;
  /** The first of those. */
  readonly examples: readonly Lost[];
}

export interface ImportProgress extends ImportState {
  /** How many times an object has been read, and how many times in all. */
  readonly read: number;
  readonly toRead: number;
}

/** A row that the export has, but not what it rests on. */
export interface Lost {
  readonly table: string;
  /** JSON: the values of its primary key. */
  readonly key: string;
}
