/** Says at the start how long the tests take, and at the end what was drawn of them. */
import type { ProvidedContext, UserConsoleLog } from "vitest";
import type { Reporter, TestSpecification } from "vitest/node";
import { SAMPLED } from "./sampled.ts";

/** Of fewer files nobody wants to be told. */
const MANY_FILES = 100;
/** Of the whole suite, on two cores. */
const MINUTES: Readonly<Record<ProvidedContext["sample"], string>> = {
  few: "about 5 minutes; 15 where a core is slow",
  many: "about 10 minutes; 27 where a core is slow",
  all: "hours",
};

export class SampleReporter implements Reporter {
  readonly #sample: ProvidedContext["sample"];
  readonly #seed: number;
  /** By what they are cases of: how many were tried, and of how many. */
  readonly #drawn = new Map<string, { tried: number; all: number }>();
  readonly #lines = new Set<string>();

  constructor({ sample, sampleSeed }: ProvidedContext) {
    this.#sample = sample;
    this.#seed = sampleSeed;
  }

  onTestRunStart(files: readonly TestSpecification[]): void {
    if (files.length < MANY_FILES) return;
    console.log(`${files.length} files, on two cores: ${MINUTES[this.#sample]}.`);
  }

  onUserConsoleLog({ content }: UserConsoleLog): void {
    for (const line of content.split("\n")) {
      if (line.startsWith(SAMPLED)) this.#add(line.slice(SAMPLED.length));
    }
  }

  #add(line: string): void {
    // What draws in a loop says it each time.
    if (this.#lines.has(line)) return;
    this.#lines.add(line);
    const [, tried, all, what = ""] = /^(\d+) of (\d+) ([^:]*)/.exec(line) ?? [];
    const before = this.#drawn.get(what) ?? { tried: 0, all: 0 };
    this.#drawn.set(what, { tried: before.tried + Number(tried), all: before.all + Number(all) });
  }

  onTestRunEnd(): void {
    if (this.#drawn.size === 0) return;
    const lines = [...this.#drawn].map(([what, { tried, all }]) => `  ${tried} of ${all} ${what}`);
    const more = this.#sample === "few" ? "npm run test:all" : "TEST_SAMPLE=all";
    const repeat = `TEST_SAMPLE=${this.#sample} TEST_SEED=${this.#seed} draws the same; ${more} tries more`;
    console.log(["Drawn, not tried whole:", ...lines.toSorted(), `${repeat}.`].join("\n"));
  }
}
