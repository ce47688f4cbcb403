import { compareDigits, compareLists, compareTexts } from "./text.ts";

/** A version by PEP 440; null where there is no such part. */
interface Version {
  readonly epoch: string;
  readonly release: readonly string[];
  readonly pre: { readonly phase: string; readonly number: string } | null;
  readonly post: string | null;
  readonly dev: string | null;
  readonly local: readonly string[];
}

const PATTERN = new RegExp(
  [
    String.raw`^v?(?:(?<epoch>\d+)!)?(?<release>\d+(?:\.\d+)*)`,
    String.raw`(?:[-_.]?(?<phase>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?<pre>\d*))?`,
    String.raw`(?:-(?<implicit>\d+)|(?<post>[-_.]?(?:post|rev|r)[-_.]?(?<postNumber>\d*)))?`,
    String.raw`(?<dev>[-_.]?dev[-_.]?(?<devNumber>\d*))?`,
    String.raw`(?:\+(?<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?$`,
  ].join(""),
);

/** Compares versions of Python packages (PEP 440). What is no such version is before all that are, in the order of texts. */
export function comparePep440(a: string, b: string): number {
  const [x, y] = [parse(a), parse(b)];
  if (x === null || y === null) {
    return x === y ? compareTexts(a, b) : x === null ? -1 : 1;
  }
  return (
    compareDigits(x.epoch, y.epoch) ||
    compareLists(x.release, y.release, "0", compareDigits) ||
    comparePre(x, y) ||
    comparePresent(x.post, y.post, -1) ||
    comparePresent(x.dev, y.dev, 1) ||
    compareLists<string | null>(x.local, y.local, null, compareLocal)
  );
}

function parse(text: string): Version | null {
  const groups = PATTERN.exec(text.trim().toLowerCase())?.groups;
  if (groups === undefined) return null;
  const { epoch = "0", release = "", phase, pre, implicit, post, dev, local } = groups;
  return {
    epoch,
    release: release.split("."),
    pre: phase === undefined ? null : { phase: normalPhase(phase), number: pre ?? "" },
    post: implicit ?? (post === undefined ? null : (groups["postNumber"] ?? "")),
    dev: dev === undefined ? null : (groups["devNumber"] ?? ""),
    local: local?.split(/[-_.]/) ?? [],
  };
}

function normalPhase(phase: string): string {
  if (phase === "c" || phase.startsWith("pre")) return "rc";
  return phase.slice(0, phase === "rc" ? 2 : 1);
}

/** Compares pre-releases: a development release of the release itself is before them, the release after them. */
function comparePre(a: Version, b: Version): number {
  const [p, q] = [rankOfPre(a), rankOfPre(b)];
  if (p !== q) return Math.sign(p - q);
  if (a.pre === null || b.pre === null) return 0;
  return compareTexts(a.pre.phase, b.pre.phase) || compareDigits(a.pre.number, b.pre.number);
}

function rankOfPre({ pre, post, dev }: Version): number {
  if (pre !== null) return 1;
  return post === null && dev !== null ? 0 : 2;
}

/** @param absent the order of a version without the part before (-1) or after (1) one with it */
function comparePresent(a: string | null, b: string | null, absent: 1 | -1): number {
  if (a !== null && b !== null) return compareDigits(a, b);
  return a === b ? 0 : a === null ? absent : -absent;
}

/** Compares a segment of local versions: none, then words, then numbers. */
function compareLocal(a: string | null, b: string | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  const [isNumber, isOtherNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumber !== isOtherNumber) return isNumber ? 1 : -1;
  return isNumber ? compareDigits(a, b) : compareTexts(a, b);
}
