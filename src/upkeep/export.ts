import { idAt, type Origin } from "../storage/audit-index.ts";
import type { Bucket } from "../storage/bucket.ts";
import type { ExportIndex, Weighed } from "../storage/export-index.ts";
import { type FullExport, type Line, TABLE_NAMES } from "../storage/exported.ts";
import type { JobIndex } from "../storage/job-index.ts";
import {
  changesIn,
  changesKey,
  changesPrefix,
  fullDoneKey,
  fullKey,
  fullPrefix,
} from "../storage/keys.ts";
import { IMPORT_JOB, type ImportState } from "./import-state.ts";

export const EXPORT_JOB = "export";
/** A step takes seconds; who has not laid it down after this has died. */
const LEASE = 300_000;
/** Of one object: one is written, and later read, in a step. */
const MAX_ROWS = 2_000;
const MAX_BYTES = 4 * 1024 * 1024;
/** Steps of one tick of the cron. */
const STEPS = 10;
/** Full exports that stay, the newest ones; with them all that changed since the older of them began. */
export const KEPT = 2;

/** Where the export stands. Migration 0006 begins it. */
export interface ExportState {
  readonly chain: string;
  /** The number of the last change that is in the bucket. */
  readonly exported: number;
  /** When it was written, in milliseconds since 1970; null where none has been. */
  readonly exportedAt?: number | null;
  readonly full?: FullState | null;
  /** The complete ones, the newest first. */
  readonly finished?: readonly FullExport[];
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

/** What the API tells. */
export interface ExportOverview {
  readonly chain: string;
  /** Changes that are not in the bucket yet. */
  readonly pending: number;
  readonly exportedAt: number | null;
  readonly running: FullState | null;
  readonly finished: readonly FullExport[];
}

/** The index into the bucket: all of it when somebody asks for it, and what changed by the cron. */
export class Exporter {
  readonly #index: ExportIndex;
  readonly #bucket: Bucket;
  readonly #jobs: JobIndex;

  constructor(index: ExportIndex, bucket: Bucket, jobs: JobIndex) {
    this.#index = index;
    this.#bucket = bucket;
    this.#jobs = jobs;
  }

  /** What the cron does: a bounded number of steps. */
  async tick(): Promise<void> {
    for (let i = 0; i < STEPS; i++) {
      if (!(await this.#take(async (state) => this.#next(state)))) return;
    }
  }

  /** Begins a full export, unless one is under way. */
  async begin(origin: Origin): Promise<ExportOverview> {
    await this.#take(async (state) => {
      if (state.full) return null;
      const startedAt = Date.now();
      const id = idAt(startedAt) + crypto.getRandomValues(new Uint8Array(4)).toHex();
      await this.#index.note(origin, { action: "export.begin", reference: id });
      const { id: after } = await this.#index.newest();
      const counts = { after, through: after, table: 0, key: null, objects: 0, rows: 0 };
      return { ...state, full: { phase: "rows", id, startedAt, ...counts } };
    });
    return this.overview();
  }

  /** One step of the full export that is under way; none where the cron is at it. */
  async step(): Promise<ExportOverview> {
    await this.#take((state) => (state.full ? this.#fullStep(state, state.full) : null));
    return this.overview();
  }

  async overview(): Promise<ExportOverview> {
    const state = await this.#jobs.state<ExportState>(EXPORT_JOB);
    const { chain = "", exported = 0, exportedAt = null, full = null, finished = [] } = state ?? {};
    const { id } = await this.#index.newest();
    return { chain, pending: Math.max(0, id - exported), exportedAt, running: full, finished };
  }

  /**
   * Takes the job on for one step, whose outcome is kept before anything that rests on it is done.
   * @returns whether there was something to do
   */
  async #take(step: (state: ExportState) => Promise<ExportState | null> | null): Promise<boolean> {
    const held = (await this.#jobs.acquire<ExportState>(EXPORT_JOB, LEASE)) as ExportState | null;
    if (held === null) return false;
    let next: ExportState | null = null;
    try {
      // An import brings its own chain, and what it writes has been exported before.
      const imported = await this.#jobs.state<ImportState>(IMPORT_JOB);
      const isImporting = imported?.phase !== undefined && imported.phase !== "done";
      next = isImporting ? null : await step(held);
    } finally {
      await this.#jobs.release(EXPORT_JOB, next ?? held);
    }
    return next !== null;
  }

  async #next(state: ExportState): Promise<ExportState | null> {
    return (
      (await this.#changes(state)) ?? (state.full ? await this.#fullStep(state, state.full) : null)
    );
  }

  /**
   * Writes what changed. A step that died before it was noted is done again, but what it wrote stays: it may have had what is
   * forgotten since. What has changed meanwhile has a number of its own.
   */
  async #changes(state: ExportState): Promise<ExportState | null> {
    const { chain, exported } = state;
    const due = await this.#index.changes(exported, MAX_ROWS);
    const taken = withinBytes(due);
    const last = taken.at(-1)?.id;
    if (last === undefined) return null;
    // A new database may be there to be recovered from the bucket: it has nothing to tell before its first repository.
    if (exported === 0 && (await this.#index.newest()).isEmpty) return null;
    await this.#index.forget(exported);
    const lines = await this.#index.lines(taken);
    await this.#bucket.writeOnce(changesKey(chain, exported + 1, last), textOf(lines));
    return { ...state, exported: last, exportedAt: Date.now() };
  }

  async #fullStep(state: ExportState, full: FullState): Promise<ExportState | null> {
    switch (full.phase) {
      case "rows":
        return { ...state, full: await this.#rows(state.chain, full) };
      case "changes":
        if (state.exported >= full.through) return this.#finish(state, full);
        return (await this.#changes(state)) ?? this.#finish(state, full);
      case "prune":
        return this.#prune(state);
    }
  }

  /** Writes one page, of as many tables as have room in it. */
  async #rows(chain: string, full: FullState): Promise<FullState> {
    const taken: Weighed[] = [];
    let { table, key } = full;
    let room = MAX_BYTES;
    for (let name = TABLE_NAMES[table]; name !== undefined; name = TABLE_NAMES[table]) {
      const limit = MAX_ROWS - taken.length;
      const page = await this.#index.page(name, key, limit);
      const some = withinBytes(page, room);
      taken.push(...some);
      room -= weigh(some);
      key = some.at(-1)?.key ?? key;
      if (some.length < page.length || page.length === limit || room <= 0) break;
      table++;
      key = null;
    }
    const lines = await this.#index.lines(taken);
    const objects = full.objects + 1;
    await this.#bucket.write(fullKey(chain, full.id, objects), textOf(lines));
    const rows = full.rows + lines.length;
    if (table < TABLE_NAMES.length) return { ...full, table, key, objects, rows };
    // What changed while the rows were being read makes them consistent.
    const { id: through } = await this.#index.newest();
    return { ...full, phase: "changes", table, key, objects, rows, through };
  }

  async #finish(state: ExportState, full: FullState): Promise<ExportState> {
    const { id, startedAt, after, objects, rows } = full;
    const counts = { after, through: state.exported, objects, rows };
    const done = { chain: state.chain, id, startedAt, finishedAt: Date.now(), ...counts };
    await this.#bucket.write(fullDoneKey(state.chain, id), JSON.stringify(done));
    const finished = [done, ...(state.finished ?? [])].slice(0, KEPT);
    return { ...state, finished, full: { ...full, phase: "prune" } };
  }

  /** Deletes, of this chain alone, a thousand objects that the exports which stay have no need of. */
  async #prune(state: ExportState): Promise<ExportState> {
    const { chain, finished = [] } = state;
    const oldest = finished.length < KEPT ? 0 : (finished.at(-1)?.after ?? 0);
    const { objects } = await this.#bucket.list(changesPrefix(chain), null);
    const old = objects.filter(({ key }) => (changesIn(key)?.last ?? Infinity) <= oldest);
    const stays = finished.map(({ id }) => id);
    const ids = await this.#bucket.folders(fullPrefix(chain));
    const [gone] = ids.filter((id) => !stays.includes(id));
    const pages = gone === undefined ? [] : await this.#pages(chain, gone);
    const keys = new Set([...old.map(({ key }) => key), ...pages]);
    await this.#bucket.delete([...keys].slice(0, 1_000));
    return { ...state, full: old.length + pages.length > 0 ? (state.full ?? null) : null };
  }

  /** Of a full export, the sign that it is complete first: half of one is none. */
  async #pages(chain: string, id: string): Promise<string[]> {
    const { objects } = await this.#bucket.list(fullPrefix(chain, id), null, 500);
    return [fullDoneKey(chain, id), ...objects.map(({ key }) => key)];
  }
}

/** The first of the rows that fit, at least one. */
function withinBytes<T extends { readonly weight: number }>(
  rows: readonly T[],
  most = MAX_BYTES,
): T[] {
  let sum = 0;
  const over = rows.findIndex(({ weight }, i) => (sum += weight) > most && i > 0);
  return over === -1 ? [...rows] : rows.slice(0, over);
}

function weigh(rows: readonly Weighed[]): number {
  return rows.reduce((sum, { weight }) => sum + weight, 0);
}

function textOf(lines: readonly Line[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}
