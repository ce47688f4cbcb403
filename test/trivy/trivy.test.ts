/**
 * Slipway beside a real Trivy: the packages of the same images, and their findings by the same advisories.
 * What differs on purpose is in differences.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Finding } from "../../src/scan/match/finding.ts";
import type { OsvRecord } from "../../src/scan/match/osv/record.ts";
import { matchByOsv } from "../../src/scan/match/osv/client.ts";
import { matchByTrivy } from "../../src/scan/match/trivy/client.ts";
import { isSystem } from "../../src/scan/match/purl.ts";
import { readSbom } from "../../src/scan/sbom/read.ts";
import { OF_FINDINGS, OF_LISTS, OF_SBOMS, OF_SERVERS, unexplained } from "./differences.ts";
import type { Image } from "./image.ts";
import { openOsv, type OsvServer } from "./osv.ts";
import { openTrivyServer, TOKEN, type TrivyServer } from "./server.ts";
import { listed, matchesOf } from "./slipway.ts";
import { openSuite, type Subject } from "./suite.ts";
import { type Listed, type Match, matchesOf as matchesOfReport, packagesOf } from "./trivy.ts";

const { trivy, advisories, startCpuSeconds, subjects, close } = await openSuite();
const NAMES = subjects.map(({ name }) => name);
const used = new Set<string>();
let trivyServer: TrivyServer;
let osv: OsvServer;

beforeAll(async () => {
  osv = await openOsv(advisories);
  trivyServer = await openTrivyServer(trivy);
});

afterAll(async () => {
  osv.close();
  await trivyServer.stop();
  printTable();
  for (const why of used) console.log(`accepted: ${why}`);
  await close();
});

function subjectOf(name: string): Subject {
  const found = subjects.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no image ${name}`);
  return found;
}

function listLine(name: string, one: Listed): string {
  const { type, source, path, layer } = one;
  return `${name}: ${type} ${one.name} ${one.version} ${source}${path} of layer ${layer}`;
}

function matchLine(name: string, { type, version, id, fixed, ...one }: Match): string {
  return `${name}: ${type} ${one.name} ${version} ${id} fixed in ${fixed || "none"}`;
}

function keyOf({ type, name, version }: Listed | Match): string {
  return `${type} ${name} ${version}`;
}

function keysOf(list: readonly Listed[]): ReadonlySet<string> {
  return new Set(list.map(keyOf));
}

describe.each(NAMES)("%s", (name) => {
  const { image, slipway, report, sbom } = subjectOf(name);

  test("has the same packages", () => {
    expect(slipway.problems).toEqual([]);
    const lines = {
      Slipway: listed(slipway, image).map((one) => listLine(name, one)),
      Trivy: packagesOf(report, image).map((one) => listLine(name, one)),
    };
    expect(lines.Slipway).not.toEqual([]);
    expect(unexplained(OF_LISTS, lines, used)).toEqual([]);
  });

  test("has the same packages in Trivy's CycloneDX", () => {
    const read = readSbom(sbom);
    const none = ["The SBOM names no package that can be matched."];
    const problems = read.problems.filter((problem) => !problem.includes("without a version"));
    expect(problems).toEqual(read.packages.length === 0 ? none : []);
    const lines = {
      Slipway: read.packages.map((one) => {
        const { name: source, version } = one.source ?? one;
        const ofSource = isSystem(one.type) ? `${source} ${version}` : "";
        return `${name}: ${one.type} ${one.name} ${one.version} ${ofSource}`;
      }),
      Trivy: packagesOf(report, image).map((one) => {
        return `${name}: ${one.type} ${one.name} ${one.version} ${one.source}`;
      }),
    };
    expect(unexplained(OF_SBOMS, lines, used)).toEqual([]);
  });

  test("has the same findings by a Trivy server", async () => {
    const findings = await matchedByServer(name);
    // What one list alone has was compared before.
    const ours = keysOf(listed(slipway, image));
    const theirs = keysOf(packagesOf(report, image));
    const linesOf = (matches: readonly Match[]) =>
      matches
        .filter((one) => ours.has(keyOf(one)) && theirs.has(keyOf(one)))
        .map((one) => `${matchLine(name, one)}, ${one.severity}`);
    const lines = {
      Slipway: linesOf(matchesOf(findings)),
      Trivy: linesOf(matchesOfReport(report)),
    };
    expect(unexplained(OF_SERVERS, lines, used)).toEqual([]);
    // Trivy may not list anything of an image that it does not know.
    expect(lines.Slipway.length > 0).toBe(theirs.size > 0);
  });

  test("has the same findings by OSV", async () => {
    const records = new Map<string, OsvRecord | null>();
    const findings = await matchByOsv(slipway.packages, slipway.distribution, {
      ...transport,
      baseUrl: osv.url,
      maxRequests: 1_000_000,
      store: {
        get: () => Promise.resolve(records),
        put: (all) => {
          for (const { id, record } of all) records.set(id, record);
          return Promise.resolve();
        },
      },
    });
    const lines = {
      Slipway: matchesOf(findings ?? []).map((one) => matchLine(name, one)),
      Trivy: matchesOf(await matchedByServer(name)).map((one) => matchLine(name, one)),
    };
    expect(lines.Slipway).not.toEqual([]);
    expect(unexplained(OF_FINDINGS, lines, used)).toEqual([]);
  });
});

function matchedByServer(name: string): Promise<readonly Finding[]> {
  return matchByTrivy(
    { target: name, listId: `list-of-${name}`, ...subjectOf(name).slipway },
    { ...transport, baseUrl: trivyServer.url, token: TOKEN },
  );
}

const transport = {
  fetch: (url: string, init: RequestInit) => fetch(url, init),
  wait: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
};

const LARGE_BYTES = 1e8;

/** Trivy's start is left out: a server starts once. */
function printTable(): void {
  const header = "image             packages  unpacked MB  Slipway CPU s  Trivy CPU s";
  const lines = subjects.map(({ name, image, slipway, trivyCpuSeconds }) => {
    return [
      name.padEnd(16),
      `${slipway.packages.length}`.padStart(9),
      (unpackedBytes(image) / 1e6).toFixed(1).padStart(12),
      slipway.cpuSeconds.toFixed(2).padStart(14),
      Math.max(0, trivyCpuSeconds - startCpuSeconds)
        .toFixed(2)
        .padStart(12),
    ].join(" ");
  });
  const large = subjects.filter(({ image }) => unpackedBytes(image) > LARGE_BYTES);
  const perGigabyte = large.map(({ name, image, slipway, trivyCpuSeconds }) => {
    const gigabytes = unpackedBytes(image) / 1e9;
    const ours = (slipway.cpuSeconds / gigabytes).toFixed(1);
    const theirs = ((trivyCpuSeconds - startCpuSeconds) / gigabytes).toFixed(1);
    return `CPU a GB of ${name}: Slipway ${ours} s, Trivy ${theirs} s`;
  });
  const start = `Trivy's start, which is left out: ${startCpuSeconds.toFixed(1)} s`;
  console.log([header, ...lines, ...perGigabyte, start].join("\n"));
}

function unpackedBytes({ layers }: Image): number {
  return layers.reduce((sum, layer) => sum + layer.unpackedBytes, 0);
}
