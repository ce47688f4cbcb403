/** The scan policy: which images may not be pulled, and what of it a pull costs. */
import { env } from "cloudflare:workers";
import { beforeEach, expect, test, vi } from "vitest";
import { RegistryClient } from "../support/client.ts";
import { index, type Manifest } from "../support/images.ts";
import { turn } from "../support/jobs.ts";
import { api, done, makeNamespace, type Person, refused } from "../support/management.ts";
import { newIsolate } from "../registry/isolates.ts";
import { age, alpine, layer, ListMatcher, pushImage, scanAll, scanJob } from "./images.ts";

const MUSL = { id: "CVE-2099-1", severity: "high", package: "musl", fixed: "1.2.5-r0" } as const;
const HIGH = { severity: "high" };

let name: string;
let namespace: string;
let owner: Person;
let client: RegistryClient;
let image: Manifest;
let matcher: ListMatcher;

beforeEach(async () => {
  ({ namespace, owner } = await makeNamespace());
  name = `${namespace}/app`;
  client = new RegistryClient({ repository: name, authorization: owner.authorization });
  await turn(scanJob());
  image = await pushImage(client, [layer(alpine({ musl: "1.2.4-r2" }))]);
  matcher = new ListMatcher([MUSL]);
});

const scan = () => scanAll(scanJob(matcher));
const set = (policy: object) => done("PUT", `/repositories/${name}/-/scan-policy`, policy);
const exceptions = (rest = "") => `/namespaces/${namespace}/vulnerability-exceptions${rest}`;

async function pulled(reference = "latest"): Promise<number> {
  return (await client.get(`manifests/${reference}`)).status;
}

test("an image with a vulnerability at or above the severity is refused with the reason, by tag and digest", async () => {
  await scan();
  expect(await pulled()).toBe(200);
  await set(HIGH);
  const answer = await client.get("manifests/latest");
  expect(answer.status).toBe(403);
  expect(await answer.json()).toEqual({
    errors: [
      {
        code: "DENIED",
        message:
          `the scan policy of ${name} refuses it: the image has 1 vulnerability of severity high or above: ` +
          `CVE-2099-1 (high) in musl 1.2.4-r2, fixed in 1.2.5-r0; see slipway vulnerabilities ${name}@${image.digest}`,
        detail: { digest: image.digest },
      },
    ],
  });
  expect((await client.head("manifests/latest")).status).toBe(200);
  await set({ severity: "critical" });
  expect(await pulled()).toBe(200);
});

test.each([
  ["fixes only", { ...HIGH, fixableOnly: true }, 403],
  ["a grace time", { ...HIGH, graceHours: 1 }, 200],
  ["all switches off", {}, 200],
])("with %s the image's pull is answered as it says", async (_, policy, status) => {
  await scan();
  await set(policy);
  expect(await pulled()).toBe(status);
});

test("an image that is not scanned is refused only where the policy says so; one whose scan runs keeps its last result", async () => {
  await set({ ...HIGH, unscanned: true });
  expect(await pulled()).toBe(403);
  matcher.known = [];
  await scan();
  expect(await pulled()).toBe(200);
  await age();
  expect(await pulled()).toBe(200);
});

test("an image that cannot be scanned is refused only where the policy says so", async () => {
  const empty = await pushImage(client, [layer({ "hello.txt": "hello" })], "empty");
  await scan();
  await set({ ...HIGH, unscanned: true });
  expect(await pulled("empty")).toBe(200);
  await set({ unscannable: true });
  expect(await pulled("empty")).toBe(403);
  expect(await pulled()).toBe(200);
  expect((await client.head(`manifests/${empty.digest}`)).status).toBe(200);
});

test("the namespace's policy holds in repositories without one of their own", async () => {
  await scan();
  await done("PUT", `/namespaces/${namespace}/scan-policy`, HIGH);
  expect(await pulled()).toBe(403);
  expect(await done("GET", `/repositories/${name}/-/scan-policy`)).toMatchObject({
    of: "namespace",
  });
  await set({});
  expect(await pulled()).toBe(200);
  await api("DELETE", `/repositories/${name}/-/scan-policy`);
  expect(await pulled()).toBe(403);
  await api("DELETE", `/namespaces/${namespace}/scan-policy`);
  expect(await pulled()).toBe(200);
});

test("an index is served, and the image that it names is refused", async () => {
  const list = await client.pushManifest(index([image]), "list");
  await scan();
  await set(HIGH);
  expect(await pulled("list")).toBe(200);
  expect(await pulled(list.digest)).toBe(200);
  expect(await pulled(image.digest)).toBe(403);
});

test("an exempt account pulls, which the audit log tells; others do not", async () => {
  await scan();
  await set({ ...HIGH, exempt: [owner.name] });
  expect(await pulled()).toBe(200);
  expect(
    (await client.as(`Basic ${btoa(`admin:${env.ADMIN_PASSWORD}`)}`).get("manifests/latest"))
      .status,
  ).toBe(403);
  await vi.waitFor(async () => {
    const { items } = await done<{ items: object[] }>(
      "GET",
      `/audit?repository=${name}&action=policy.exempt`,
    );
    expect(items).toMatchObject([
      { actor: owner.name, digest: image.digest, detail: "vulnerable" },
    ]);
  });
});

test("an accepted vulnerability is shown as accepted and keeps no image from being pulled, until it is taken back", async () => {
  await scan();
  await set(HIGH);
  const given = { vulnerability: "CVE-2099-1", package: "musl", reason: "not reachable" };
  const made = await done<{ id: string }>("POST", exceptions(), given, { as: owner.authorization });
  await scan();
  expect(await pulled()).toBe(200);
  const found = await done<{ items: object[] }>(
    "GET",
    `/repositories/${name}/-/manifests/${image.digest}/vulnerabilities`,
  );
  expect(found.items).toMatchObject([
    { id: "CVE-2099-1", status: "accepted", reason: "not reachable", author: owner.name },
  ]);
  expect(await done("GET", exceptions())).toMatchObject({ items: [{ id: made.id, ...given }] });
  expect((await api("DELETE", exceptions(`/${made.id}`))).status).toBe(204);
  await scan();
  expect(await pulled()).toBe(403);
});

test.each([
  ["a repository of another namespace", { repository: "other/app" }],
  ["a digest without a repository", { digest: `sha256:${"a".repeat(64)}` }],
  ["an end that is past", { expiresAt: "2020-01-01T00:00:00Z" }],
])("an exception with %s is refused", async (_, more) => {
  const given = { vulnerability: "CVE-2099-1", reason: "x", ...more };
  expect(await refused("POST", exceptions(), given)).toEqual({
    status: 400,
    code: "FIELD_INVALID",
  });
});

test("a pull asks the database as often with a policy as without one", async () => {
  await scan();
  const before = await costs();
  await set({ severity: "critical", unscanned: true, unscannable: true });
  expect(await costs()).toEqual(before);
});

async function costs() {
  const { counter, client: puller } = await newIsolate({ repository: name });
  const calls = [];
  for (const reference of ["latest", "latest", image.digest]) {
    const made = await counter.during(async () => {
      const answer = await puller.get(`manifests/${reference}`);
      expect(answer.status).toBe(200);
      await answer.arrayBuffer();
    });
    calls.push([made.d1Queries, made.d1Batches]);
  }
  return calls;
}
