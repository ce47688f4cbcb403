import { isDigest } from "../oci/digest.ts";
import { isRefusal } from "../oci/errors.ts";
import {
  type AuditEntry,
  type AuditEvent,
  auditEvent,
  type AuditStore,
  BY_ITSELF,
} from "../db/audit.ts";
import type { JobStore } from "../db/jobs.ts";
import { type Job, type Lease, LeaseLost, type Step as JobStep } from "../jobs/job.ts";
import type { Fsck, Step } from "./fsck.ts";
import { finding, type Finding } from "./findings.ts";
import type { StepOptions } from "./phase.ts";
import {
  advanced,
  isDue,
  resumed,
  type Rounds,
  type PassState,
  PASS_NAMES,
  type PassName,
} from "./scan.ts";

interface State extends Readonly<Record<PassName, PassState>> {
  /** Bytes that may be hashed now; negative after an object that was larger. */
  readonly allowance: number;
  /** When the allowance was computed, in milliseconds since 1970. */
  readonly at: number;
  /** The findings that were reported on a day, and that day, in days since 1970. */
  readonly day: number;
  readonly reported: readonly string[];
}

/** A pass's turn within a step of the job. */
interface Turn {
  readonly lease: Lease<State>;
  readonly state: State;
  readonly now: number;
}

const DAY = 86_400_000;
/** The most steps of each pass in a tick. */
const STEPS = 20;
const ROWS = 1_000;
/** Ticks in which a page is tried; a page that never finished is then skipped. */
const TRIES = 3;
/** The most findings of a day that are reported; a run of slipway fsck shows all of them. */
const MAX_REPORTED = 1_000;
const MAX_DETAIL = 500;
/** The part of a day's bytes that may be saved up. */
const SAVED = 1 / 24;

/**
 * Checks a few rows and objects with every tick of the cron, from the first to the last, and a day after it began again
 * from the first. A second pass hashes as many bytes as are allowed, spread over the day. It repairs nothing: findings
 * go to the audit log.
 */
export class BackgroundFsck implements Job<State> {
  readonly name = "fsck";
  /** A tick of the cron is ended after 15 minutes (developers.cloudflare.com/workers/platform/limits). */
  readonly leaseMs = 900_000;
  readonly maxSteps = 1;
  readonly #fsck: Fsck;
  readonly #jobs: JobStore;
  readonly #audit: AuditStore;
  readonly #bytesPerDay: number;

  constructor(
    fsck: Fsck,
    { jobs, audit }: { readonly jobs: JobStore; readonly audit: AuditStore },
    bytesPerDay: number,
  ) {
    this.#fsck = fsck;
    this.#jobs = jobs;
    this.#audit = audit;
    this.#bytesPerDay = bytesPerDay;
  }

  /** Returns the progress of both passes. */
  async state(): Promise<Readonly<Record<PassName, Rounds>>> {
    const known = (await this.#jobs.state<State>(this.name)) ?? {};
    const of = (name: PassName) => {
      const { round = null, last = null } = known[name] ?? {};
      return { round, last };
    };
    return { metadata: of("metadata"), hash: of("hash") };
  }

  /**
   * Takes a few steps of each pass. The state is saved before each, so after a crash only the step that was under way is done again.
   * @throws AggregateError of what failed; the other pass still runs
   */
  async advance(lease: Lease<State>, now = Date.now()): Promise<JobStep<State> | null> {
    if (await this.#fsck.isImporting()) return null;
    const failures: unknown[] = [];
    let state = this.#resumed(lease.state, now);
    for (const name of PASS_NAMES) {
      if (name === "hash" && this.#bytesPerDay === 0) continue;
      try {
        state = await this.#take(name, { lease, state, now });
      } catch (error) {
        if (error instanceof LeaseLost) throw error;
        failures.push(error);
        state = this.#resumed(lease.state, now);
      }
    }
    if (failures.length === 0) return { state, more: false };
    return lease.fail(state, new AggregateError(failures, `fsck: ${failures.join("; ")}`));
  }

  async #take(name: PassName, { lease, state: from, now }: Turn): Promise<State> {
    let state = from;
    let checked = 0;
    for (let i = 0; i < STEPS && checked < ROWS && isDue(state[name], now); i++) {
      state = { ...state, [name]: { ...state[name], tries: state[name].tries + 1 } };
      await lease.save(state);
      const done = await this.#step(name, state, now);
      state = done.state;
      checked += done.checked;
      if (done.isOver) break;
    }
    await lease.save(state);
    return state;
  }

  async #step(
    name: PassName,
    state: State,
    now: number,
  ): Promise<{ readonly state: State; readonly checked: number; readonly isOver: boolean }> {
    const pass = state[name];
    const { cursor, tries } = pass;
    try {
      if (tries > TRIES) return await this.#passOver(name, state, now);
      const step = await this.#fsck.step(cursor, this.#options(name, state));
      // The allowed bytes are used up.
      const isSpent = name === "hash" && step.checked === 0 && step.next?.phase === step.phase;
      const after = await this.#after(name, state, step, now);
      return { state: after, checked: step.checked, isOver: isSpent || after[name].round === null };
    } catch (error) {
      if (!isRefusal(error, "CONFLICT")) throw error;
      // An import has begun.
      return { state: { ...state, [name]: { ...pass, tries: 0 } }, checked: 0, isOver: true };
    }
  }

  #options(name: PassName, { allowance }: State): StepOptions {
    return name === "metadata"
      ? { hash: 0, beyond: "metadata", repair: null }
      : { hash: Math.max(0, allowance), beyond: "stop", repair: null };
  }

  async #passOver(name: PassName, state: State, now: number) {
    const { cursor } = state[name];
    const subject = `${cursor.phase} ${cursor.repository} ${cursor.name}`.trim();
    const findings = [finding({ kind: "page.unread", subject, detail: `tried ${TRIES} times` })];
    const next = await this.#fsck.pass(cursor);
    const step = { findings, next, checked: 0, bytes: 0 };
    const after = await this.#after(name, state, step, now);
    return { state: after, checked: 0, isOver: after[name].round === null };
  }

  async #after(
    name: PassName,
    state: State,
    step: Pick<Step, "findings" | "next" | "checked" | "bytes">,
    now: number,
  ): Promise<State> {
    const allowance = state.allowance - step.bytes;
    const pass = advanced(name, state[name], step, now);
    return this.#tell(step.findings, { ...state, allowance, [name]: pass }, now);
  }

  /** Restores the saved state, and adds the bytes that were allowed since. */
  #resumed(known: Partial<State>, now: number): State {
    const { allowance = 0, at = now } = known;
    const saved = allowance + (this.#bytesPerDay * (now - at)) / DAY;
    const day = Math.floor(now / DAY);
    return {
      metadata: resumed("metadata", known.metadata),
      hash: resumed("hash", known.hash),
      allowance: Math.min(saved, this.#bytesPerDay * SAVED),
      at: now,
      day,
      reported: known.day === day ? (known.reported ?? []) : [],
    };
  }

  /** Writes findings into the audit log, each one once a day. */
  async #tell(findings: readonly Finding[], state: State, now: number): Promise<State> {
    const reported = new Set(state.reported);
    const events: AuditEvent[] = [];
    for (const one of findings) {
      const name = await nameOf(one);
      if (reported.has(name) || reported.size >= MAX_REPORTED) continue;
      reported.add(name);
      events.push(auditEvent(BY_ITSELF, entryOf(one), "failed", now));
    }
    if (events.length > 0) await this.#audit.add(events);
    return { ...state, reported: [...reported] };
  }
}

function entryOf({ kind, repository, subject, message }: Finding): AuditEntry {
  const where = kind === "usage.namespace" ? { namespace: subject } : {};
  return {
    action: "fsck.finding",
    ...where,
    ...(repository === null ? {} : { repository }),
    ...(isDigest(subject) ? { digest: subject } : { reference: subject }),
    detail: `${kind}: ${message}`.slice(0, MAX_DETAIL),
  };
}

/** Makes a short name of a finding, since those of a day are stored together. */
async function nameOf({ kind, repository, subject }: Finding): Promise<string> {
  const bytes = new TextEncoder().encode(`${kind} ${repository ?? ""} ${subject}`);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes), 0, 8).toHex();
}
