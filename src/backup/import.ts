import { RegistryError } from "../oci/errors.ts";
import { BY_ITSELF, type Initiator } from "../db/audit.ts";
import type { Bucket } from "../db/bucket.ts";
import type { Columns, ExportStore } from "./export-store.ts";
import { type Kind, LEVELS, type Row, tableOf } from "./exported.ts";
import type { Gone, ImportStore, Standing } from "./import-store.ts";
import { IMPORT_JOB, type JobStore } from "../db/jobs.ts";
import { type Job, Lease, type Step, takeStep } from "../jobs/job.ts";
import { EXPORT_JOB, type ExportState, FULL_EXPORTS_KEPT } from "./export-state.ts";
import { type Entry, parseLines } from "./import-lines.ts";
import { completeExports, findSource, listMore } from "./import-source.ts";
import type { ImportProgress, ImportState, Lost } from "./import-state.ts";

/** Characters that one step reads. An object has about as many at most; those of a quiet registry have far fewer. */
const MAX_LENGTH = 4 * 1024 * 1024;
const MAX_OBJECTS = 50;
/** Characters of lines in one batch of the database. */
const MAX_BATCH = 3 * 1024 * 1024;
const MAX_DROPPED = 500;
const MAX_CLEARED = 5_000;
const MAX_EXAMPLES = 50;

/**
 * Recovers the index from the bucket. Lines are read from the newest to the oldest, so the first line of a row is its
 * last state, and a written row is never changed again. They are read once for each level, so that rows come after
 * those they depend on. Each step may be repeated.
 */
export class Importer implements Job<ImportState> {
  readonly name = IMPORT_JOB;
  readonly leaseMs = 300_000;
  /** A step writes hundreds of statements, triggers among them, and an invocation may make a thousand. */
  readonly maxSteps = 3;
  readonly #index: ImportStore;
  readonly #exports: ExportStore;
  readonly #bucket: Bucket;
  readonly #jobs: JobStore;

  constructor(
    { index, exports }: { readonly index: ImportStore; readonly exports: ExportStore },
    bucket: Bucket,
    jobs: JobStore,
  ) {
    this.#index = index;
    this.#exports = exports;
    this.#bucket = bucket;
    this.#jobs = jobs;
  }

  async state(): Promise<ImportState | null> {
    const state = await this.#jobs.state<ImportState>(IMPORT_JOB);
    return state !== null && isBegun(state) ? state : null;
  }

  /**
   * Begins an import, or continues the one that was begun.
   * @param from a backup or a full export; null for the only backup
   * @throws CONFLICT when there are repositories already, or the export is broken; NOT_FOUND without an export
   */
  async step(from: string | null, initiator: Initiator): Promise<ImportProgress> {
    const done = await takeStep<ImportState>(this.#jobs, this, async ({ state }) => {
      return stepOf(
        await (isBegun(state) ? this.#next(state, initiator) : this.#begin(from, initiator)),
      );
    });
    return progressOf(done?.state ?? (await this.state()) ?? busy());
  }

  /** Continues an import that was begun: whoever began it need not stay. */
  async advance({ state }: Lease<ImportState>): Promise<Step<ImportState> | null> {
    if (!isBegun(state) || state.phase === "done") return null;
    return stepOf(await this.#next(state, BY_ITSELF));
  }

  async #begin(from: string | null, initiator: Initiator): Promise<ImportState> {
    if (!(await this.#index.isEmpty())) throw notEmpty();
    const own = await this.#jobs.state<ExportState>(EXPORT_JOB);
    const source = await findSource(this.#bucket, own?.backupId ?? "", from);
    if (!(await this.#index.close(initiator, source.full ?? source.backupId))) throw notEmpty();
    return {
      ...source,
      phase: "list",
      beganAt: Date.now(),
      endedAt: null,
      exportedAt: 0,
      after: null,
      covered: source.since,
      objects: 0,
      level: 1,
      next: 0,
      rows: 0,
      lost: 0,
      examples: [],
    };
  }

  async #next(state: ImportState, initiator: Initiator): Promise<ImportState> {
    switch (state.phase) {
      case "list": {
        const listed = await listMore(this.#bucket, state);
        await this.#index.listObjects(state.objects + 1, listed.keys);
        return listed.state.phase === "read" ? this.#adopt(listed.state) : listed.state;
      }
      case "read":
        return this.#read(state);
      case "prune":
        return this.#prune(state, initiator);
      case "done":
        return state;
    }
  }

  /** Makes this index continue the backup, after its last change. */
  async #adopt(state: ImportState): Promise<ImportState> {
    const lease = await Lease.take<ExportState>(this.#jobs, {
      name: EXPORT_JOB,
      leaseMs: this.leaseMs,
    });
    if (lease === null) return busy();
    const { backupId, covered: exported, exportedAt } = state;
    await this.#index.renumber(exported);
    const finished = await completeExports(this.#bucket, backupId, FULL_EXPORTS_KEPT);
    const replaces = finished[0]?.replaces ?? [];
    const next = { backupId, exported, exportedAt, finished, replaces };
    return (await lease.end(next)) ? state : busy();
  }

  async #read(state: ImportState): Promise<ImportState> {
    const columns = await this.#exports.columns();
    const { entries, last } = await this.#load(state.next, columns);
    const newest = newestOf(entries, state.level);
    const standings = await this.#standings(newest);
    const lost: Lost[] = [];
    const gone: Gone[] = [];
    const fresh: Entry[] = [];
    for (const entry of newest) {
      const { kind, key, line } = entry;
      const standing = standings.get(entry);
      if ("gone" in line) {
        if (standing === "new" || standing === "baseless") gone.push({ kind, key });
      } else if (standing === "new") fresh.push(entry);
      else if (standing === "baseless") lost.push({ table: kind, key });
    }
    const { rows, blocked } = await this.#write(fresh, gone);
    lost.push(...blocked);
    return {
      ...state,
      ...(last > 1 ? { next: last - 1 } : nextLevel(state)),
      rows: state.rows + rows,
      lost: state.lost + lost.length,
      examples: [...state.examples, ...lost].slice(0, MAX_EXAMPLES),
    };
  }

  /** Reads objects down from a number, as many as fit in one step. @returns their lines, the newest first */
  async #load(
    next: number,
    columns: Columns,
  ): Promise<{ readonly entries: Entry[]; readonly last: number }> {
    const entries: Entry[] = [];
    let length = 0;
    let last = 1;
    for (const { n, key } of await this.#index.objects(next, MAX_OBJECTS)) {
      const text = await this.#bucket.read(key);
      if (text === null) throw new RegistryError("CONFLICT", { message: `${key} has gone` });
      entries.push(...parseLines(key, text, columns));
      last = n;
      length += text.length;
      if (length >= MAX_LENGTH) break;
    }
    return { entries, last };
  }

  async #standings(entries: readonly Entry[]): Promise<Map<Entry, Standing>> {
    const standings = new Map<Entry, Standing>();
    for (const [kind, some] of Map.groupBy(entries, (entry) => entry.kind)) {
      const rows = some.map(({ line, key }) => rowOf(kind, line, key));
      const found = await this.#index.standing(kind, rows);
      for (const [i, entry] of some.entries()) standings.set(entry, found[i] ?? "new");
    }
    return standings;
  }

  async #write(
    fresh: readonly Entry[],
    gone: readonly Gone[],
  ): Promise<{ readonly rows: number; readonly blocked: readonly Lost[] }> {
    let rows = 0;
    const blocked: Lost[] = [];
    let notes = gone;
    if (fresh.length + gone.length === 0) return { rows, blocked };
    for (const batch of batchesOf(fresh)) {
      const lines = batch.flatMap(({ line }) => ("gone" in line ? [] : [line]));
      const tables = batch.filter(({ kind }) => kind !== "blob_links");
      const written = await this.#index.write(lines, notes);
      rows += written;
      notes = [];
      if (written < tables.length) blocked.push(...(await this.#missing(tables)));
    }
    return { rows, blocked };
  }

  /** Returns the rows that were not written because another row has their name. */
  async #missing(entries: readonly Entry[]): Promise<Lost[]> {
    const standings = await this.#standings(entries);
    const absent = entries.filter((entry) => standings.get(entry) !== "there");
    return absent.map(({ kind, key }) => ({ table: kind, key }));
  }

  async #prune(state: ImportState, initiator: Initiator): Promise<ImportState> {
    if ((await this.#index.dropUnnamed(MAX_DROPPED)) > 0) return state;
    if ((await this.#index.clear(MAX_CLEARED)) > 0) return state;
    await this.#index.open(initiator, state.full ?? state.backupId);
    return { ...state, phase: "done", endedAt: Date.now() };
  }
}

function isBegun(state: Partial<ImportState>): state is ImportState {
  return state.phase !== undefined;
}

function stepOf(state: ImportState): Step<ImportState> {
  return { state, more: state.phase !== "done" };
}

/** Returns the first line of each row of a level. */
function newestOf(entries: readonly Entry[], level: number): Entry[] {
  const first = new Map<string, Entry>();
  for (const entry of entries) {
    const name = `${entry.kind} ${entry.key}`;
    if (tableOf(entry.kind).level === level && !first.has(name)) first.set(name, entry);
  }
  return [...first.values()];
}

/** Returns the row, or for a deleted one its key. */
function rowOf(kind: Kind, line: Entry["line"], key: string): Row {
  if (!("gone" in line)) return line.row;
  const values = JSON.parse(key) as (string | number)[];
  return Object.fromEntries(tableOf(kind).key.map((name, i) => [name, values[i] ?? null]));
}

/** Returns at least one batch, which records deleted rows. */
function batchesOf(entries: readonly Entry[]): Entry[][] {
  const batches: Entry[][] = [[]];
  let length = 0;
  for (const entry of entries) {
    if (length > 0 && length + entry.length > MAX_BATCH) {
      batches.push([]);
      length = 0;
    }
    batches.at(-1)?.push(entry);
    length += entry.length;
  }
  return batches;
}

function nextLevel({ level, objects }: ImportState): Partial<ImportState> {
  return level < LEVELS.length ? { level: level + 1, next: objects } : { phase: "prune" };
}

/** Adds the counts of reads; each object is read once for each level. */
function progressOf(state: ImportState): ImportProgress {
  const { phase, level, next, objects } = state;
  const toRead = LEVELS.length * objects;
  const read = { list: 0, read: level * objects - next, prune: toRead, done: toRead }[phase];
  return { ...state, read, toRead };
}

function notEmpty(): RegistryError {
  return new RegistryError("CONFLICT", {
    message:
      "there are repositories already, deleted ones perhaps: an import needs an empty database, with its migrations applied and nothing pushed",
  });
}

function busy(): never {
  throw new RegistryError("UNAVAILABLE", {
    message: "somebody else is at it; try again in a moment",
  });
}
