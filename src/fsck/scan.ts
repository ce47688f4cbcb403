import { type Cursor, START, type Step } from "./fsck.ts";
import { type PhaseName, PHASES } from "./phases.ts";

/** One complete pass. Times are in milliseconds since 1970. */
export interface Round {
  readonly beganAt: number;
  /** null while it is running. */
  readonly endedAt: number | null;
  /** Rows and objects that were checked, bytes that were hashed, and findings. */
  readonly checked: number;
  readonly bytes: number;
  readonly findings: number;
}

/** The current pass, and the last complete one. */
export interface Rounds {
  readonly round: Round | null;
  readonly last: Round | null;
}

/** The state of a pass that starts again after its end. */
export interface PassState extends Rounds {
  readonly cursor: Cursor;
  /** How often the page at the cursor was tried. */
  readonly tries: number;
}

/** The metadata pass checks that everything exists; the other reads the bytes, over as many days as the limit needs. */
export const PASSES = { metadata: PHASES, hash: ["manifests", "blobs"] } as const satisfies Record<
  string,
  readonly PhaseName[]
>;
export type PassName = keyof typeof PASSES;
export const PASS_NAMES = ["metadata", "hash"] as const satisfies readonly PassName[];

const DAY = 86_400_000;

/** Restores a saved state; another version may have saved it, with another set of phases. */
export function resumed(name: PassName, known: Partial<PassState> | undefined): PassState {
  const { cursor = START, tries = 0, round = null, last = null } = known ?? {};
  const phases: readonly PhaseName[] = PASSES[name];
  return phases.includes(cursor.phase)
    ? { cursor, tries, round, last }
    : { cursor: START, tries: 0, round, last };
}

/** Returns whether a pass has work: it is running, or the last one began a day ago. */
export function isDue({ round, last }: Rounds, now: number): boolean {
  return round !== null || last === null || now - last.beganAt >= DAY;
}

type Done = Pick<Step, "checked" | "bytes" | "findings" | "next">;

/** Returns the state after a step, with its page done. */
export function advanced(name: PassName, pass: PassState, step: Done, now: number): PassState {
  const before = pass.round ?? {
    beganAt: now,
    endedAt: null,
    checked: 0,
    bytes: 0,
    findings: 0,
  };
  const round = {
    ...before,
    checked: before.checked + step.checked,
    bytes: before.bytes + step.bytes,
    findings: before.findings + step.findings.length,
  };
  const next = step.next === null ? null : within(PASSES[name], step.next);
  if (next !== null) return { ...pass, cursor: next, tries: 0, round };
  return { cursor: START, tries: 0, round: null, last: { ...round, endedAt: now } };
}

/** Returns the cursor, or the start of the next phase that belongs to the pass. */
function within(phases: readonly PhaseName[], cursor: Cursor): Cursor | null {
  if (phases.includes(cursor.phase)) return cursor;
  const at = PHASES.indexOf(cursor.phase);
  const phase = phases.find((one) => PHASES.indexOf(one) > at);
  return phase === undefined ? null : { ...START, phase };
}
