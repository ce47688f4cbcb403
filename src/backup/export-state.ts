import { idAt } from "../db/audit.ts";
import type { FullExport } from "./exported.ts";

export const EXPORT_JOB = "export";
/** The number of newest full exports to keep, with all changes since the older of them began. */
export const FULL_EXPORTS_KEPT = 2;

/** The state of the export; the migrations create it. */
export interface ExportState {
  readonly backupId: string;
  /** The number of the last change that is in the bucket. */
  readonly exported: number;
  /** When it was written, in milliseconds since 1970; null before the first. */
  readonly exportedAt?: number | null;
  readonly full?: FullState | null;
  /** Complete full exports, the newest first. */
  readonly finished?: readonly FullExport[];
  /** Backups of the same index that this one replaces. */
  readonly replaces?: readonly string[];
}

/** A running full export. First all rows are written, then changes made meanwhile, then old objects are deleted. */
export interface FullState {
  readonly phase: "rows" | "changes" | "prune";
  readonly id: string;
  readonly startedAt: number;
  /** The number of the newest change when it began, and when the last row had been read. */
  readonly after: number;
  readonly through: number;
  /** The table that is being read, and the key of the last row that was read. */
  readonly table: number;
  readonly key: string | null;
  readonly objects: number;
  readonly rows: number;
}

/** @param after the number of the newest change */
export function begunFull(after: number): FullState {
  const startedAt = Date.now();
  const counts = { after, through: after, table: 0, key: null, objects: 0, rows: 0 };
  return { phase: "rows", id: uniqueAt(startedAt), startedAt, ...counts };
}

/**
 * Starts another backup with a full export; the old one stays as it is.
 * @param after the number of the newest change
 */
export function begunBackup(state: ExportState, after: number): ExportState {
  return {
    ...state,
    backupId: uniqueAt(Date.now(), "-"),
    full: begunFull(after),
    finished: [],
    replaces: [...(state.replaces ?? []), state.backupId],
  };
}

/** Makes a unique name that sorts by its time. */
function uniqueAt(time: number, separator = ""): string {
  return `${idAt(time)}${separator}${crypto.getRandomValues(new Uint8Array(4)).toHex()}`;
}
