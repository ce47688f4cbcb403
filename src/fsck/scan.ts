import { type Cursor, PHASES, type PhaseName, START, type Step } from "./fsck.ts";

/** One walk through everything. Times are in milliseconds since 1970. */
export interface Round {
  readonly beganAt: number;
  /** Null while it is under way. */
  readonly endedAt: number | null;
  /** Rows and objects that were looked at, bytes that were hashed, and what was wrong. */
  readonly checked: number;
  readonly bytes: number;
  readonly findings: number;
}

/** The round that is under way, and the one before. */
export interface Rounds {
  readonly round: Round | null;
  readonly last: Round | null;
}

/** Where a walk stands that begins again when it has ended. */
export interface Walk extends Rounds {
  readonly cursor: Cursor;
  /** How often the page at the cursor was begun. */
  readonly tries: number;
}

/** One looks whether everything is there, the other reads the bytes, which takes as long as a day's bytes do not suffice. */
export const PASSES = { look: PHASES, hash: ["manifests", "blobs"] } as const satisfies Record<
  string,
  readonly PhaseName[]
>;
export type PassName = keyof typeof PASSES;
export const PASS_NAMES = ["look", "hash"] as const satisfies readonly PassName[];

const DAY = 86_400_000;

/** As it was laid down, which may have been by another version. */
export function resumed(name: PassName, known: Partial<Walk> | undefined): Walk {
  const { cursor = START, tries = 0, round = null, last = null } = known ?? {};
  const phases: readonly PhaseName[] = PASSES[name];
  return phases.includes(cursor.phase)
    ? { cursor, tries, round, last }
    : { cursor: START, tries: 0, round, last };
}

/** A round that is under way goes on; the next one begins a day after the last one did. */
export function isDue({ round, last }: Rounds, now: number): boolean {
  return round !== null || last === null || now - last.beganAt >= DAY;
}

type Done = Pick<Step, "checked" | "bytes" | "findings" | "next">;

/** After a step, whose page is behind it. */
export function advanced(name: PassName, walk: Walk, step: Done, now: number): Walk {
  const before = walk.round ?? {
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
  if (next !== null) return { ...walk, cursor: next, tries: 0, round };
  return { cursor: START, tries: 0, round: null, last: { ...round, endedAt: now } };
}

/** The cursor, or the beginning of the next phase that is of the walk. */
function within(phases: readonly PhaseName[], cursor: Cursor): Cursor | null {
  if (phases.includes(cursor.phase)) return cursor;
  const at = PHASES.indexOf(cursor.phase);
  const phase = phases.find((one) => PHASES.indexOf(one) > at);
  return phase === undefined ? null : { ...START, phase };
}
