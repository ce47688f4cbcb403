/**
 * Cases of which there are too many for every run. TEST_SAMPLE says how many are tried: "few" as a developer waits for them,
 * "many" for each change in CI, or "all". Which ones is drawn from TEST_SEED, and is the same whatever else runs.
 */
import { inject } from "vitest";
import { random } from "./images.ts";
import { SAMPLED } from "./sampled.ts";

export interface Amounts {
  readonly few: number;
  /** All of them, unless it says otherwise. */
  readonly many?: number;
}

/** Draws some of the cases, in their order. @param what is part of the seed, and up to a colon names them in the summary */
export function sample<T>(what: string, all: readonly T[], amounts: Amounts): T[] {
  const size = amountOf(amounts, all.length);
  if (size >= all.length) return [...all];
  console.log(`${SAMPLED}${size} of ${all.length} ${what}`);
  const draw = random(hash(what) ^ inject("sampleSeed"));
  const left = all.map((_, i) => i);
  const drawn = Array.from({ length: size }, () => left.splice(draw() % left.length, 1)[0] ?? 0);
  return drawn.toSorted((a, b) => a - b).map((i) => all[i] as T);
}

/** How large a case is made of which the size is free. */
export function sized(what: string, few: number, many: number): number {
  const size = amountOf({ few, many }, many);
  if (size < many) console.log(`${SAMPLED}${size} of ${many} ${what}`);
  return size;
}

/** Prints what was tried, when that is everything. */
export function tell(what: string): void {
  if (inject("sample") === "all") console.log(what);
}

function amountOf({ few, many = Infinity }: Amounts, all: number): number {
  return Math.min(all, { few, many, all: Infinity }[inject("sample")]);
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return value >>> 0;
}
