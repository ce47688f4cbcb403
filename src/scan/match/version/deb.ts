import { compareDigits, compareTexts } from "./text.ts";

/** Compares versions of Debian packages (Debian Policy § 5.6.12): epoch, upstream version, revision. */
export function compareDeb(a: string, b: string): number {
  const [x, y] = [parse(a), parse(b)];
  return (
    compareDigits(x.epoch, y.epoch) ||
    compareParts(x.upstream, y.upstream) ||
    compareParts(x.revision, y.revision)
  );
}

/** Splits a version. One without an epoch has 0, and one without a revision is equal to the revision "0". */
function parse(version: string): { epoch: string; upstream: string; revision: string } {
  const text = version.trim();
  const colon = text.indexOf(":");
  const hasEpoch = colon > 0 && /^\d+$/.test(text.slice(0, colon));
  const rest = hasEpoch ? text.slice(colon + 1) : text;
  const dash = rest.lastIndexOf("-");
  return {
    epoch: hasEpoch ? text.slice(0, colon) : "0",
    upstream: dash === -1 ? rest : rest.slice(0, dash),
    revision: dash === -1 ? "" : rest.slice(dash + 1),
  };
}

/** Compares, in turn, the longest part without digits and the longest number. */
function compareParts(a: string, b: string): number {
  const [x, y] = [partsOf(a), partsOf(b)];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const [p, q] = [x[i] ?? "", y[i] ?? ""];
    const order = i % 2 === 0 ? compareWords(p, q) : compareDigits(p, q);
    if (order !== 0) return order;
  }
  return 0;
}

/** A text that begins with a number has an empty part before it, so that like is compared with like. */
function partsOf(text: string): readonly string[] {
  const parts: readonly string[] = text.match(/\D+|\d+/g) ?? [];
  return /^\d/.test(text) ? ["", ...parts] : parts;
}

/** Compares parts without digits: "~" is before the end, the end before letters, letters before all else. */
function compareWords(a: string, b: string): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [p, q] = [a[i] ?? "", b[i] ?? ""];
    const order = rank(p) - rank(q) || compareTexts(p, q);
    if (order !== 0) return Math.sign(order);
  }
  return 0;
}

function rank(character: string): number {
  if (character === "~") return 0;
  if (character === "") return 1;
  return /[A-Za-z]/.test(character) ? 2 : 3;
}
