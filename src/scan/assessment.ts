import type { Finding } from "./match/finding.ts";
import { speaksOf, type VexImage, type VexStatement } from "./vex.ts";

/** Somebody's decision that a vulnerability does not matter here. */
export interface Exception {
  /** Any id of the vulnerability. */
  readonly vulnerability: string;
  /** The package it is accepted in; null for all. */
  readonly package: string | null;
  readonly reason: string;
  readonly author: string;
  /** Milliseconds since 1970; null for one that holds until it is taken back. */
  readonly expiresMs: number | null;
}

/**
 * "accepted" by an exception; "not_affected" and "fixed" by an OpenVEX statement; else "open". An open finding counts for the
 * policy, the others are shown with the reason.
 */
export type Status = "open" | "accepted" | "not_affected" | "fixed";

export interface Assessment {
  readonly status: Status;
  /** Why it is not open, and who says so; empty for an open one. */
  readonly reason: string;
  readonly author: string;
  /** Until when the status holds, in milliseconds since 1970; null if for good. */
  readonly untilMs: number | null;
}

export type Assessed = Finding & Assessment;

export interface Decisions {
  readonly exceptions: readonly Exception[];
  readonly statements: readonly VexStatement[];
  readonly image: VexImage;
  readonly nowMs: number;
}

/** Applies exceptions, then what OpenVEX documents say, to the findings of an image. */
export function assess<F extends Finding>(
  findings: readonly F[],
  decisions: Decisions,
): readonly (F & Assessment)[] {
  const { exceptions, statements, image, nowMs } = decisions;
  const valid = byId(
    exceptions.filter(({ expiresMs }) => expiresMs === null || nowMs < expiresMs),
    ({ vulnerability }) => [vulnerability],
  );
  const said = byId(statements, ({ vulnerabilities }) => vulnerabilities);
  return findings.map((finding) => {
    const ids = [finding.id, ...finding.aliases];
    const accepted = longest(
      ids.flatMap((id) => valid.get(id) ?? []).filter((one) => isAbout(one, finding)),
    );
    if (accepted !== undefined) {
      const { reason, author, expiresMs } = accepted;
      return { ...finding, status: "accepted", reason, author, untilMs: expiresMs };
    }
    const latest = ids
      .flatMap((id) => said.get(id) ?? [])
      .filter((statement) => speaksOf(statement, finding.package, image))
      .toSorted((a, b) => b.timeMs - a.timeMs)[0];
    if (latest?.status === "not_affected" || latest?.status === "fixed") {
      const { status, justification, impact, author } = latest;
      const reason = justification || impact || status;
      return { ...finding, status, reason, author, untilMs: null };
    }
    return { ...finding, status: "open", reason: "", author: "", untilMs: null };
  });
}

function byId<T>(
  items: readonly T[],
  idsOf: (item: T) => readonly string[],
): ReadonlyMap<string, readonly T[]> {
  const found = new Map<string, T[]>();
  for (const item of items) {
    for (const id of new Set(idsOf(item))) found.set(id, [...(found.get(id) ?? []), item]);
  }
  return found;
}

function isAbout({ package: name }: Exception, finding: Finding): boolean {
  return name === null || name === finding.package.name || name === finding.package.source?.name;
}

/** Of several exceptions that hold, the one that holds longest. */
function longest(exceptions: readonly Exception[]): Exception | undefined {
  const end = ({ expiresMs }: Exception) => expiresMs ?? Infinity;
  return exceptions.toSorted((a, b) => (end(a) === end(b) ? 0 : end(b) - end(a)))[0];
}
