import { compareDigits, compareLists, compareTexts } from "./text.ts";

/**
 * Compares versions of rpm packages, "epoch:version-release" (rpm.org/docs/latest/manual/dependencies.html). A version
 * without a release is before the same one with a release: rpm takes them for equal, which is no order.
 */
export function compareRpm(a: string, b: string): number {
  const [x, y] = [parse(a), parse(b)];
  return (
    compareDigits(x.epoch, y.epoch) ||
    compareSegments(x.version, y.version) ||
    compareSegments(x.release, y.release)
  );
}

function parse(text: string): { epoch: string; version: string; release: string } {
  const [, epoch = "0"] = /^(\d+):/.exec(text) ?? [];
  const rest = text.slice(text.indexOf(":") + 1);
  const dash = rest.lastIndexOf("-");
  return {
    epoch,
    version: dash === -1 ? rest : rest.slice(0, dash),
    release: dash === -1 ? "" : rest.slice(dash + 1),
  };
}

/** Compares as rpmvercmp does: by numbers, words, "~" and "^". Any other character only separates. */
function compareSegments(a: string, b: string): number {
  return compareLists(segments(a), segments(b), "", compareSegment);
}

function segments(text: string): readonly string[] {
  return text.match(/\d+|[A-Za-z]+|[~^]/g) ?? [];
}

function compareSegment(a: string, b: string): number {
  const [p, q] = [rank(a), rank(b)];
  if (p !== q) return Math.sign(p - q);
  return p === NUMBER ? compareDigits(a, b) : compareTexts(a, b);
}

const NUMBER = 4;

/** The order of what can follow: "~", the end, "^", a word, a number. */
function rank(segment: string): number {
  if (segment === "~") return 0;
  if (segment === "") return 1;
  if (segment === "^") return 2;
  return /^\d/.test(segment) ? NUMBER : 3;
}
