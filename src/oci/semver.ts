/** A version as semver.org 2.0.0 has it, without what says nothing of its precedence. */
export interface Version {
  /** Major, minor, patch: digits, of any number. */
  readonly core: readonly string[];
  /** Identifiers of a pre-release; none for a release. */
  readonly pre: readonly string[];
}

const NUMBER = "0|[1-9]\\d*";
const IDENTIFIER = `(?:${NUMBER}|\\d*[A-Za-z-][0-9A-Za-z-]*)`;
/** A tag has no "+": helm writes "_" for it. */
const BUILD = "(?:[+_][0-9A-Za-z._-]*)?";
const VERSION = new RegExp(
  `^v?(${NUMBER})\\.(${NUMBER})\\.(${NUMBER})(?:-(${IDENTIFIER}(?:\\.${IDENTIFIER})*))?${BUILD}$`,
);

/** The version that a tag is, with or without a "v" before it; null for all else, also for "1.2" and "latest". */
export function parseVersion(tag: string): Version | null {
  const match = VERSION.exec(tag);
  if (match === null) return null;
  const [, major = "", minor = "", patch = "", pre] = match;
  return { core: [major, minor, patch], pre: pre?.split(".") ?? [] };
}

export function formatVersion({ core, pre }: Version): string {
  return core.join(".") + (pre.length === 0 ? "" : `-${pre.join(".")}`);
}

/** By precedence (semver.org, point 11): negative where the first one is lower, 0 where neither is. */
export function compareVersions(a: Version, b: Version): number {
  for (const [i, number] of a.core.entries()) {
    const order = compareNumbers(number, b.core[i] ?? "");
    if (order !== 0) return order;
  }
  // A release is higher than its pre-releases.
  if (a.pre.length === 0 || b.pre.length === 0) return b.pre.length - a.pre.length;
  for (const [i, identifier] of a.pre.entries()) {
    const other = b.pre[i];
    if (other === undefined) return 1;
    const order = compareIdentifiers(identifier, other);
    if (order !== 0) return order;
  }
  return a.pre.length - b.pre.length;
}

function compareIdentifiers(a: string, b: string): number {
  const [isNumber, isOtherNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumber && isOtherNumber) return compareNumbers(a, b);
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
  return compareTexts(a, b);
}

/** Without leading zeros, so the longer one is the higher, however long it is. */
function compareNumbers(a: string, b: string): number {
  return a.length === b.length ? compareTexts(a, b) : a.length - b.length;
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
