/** Scans after a recovery: policies and exceptions come back, and images are scanned again. */
import { beforeEach, expect, test } from "vitest";
import { alpine, layer, ListMatcher, pushImage, scanAll, scanJob } from "../scan/images.ts";
import { RegistryClient } from "../support/client.ts";
import { turn } from "../support/jobs.ts";
import { done, makeNamespace } from "../support/management.ts";
import {
  emptyBucket,
  exportAll,
  exportChanges,
  importAll,
  loseDatabase,
} from "../support/recovery.ts";

const MUSL = { id: "CVE-2099-1", severity: "high", package: "musl" } as const;
const ZLIB = { id: "CVE-2099-2", severity: "high", package: "zlib" } as const;

beforeEach(async () => {
  await loseDatabase();
  await emptyBucket();
});

test.each([
  ["a full export", exportAll],
  ["what changed", exportChanges],
])("what %s brings back is scanned, and judged as before", async (_, write) => {
  const { namespace } = await makeNamespace();
  const client = new RegistryClient({ repository: `${namespace}/app` });
  await turn(scanJob());
  const accepted = await pushImage(client, [layer(alpine({ musl: "1" }))], "accepted");
  const refused = await pushImage(client, [layer(alpine({ zlib: "1" }))], "refused");
  await done("PUT", `/namespaces/${namespace}/scan-policy`, { severity: "high" });
  await done("POST", `/namespaces/${namespace}/vulnerability-exceptions`, {
    vulnerability: MUSL.id,
    reason: "not reachable",
  });
  await write();
  await loseDatabase();
  // The cron runs before the import, and while it goes on.
  const job = scanJob(new ListMatcher([MUSL, ZLIB]));
  await scanAll(job);
  await importAll();
  await scanAll(job);
  const list = await done<{ items: object[] }>(
    "GET",
    `/namespaces/${namespace}/vulnerability-exceptions`,
  );
  expect(list.items).toMatchObject([{ vulnerability: MUSL.id, reason: "not reachable" }]);
  expect((await client.get(`manifests/${accepted.digest}`)).status).toBe(200);
  expect((await client.get(`manifests/${refused.digest}`)).status).toBe(403);
});
