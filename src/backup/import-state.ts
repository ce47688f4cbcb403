/** The export that an import reads. */
export interface Source {
  readonly backupId: string;
  /** The full export that it begins with; null if the backup has every change from the first on. */
  readonly full: string | null;
  /** The number of its objects. */
  readonly pages: number;
  /** The full export has the changes up to this number, and the import needs those up to `through`. */
  readonly since: number;
  readonly through: number;
}

/** The state of an import. */
export interface ImportState extends Source {
  /** First the objects are listed, then all are read once for each level, then the import's own rows are deleted. */
  readonly phase: "list" | "read" | "prune" | "done";
  /** Milliseconds since 1970. */
  readonly beganAt: number;
  readonly endedAt: number | null;
  /** When the newest object that is read was written: later changes are not in the import. */
  readonly exportedAt: number;
  /** The key after which the listing continues; null at its beginning. */
  readonly after: string | null;
  /** The changes up to this number are listed without a gap. */
  readonly covered: number;
  /** The number of listed objects; they are read from the last to the first. */
  readonly objects: number;
  readonly level: number;
  readonly next: number;
  /** Rows that were written, and rows that depend on one that the export does not have. */
  readonly rows: number;
  readonly lost: number;
  /** The first of the latter. */
  readonly examples: readonly Lost[];
}

export interface ImportProgress extends ImportState {
  /** How often an object has been read, and how often in all one will be. */
  readonly read: number;
  readonly toRead: number;
}

/** A row of the export that depends on one that is missing. */
export interface Lost {
  readonly table: string;
  /** JSON: the values of its primary key. */
  readonly key: string;
}
