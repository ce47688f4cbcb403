import { idAt } from "../db/audit.ts";
import type { FullExport } from "./exported.ts";

export const EXPORT_JOB = "export";
/** Full exports that stay, the newest ones; with them all that changed since the older of them began. */
export const KEPT = 2;

/** Where the export stands. The migration begins it. */
export interface ExportState {
  readonly chain: string;
  /** The number of the last change that is in the bucket. */
  readonly exported: number;
  /** When it was written, in milliseconds since 1970; null where none has been. */
  readonly exportedAt?: number | null;
  readonly full?: FullState | null;
  /** The complete ones, the newest first. */
  readonly finished?: readonly FullExport[];
  /** Chains that it went on from. */
  readonly replaces?: readonly string[];
}

/** A full export under way: first all rows, then what changed meanwhile, and then what is older goes. */
export interface FullState {
  readonly phase: "rows" | "changes" | "prune";
  readonly id: string;
  readonly startedAt: number;
  /** The number of the newest change when it began, and when the last row had been read. */
  readonly after: number;
  readonly through: number;
  /** The table that is being read, and the key of the last row that was. */
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
 * Leaves the chain as it is, and begins another with a full export.
 * @param after the number of the newest change
 */
export function begunChain(state: ExportState, after: number): ExportState {
  return {
    ...state,
    chain: uniqueAt(Date.now(), "-"),
    full: begunFull(after),
    finished: [],
    replaces: [...(state.replaces ?? []), state.chain],
  };
}

/** A name that no other has, and that sorts by its time. */
function uniqueAt(time: number, separator = ""): string {
  return `${idAt(time)}${separator}${crypto.getRandomValues(new Uint8Array(4)).toHex()}`;
}
