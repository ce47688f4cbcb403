import type { Initiator } from "../db/audit.ts";
import type { Bucket, Listed } from "../db/bucket.ts";
import type { ExportStore, SizedKey } from "./export-store.ts";
import { type FullExport, type Line, TABLE_NAMES } from "./exported.ts";
import { IMPORT_JOB, type JobStore } from "../db/jobs.ts";
import { type Job, type Lease, type Step, takeStep } from "../jobs/job.ts";
import {
  changesIn,
  changesKey,
  changesPrefix,
  fullDoneKey,
  fullKey,
  fullPrefix,
} from "../db/keys.ts";
import {
  begunBackup,
  begunFull,
  EXPORT_JOB,
  type ExportState,
  type FullState,
  FULL_EXPORTS_KEPT,
} from "./export-state.ts";
import type { ImportState } from "./import-state.ts";

/** Bounds of one object, which is written, and later read, in one step. */
const MAX_ROWS = 2_000;
const MAX_BYTES = 4 * 1024 * 1024;

type Outcome = Step<ExportState>;

/** The progress of the export, for the API. */
export interface ExportOverview {
  readonly backupId: string;
  /** Changes that are not in the bucket yet. */
  readonly pending: number;
  readonly exportedAt: number | null;
  readonly running: FullState | null;
  readonly finished: readonly FullExport[];
}

/** Exports the index into the bucket: all of it when an administrator asks, and changes by the cron. */
export class Exporter implements Job<ExportState> {
  readonly name = EXPORT_JOB;
  readonly leaseMs = 300_000;
  readonly maxSteps = 10;
  readonly #index: ExportStore;
  readonly #bucket: Bucket;
  readonly #jobs: JobStore;

  constructor(index: ExportStore, bucket: Bucket, jobs: JobStore) {
    this.#index = index;
    this.#bucket = bucket;
    this.#jobs = jobs;
  }

  /** Writes changes or a page. Every second step of a turn goes to a running full export, so that changes do not hold it up. */
  advance(lease: Lease<ExportState>): Promise<Outcome | null> {
    const isTurn = lease.stepsBefore % 2 === 1;
    return this.#unlessImporting(lease, (state) => this.#next(state, isTurn));
  }

  /** Begins a full export, unless one is running. */
  async begin(initiator: Initiator): Promise<ExportOverview> {
    await this.#take(async (state) => {
      if (state.full) return null;
      // If the backup has to be replaced, writing the changes starts a full export of the new one.
      const isBehind = (await this.#beyond(state)).length > 0;
      const settled = (isBehind ? await this.#changes(state) : null)?.state ?? state;
      const full = settled.full ?? begunFull((await this.#index.newest()).id);
      await this.#index.note(initiator, { action: "export.begin", reference: full.id });
      return { state: { ...settled, full }, more: true };
    });
    return this.overview();
  }

  /** Runs one step of the current full export; does nothing while the cron holds the job. */
  async step(): Promise<ExportOverview> {
    await this.#take(async (state) => (state.full ? this.#fullStep(state, state.full) : null));
    return this.overview();
  }

  async overview(): Promise<ExportOverview> {
    const state = await this.#jobs.state<ExportState>(EXPORT_JOB);
    const {
      backupId = "",
      exported = 0,
      exportedAt = null,
      full = null,
      finished = [],
    } = state ?? {};
    const { id } = await this.#index.newest();
    return { backupId, pending: Math.max(0, id - exported), exportedAt, running: full, finished };
  }

  /** Holds the job for one step that is asked for. */
  async #take(step: (state: ExportState) => Promise<Outcome | null>): Promise<void> {
    await takeStep<ExportState>(this.#jobs, this, (lease) => this.#unlessImporting(lease, step));
  }

  /** An import continues an older backup, whose export has its rows already. */
  async #unlessImporting(
    lease: Lease<ExportState>,
    step: (state: ExportState) => Promise<Outcome | null>,
  ): Promise<Outcome | null> {
    const imported = await this.#jobs.state<ImportState>(IMPORT_JOB);
    const isImporting = imported?.phase !== undefined && imported.phase !== "done";
    return isImporting ? null : step(lease.state as ExportState);
  }

  async #next(state: ExportState, isTurnOfFull: boolean): Promise<Outcome | null> {
    const changes = isTurnOfFull && state.full ? null : await this.#changes(state);
    return changes ?? (state.full ? this.#fullStep(state, state.full) : null);
  }

  /** Writes changes. A step that died before it was saved is repeated. */
  async #changes(state: ExportState): Promise<Outcome | null> {
    const { backupId, exported } = state;
    const beyond = await this.#beyond(state);
    const due = await this.#index.changes(exported, MAX_ROWS);
    const taken = withinBytes(due);
    const last = taken.at(-1)?.id;
    if (last === undefined) return beyond.length > 0 ? this.#leaveBackup(state) : null;
    const { isEmpty } = await this.#index.newest();
    // An empty database may wait to be recovered from the bucket, so it exports nothing before its first repository.
    if (exported === 0 && isEmpty && beyond.length === 0) return null;
    const key = changesKey(backupId, exported + 1, last);
    const text = textOf(await this.#index.lines(taken));
    // The existing object may hold changes that were deleted here, or never made; only an equal one is this step's own.
    const isDone = beyond.length === 1 && (await this.#bucket.read(key)) === text;
    if (beyond.length > 0 && !isDone) return this.#leaveBackup(state);
    await this.#index.forget(exported);
    await this.#bucket.writeOnce(key, text);
    const isCut = due.length === MAX_ROWS || taken.length < due.length;
    const after = { ...state, exported: last, exportedAt: Date.now() };
    return { state: after, more: isCut || Boolean(state.full) };
  }

  /**
   * Lists objects of this backup that the index does not know: either it died before it saved the step that wrote them,
   * or it was set back to an older state, and the same numbers mean other changes there.
   */
  async #beyond({ backupId, exported }: ExportState): Promise<readonly Listed[]> {
    const after = changesKey(backupId, exported + 1, 0);
    return (await this.#bucket.list(changesPrefix(backupId), after, 2)).objects;
  }

  async #leaveBackup(state: ExportState): Promise<Outcome> {
    const { id } = await this.#index.newest();
    return { state: begunBackup(state, id), more: true };
  }

  async #fullStep(state: ExportState, full: FullState): Promise<Outcome | null> {
    // A backup that is to be replaced gets no further objects.
    if ((await this.#beyond(state)).length > 0) return this.#changes(state);
    switch (full.phase) {
      case "rows":
        return { state: { ...state, full: await this.#rows(state.backupId, full) }, more: true };
      case "changes": {
        const changes = state.exported < full.through ? await this.#changes(state) : null;
        return changes ?? { state: await this.#finish(state, full), more: true };
      }
      case "prune": {
        const pruned = await this.#prune(state);
        return { state: pruned, more: pruned.full !== null };
      }
    }
  }

  /** Writes one page, with rows of as many tables as fit. */
  async #rows(backupId: string, full: FullState): Promise<FullState> {
    const taken: SizedKey[] = [];
    let { table, key } = full;
    let room = MAX_BYTES;
    for (let name = TABLE_NAMES[table]; name !== undefined; name = TABLE_NAMES[table]) {
      const limit = MAX_ROWS - taken.length;
      const page = await this.#index.page(name, key, limit);
      const some = withinBytes(page, room);
      taken.push(...some);
      room -= sumOfBytes(some);
      key = some.at(-1)?.key ?? key;
      if (some.length < page.length || page.length === limit || room <= 0) break;
      table++;
      key = null;
    }
    const lines = await this.#index.lines(taken);
    const objects = full.objects + 1;
    await this.#bucket.write(fullKey(backupId, full.id, objects), textOf(lines));
    const rows = full.rows + lines.length;
    if (table < TABLE_NAMES.length) return { ...full, table, key, objects, rows };
    // The changes made while the rows were read make them consistent.
    const { id: through } = await this.#index.newest();
    return { ...full, phase: "changes", table, key, objects, rows, through };
  }

  async #finish(state: ExportState, full: FullState): Promise<ExportState> {
    const { id, startedAt, after, objects, rows } = full;
    const counts = { after, through: state.exported, objects, rows };
    const { backupId, replaces = [] } = state;
    const done = { backupId, id, startedAt, finishedAt: Date.now(), ...counts, replaces };
    await this.#bucket.write(fullDoneKey(backupId, id), JSON.stringify(done));
    const finished = [done, ...(state.finished ?? [])].slice(0, FULL_EXPORTS_KEPT);
    return { ...state, finished, full: { ...full, phase: "prune" } };
  }

  /** Deletes up to a thousand objects of this backup that the remaining exports do not need. */
  async #prune(state: ExportState): Promise<ExportState> {
    const { backupId, finished = [] } = state;
    const oldest = finished.length < FULL_EXPORTS_KEPT ? 0 : (finished.at(-1)?.after ?? 0);
    const { objects } = await this.#bucket.list(changesPrefix(backupId), null);
    const old = objects.filter(({ key }) => (changesIn(key)?.last ?? Infinity) <= oldest);
    const stays = finished.map(({ id }) => id);
    const ids = await this.#bucket.folders(fullPrefix(backupId));
    const [gone] = ids.filter((id) => !stays.includes(id));
    const pages = gone === undefined ? [] : await this.#pages(backupId, gone);
    const keys = new Set([...old.map(({ key }) => key), ...pages]);
    await this.#bucket.delete([...keys].slice(0, 1_000));
    return { ...state, full: old.length + pages.length > 0 ? (state.full ?? null) : null };
  }

  /** Lists the objects of a full export, its mark of completeness first: half an export must not count as complete. */
  async #pages(backupId: string, id: string): Promise<string[]> {
    const { objects } = await this.#bucket.list(fullPrefix(backupId, id), null, 500);
    return [fullDoneKey(backupId, id), ...objects.map(({ key }) => key)];
  }
}

/** Returns the first of the rows that fit, but always one. */
function withinBytes<T extends { readonly approximateBytes: number }>(
  rows: readonly T[],
  most = MAX_BYTES,
): T[] {
  let sum = 0;
  const over = rows.findIndex(
    ({ approximateBytes }, i) => (sum += approximateBytes) > most && i > 0,
  );
  return over === -1 ? [...rows] : rows.slice(0, over);
}

function sumOfBytes(rows: readonly SizedKey[]): number {
  return rows.reduce((sum, { approximateBytes }) => sum + approximateBytes, 0);
}

function textOf(lines: readonly Line[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}
