/** zot's own load generator, against every registry. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attempt } from "../../test/e2e/shell.ts";
import type { Result } from "./measure.ts";
import type { Size } from "./size.ts";
import type { Missing, Registry, Subjects } from "./subjects.ts";
import { newSecret } from "./tokens.ts";

const CONCURRENCY = 2;

export async function zbResults(
  { registries }: Subjects,
  size: Size,
  zb: string,
): Promise<readonly Result[]> {
  const rates = new Map<string, Map<string, number[]>>();
  const failures = new Map<string, Missing>();
  const unable = new Map<string, Missing>();
  for (let round = 0; round < size.zb.rounds; round++) {
    for (const registry of registries) {
      if (unable.has(registry.name)) continue;
      await registry.renew();
      const output = await runZb(registry, size, zb);
      const measured = readOutput(output);
      if (measured.length === 0) {
        unable.set(registry.name, { subject: registry.name, reason: `zb: ${whyNot(output)}` });
      }
      for (const { test, rate, failed } of measured) {
        console.log(`zb ${round + 1}/${size.zb.rounds} ${registry.name}, ${test}: ${rate}/s`);
        const reason = `zb: ${failed} requests failed`;
        if (failed > 0)
          failures.set(`${test} ${registry.name}`, { subject: registry.name, reason });
        const ofTest = rates.get(test) ?? new Map<string, number[]>();
        rates.set(test, ofTest.set(registry.name, [...(ofTest.get(registry.name) ?? []), rate]));
      }
    }
  }
  return [...rates].map(([test, ofTest]) => {
    const bad = registries.flatMap(
      ({ name }) => unable.get(name) ?? failures.get(`${test} ${name}`) ?? [],
    );
    const good = [...ofTest].filter(([name]) => bad.every(({ subject }) => subject !== name));
    return {
      name: `zb ${test}`,
      title: `zb: ${test}`,
      unit: "requests/s",
      work: "1000 requests",
      targets: [],
      plotted: false,
      missing: bad,
      series: good.map(([name, values]) => {
        const samples = values.map((value) => ({ value, cpu: Number.NaN }));
        return { name, note: null, samples };
      }),
    };
  });
}

/** Runs zb, which knows only Basic authentication; a secret is the password, as in CI. */
async function runZb(registry: Registry, { zb: { requests, tests } }: Size, zb: string) {
  const { credentials, url } = registry;
  const secret = credentials === null ? null : await newSecret(registry, credentials);
  const as = secret === null ? [] : ["-A", `admin:${secret}`];
  const work = await mkdtemp(join(tmpdir(), "slipway-bench-zb-"));
  try {
    const counts = ["-c", String(CONCURRENCY), "-n", String(requests)];
    const options = [...counts, "-t", tests, "-r", "bench", "-d", work, "--skip-cleanup"];
    // zb exits with 1 when a request failed, and prints which.
    return (await attempt([zb, ...as, ...options, url], { timeout: 300 })).output;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Reads the tests that it finished: none, where the registry did not answer as zot does. */
function readOutput(output: string) {
  const parts = output.split(/^Test name:\s*/m).slice(1);
  return parts.map((part) => ({
    test: part.slice(0, part.indexOf("\n")).trim(),
    rate: Number(/^Requests per second:\s*([\d.e+-]+)/m.exec(part)?.[1]),
    failed: Number(/^Failed requests:\s*(\d+)/m.exec(part)?.[1]),
  }));
}

function whyNot(output: string): string {
  // Its source shows that it uses only the path of an address that a registry gives it.
  if (output.includes("BLOB_UPLOAD_INVALID")) return "it drops the query of an upload's address";
  const line = output.split("\n").find((one) => one.includes("Expected"));
  return (line ?? output.slice(-100)).replaceAll(/\s+/g, " ").slice(0, 160);
}
