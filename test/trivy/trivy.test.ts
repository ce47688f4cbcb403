/**
 * Slipway beside a real Trivy: the packages of the same images, and their findings by the same advisories.
 * What differs on purpose is in differences.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { matchByOsv } from "../../src/scan/match/osv/client.ts";
import { matchByTrivy } from "../../src/scan/match/trivy/client.ts";
import { readSbom } from "../../src/scan/sbom/read.ts";
import { OF_FINDINGS, OF_LISTS, unexplained } from "./differences.ts";
import { openOsv, type OsvServer } from "./osv.ts";
import { openTrivyServer, TOKEN, type TrivyServer } from "./server.ts";
import { listed, matchesOf } from "./slipway.ts";
import { openSuite, type Subject } from "./suite.ts";
import { type Listed, type Match, matchesOf as matchesOfReport, packagesOf } from "./trivy.ts";

const { work, trivy, advisories, subjects, close } = await openSuite();
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

describe.each(NAMES)("%s", (name) => {
  const { image, slipway, report, sbom } = subjectOf(name);

  test("has the same packages", () => {
    expect(slipway.problems.filter((problem) => !problem.includes("broken"))).toEqual([]);
    const lines = {
      Slipway: listed(slipway, image).map((one) => listLine(name, one)),
      Trivy: packagesOf(report, image).map((one) => listLine(name, one)),
    };
    expect(lines.Slipway).not.toEqual([]);
    expect(unexplained(OF_LISTS, lines, used)).toEqual([]);
  });

  test("has the same packages in Trivy's CycloneDX", () => {
    const read = readSbom(sbom);
    expect(read.problems).toEqual([]);
    const line = (one: { type: string; name: string; version: string }, source: string) =>
      `${one.type} ${one.name} ${one.version} ${source}`.trim();
    const ours = read.packages.map((one) => {
      const isSystem = ["apk", "deb", "rpm"].includes(one.type);
      const { name: of, version } = one.source ?? one;
      return line(one, isSystem ? `${of} ${version}` : "");
    });
    const theirs = packagesOf(report, image).map((one) => line(one, one.source));
    expect([...new Set(ours)].toSorted()).toEqual([...new Set(theirs)].toSorted());
  });

  test("has the same findings by a Trivy server", async () => {
    const findings = await matchByTrivy(
      { target: name, listId: `list-of-${name}`, ...slipway },
      { ...transport, baseUrl: trivyServer.url, token: TOKEN },
    );
    const ours = matchesOf(findings);
    const theirs = matchesOfReport(report);
    // What one list alone has was compared before.
    const key = (one: { type: string; name: string; version: string }) =>
      `${one.type} ${one.name} ${one.version}`;
    const inOurs = new Set(listed(slipway, image).map(key));
    const inTheirs = new Set(packagesOf(report, image).map(key));
    const isCommon = (one: Match) => inOurs.has(key(one)) && inTheirs.has(key(one));
    const line = (one: Match) => `${matchLine(name, one)}, ${one.severity}`;
    const common = ours.filter(isCommon).map(line);
    expect([...new Set(common)].toSorted()).toEqual(
      [...new Set(theirs.filter(isCommon).map(line))].toSorted(),
    );
  });

  test("has the same findings by OSV", async () => {
    const records = new Map<string, unknown>();
    const findings = await matchByOsv(slipway.packages, slipway.distribution, {
      ...transport,
      baseUrl: osv.url,
      maxRequests: 1_000_000,
      store: {
        get: ({ id }) => Promise.resolve(records.get(id) ?? null),
        put: ({ id }, record) => Promise.resolve(void records.set(id, record)),
      },
    });
    const lines = {
      Slipway: matchesOf(findings ?? []).map((one) => matchLine(name, one)),
      Trivy: matchesOf(
        await matchByTrivy(
          { target: name, listId: `list-of-${name}`, ...slipway },
          { ...transport, baseUrl: trivyServer.url, token: TOKEN },
        ),
      ).map((one) => matchLine(name, one)),
    };
    expect(lines.Slipway).not.toEqual([]);
    expect(unexplained(OF_FINDINGS, lines, used)).toEqual([]);
  });
});

const transport = {
  fetch: (url: string, init: RequestInit) => fetch(url, init),
  wait: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
};

function printTable(): void {
  const header = "image             packages  unpacked MB  Slipway CPU s  Trivy CPU s";
  const lines = subjects.map(({ name, image, slipway, trivyCpuSeconds }) => {
    const bytes = image.layers.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0);
    return [
      name.padEnd(16),
      `${slipway.packages.length}`.padStart(9),
      (bytes / 1e6).toFixed(1).padStart(12),
      slipway.cpuSeconds.toFixed(2).padStart(14),
      trivyCpuSeconds.toFixed(2).padStart(12),
    ].join(" ");
  });
  console.log([header, ...lines].join("\n"));
}
