/** Draws a sample of what could be tried, since all of it is too much for every run; TEST_SEED fixes the sample. */
import { env } from "cloudflare:workers";
import { random } from "./images.ts";

const isWhole = env.TEST_FAULTS === "all";
const draw = random(Number(env.TEST_SEED || crypto.getRandomValues(new Uint32Array(1))[0]));

/** Returns a sample of that size, or all when TEST_FAULTS is "all". */
export function sample<T>(all: readonly T[], size: number): T[] {
  if (isWhole) return [...all];
  const left = [...all];
  return Array.from({ length: Math.min(size, all.length) }, () => {
    return left.splice(draw() % left.length, 1)[0] as T;
  });
}

/** Prints what was tried, when that is everything. */
export function tell(what: string): void {
  if (isWhole) console.log(what);
}
