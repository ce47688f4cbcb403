/** A version of semver.org 2.0.0, without build metadata, which has no part in precedence. */
export interface Version {
  /** Major, minor and patch, as strings of digits of any length. */
  readonly core: readonly string[];
  /** Identifiers of a pre-release; none for a release. */
  readonly pre: readonly string[];
}

const NUMBER = "0|[1-9]\\d*";
const IDENTIFIER = `(?:${NUMBER}|\\d*[A-Za-z-][0-9A-Za-z-]*)`;
/** Build metadata. A tag cannot have a "+", so helm writes "_" in its place. */
const BUILD = "(?:[+_][0-9A-Za-z._-]*)?";
const VERSION = new RegExp(
  `^v?(${NUMBER})\\.(${NUMBER})\\.(${NUMBER})(?:-(${IDENTIFIER}(?:\\.${IDENTIFIER})*))?${BUILD}$`,
);

/**
 * Returns the version that a tag is, with or without a "v" before it; null for anything else, also for "1.2" and
 * "latest".
 */
export function parseVersion(tag: string): Version | null {
  const match = VERSION.exec(tag);
  if (match === null) return null;
  const [, major = "", minor = "", patch = "", pre] = match;
  return { core: [major, minor, patch], pre: pre?.split(".") ?? [] };
}

export function formatVersion({ core, pre }: Version): string {
  return core.join(".") + (pre.length === 0 ? "" : `-${pre.join(".")}`);
}

/** Compares by precedence (semver.org, point 11): negative if the first one is lower, 0 if they are equal. */
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

/** Compares numbers of any length: they have no leading zeros, so the longer one is higher. */
function compareNumbers(a: string, b: string): number {
  return a.length === b.length ? compareTexts(a, b) : a.length - b.length;
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
