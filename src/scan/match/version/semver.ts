import { compareDigits, compareLists, compareTexts } from "./text.ts";

/**
 * Compares by semver.org § 11, and takes what package managers take besides: a "v" or "go" before the number, fewer or more than
 * three numbers, leading zeros. For Go, npm and crates.
 */
export function compareSemver(a: string, b: string): number {
  const [x, y] = [parse(a), parse(b)];
  return compareLists(x.core, y.core, "0", compareDigits) || comparePre(x.pre, y.pre);
}

/** Compares versions of NuGet packages: four numbers, then a pre-release whose case does not count. */
export function compareNuget(a: string, b: string): number {
  return compareSemver(a.toLowerCase(), b.toLowerCase());
}

/** Splits at the first character that no number has; build metadata is left out (§ 10). */
function parse(version: string): { core: readonly string[]; pre: readonly string[] } {
  const [text = ""] = version
    .trim()
    .replace(/^(?:[vV=]|go)/, "")
    .split("+", 1);
  const core = /^[\d.]*/.exec(text)?.[0] ?? "";
  const pre = text.slice(core.length).replace(/^-/, "");
  return { core: core.split(".").filter(Boolean), pre: pre === "" ? [] : pre.split(".") };
}

function comparePre(a: readonly string[], b: readonly string[]): number {
  // A release is after its pre-releases.
  if (a.length === 0 || b.length === 0) return Math.sign(b.length - a.length);
  return compareLists<string | null>(a, b, null, compareIdentifiers);
}

function compareIdentifiers(a: string | null, b: string | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  const [isNumber, isOtherNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumber && isOtherNumber) return compareDigits(a, b);
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
  return compareTexts(a, b);
}
