/** Copies over a bad line: each comes through whole, or says that it did not. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test, vi } from "vitest";
import { type Server, startServer } from "../../../scripts/server.ts";
import { copyOnce } from "../../../src/cli/copy/run.ts";
import { Connections } from "../../../src/cli/image/connections.ts";
import { parseImage, parseRegistryImage } from "../../../src/cli/image/reference.ts";
import type { Progress } from "../../../src/cli/upload/progress.ts";
import { startEdge } from "../../support/edge.ts";
import { type Head, seededFaults } from "../../support/edge-faults.ts";
import { image, indexOf, partsOf, writeLayout } from "./layouts.ts";

const RUNS = { few: 2, many: 6, all: 500 }[inject("sample")];
const QUIET: Progress = {
  begin: () => ({ at: () => {}, resumed: () => {}, done: () => {}, failed: () => {} }),
  end: () => {},
};
let server: Server;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-faults-"));
  vi.stubEnv("HOME", folder);
  vi.stubEnv("XDG_CONFIG_HOME", folder);
  vi.stubEnv("XDG_CACHE_HOME", folder);
  server = await startServer({ env: { MAX_REQUEST_BODY_MB: "1" } });
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** All requests of a copy but logins, which the registry limits by itself. */
function isOfCopy({ path }: Head): boolean {
  return path.startsWith("/v2/");
}

test.each(Array.from({ length: RUNS }, (_, run) => inject("sampleSeed") + run))(
  "faults of seed %i: an image of two platforms is copied whole, and again from there",
  async (seed) => {
    const images = { amd64: image([3_000_000, 400_000]), arm64: image([2_000_000], "arm64") };
    const root = indexOf(images);
    const layout = join(folder, String(seed));
    const { amd64, arm64 } = images;
    const others = [amd64.manifest, arm64.manifest, ...partsOf(amd64, arm64)];
    await writeLayout(layout, [{ manifest: root, name: "v1" }], others);
    const faults = seededFaults({ seed, percent: 20, among: isOfCopy });
    const edge = await startEdge({ upstream: server.url, limitBytes: 1_000_000, faults });
    const given = { user: "admin", password: server.password };
    const connections = new Connections(new Map([[edge.url, given]]));
    const once = {
      connections,
      platforms: [],
      parallel: 3,
      progress: QUIET,
      referrers: false,
      signal: new AbortController().signal,
    };
    const remote = parseRegistryImage(`127.0.0.1:${edge.port}/acme/f${seed}:v1`);
    const elsewhere = { ...remote, repository: `acme/g${seed}` };
    try {
      const pushed = await copyOnce(parseImage(`oci:${layout}:v1`), remote, once);
      expect(pushed.digest).toBe(root.digest);
      await copyOnce(remote, elsewhere, once);
      const back = `${layout}-back`;
      await copyOnce(elsewhere, { kind: "oci", path: back, name: "v1", digest: null }, once);
      // Reading the layout compares each digest.
      const again = parseImage(`oci:${back}:v1`);
      const check = { kind: "oci", path: `${back}-2`, name: "v1", digest: null } as const;
      expect(await copyOnce(again, check, once)).toMatchObject({
        digest: root.digest,
        blobs: { sent: 5 },
      });
      expect(edge.faulted).toBeGreaterThan(0);
    } finally {
      await connections.close();
      await edge.stop();
    }
  },
);
