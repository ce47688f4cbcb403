/** Pushes, results, policies, exceptions and pulls in every order, on isolates that remember what they read. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Isolate, newIsolate } from "../registry/isolates.ts";
import { RegistryClient } from "../support/client.ts";
import { imageManifest, index, type Manifest, text } from "../support/images.ts";
import { turn } from "../support/jobs.ts";
import { api, done, makeNamespace, refused } from "../support/management.ts";
import { wrapEnv } from "../support/wrapped-env.ts";
import {
  age,
  alpine,
  layer,
  ListMatcher,
  npm,
  pushImage,
  scanAll,
  scanJob,
  scanJobOf,
} from "./images.ts";

const MUSL = { id: "CVE-2099-1", severity: "high", package: "musl" } as const;
const HIGH = { severity: "high" };

let name: string;
let namespace: string;
let client: RegistryClient;
let image: Manifest;
let list: Manifest;
let matcher: ListMatcher;

beforeEach(async () => {
  const made = await makeNamespace();
  namespace = made.namespace;
  name = `${namespace}/app`;
  client = new RegistryClient({ repository: name, authorization: made.owner.authorization });
  await turn(scanJob());
  image = await pushImage(client, [layer(alpine({ musl: "1.2.4-r2" }))]);
  list = await client.pushManifest(index([image]), "list");
  matcher = new ListMatcher([MUSL]);
});

afterEach(() => {
  vi.useRealTimers();
});

const scan = () => scanAll(scanJob(matcher));
const set = (policy: object) => done("PUT", `/repositories/${name}/-/scan-policy`, policy);
const exceptions = (rest = "") => `/namespaces/${namespace}/vulnerability-exceptions${rest}`;
const accept = () =>
  done<{ id: string }>("POST", exceptions(), { vulnerability: MUSL.id, reason: "x" });

/** What a pull is answered in each way that there is. */
async function statuses(puller: RegistryClient): Promise<Record<string, number>> {
  const get = async (reference: string, headers: Record<string, string> = {}) => {
    const answer = await puller.request("GET", `manifests/${reference}`, { headers });
    await answer.arrayBuffer();
    return answer.status;
  };
  return {
    tag: await get("latest"),
    digest: await get(image.digest),
    known: await get(image.digest, { "if-none-match": `"${image.digest}"` }),
    range: await get(image.digest, { range: "bytes=0-9" }),
  };
}

const SERVED = { tag: 200, digest: 200, known: 304, range: 200 };
const REFUSED = { tag: 403, digest: 403, known: 403, range: 403 };

/** Isolates that know the image from a tag, from its digest, from its index, and from the edge. */
async function warm(): Promise<Isolate[]> {
  const isolates: Isolate[] = [];
  for (const reference of ["latest", image.digest, list.digest, "list", image.digest]) {
    const isolate = await newIsolate({ repository: name });
    await (await isolate.client.get(`manifests/${reference}`)).arrayBuffer();
    await isolate.counter.settled();
    isolates.push(isolate);
  }
  return isolates;
}

/** A minute later all isolates answer so, those too that begin then. */
async function expectAll(isolates: readonly Isolate[], expected: object): Promise<void> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_001 });
  const fresh = await newIsolate({ repository: name });
  for (const { client: puller } of [...isolates, fresh]) {
    expect(await statuses(puller)).toEqual(expected);
  }
}

describe("a minute later", () => {
  test("a result holds wherever the image was known before as clean", async () => {
    matcher.known = [];
    await scan();
    await set(HIGH);
    const isolates = await warm();
    matcher.known = [MUSL];
    await age();
    await scan();
    await expectAll(isolates, REFUSED);
  });

  test("a result of the first scan holds, and the last one while another runs or fails", async () => {
    await set(HIGH);
    const isolates = await warm();
    await scan();
    await expectAll(isolates, REFUSED);
    await age();
    await scanAll(
      scanJobOf(env, [
        {
          name: "list",
          dataVersion: matcher.dataVersion,
          match: () => Promise.reject(new Error("no answer")),
        },
      ]),
    );
    await expectAll(isolates, REFUSED);
    matcher.known = [];
    await age();
    await scan();
    await expectAll(isolates, SERVED);
  });

  test.each([
    ["the repository's", () => set(HIGH), () => set({})],
    [
      "the namespace's",
      () => done("PUT", `/namespaces/${namespace}/scan-policy`, HIGH),
      () => api("DELETE", `/namespaces/${namespace}/scan-policy`),
    ],
  ])("a policy of %s holds, and no longer when it has gone", async (_, begin, end) => {
    await scan();
    let isolates = await warm();
    await begin();
    await expectAll(isolates, REFUSED);
    isolates = await warm();
    await end();
    await expectAll(isolates, SERVED);
  });

  test("an exception holds once its scan has run, and no longer when it is taken back", async () => {
    await set(HIGH);
    await scan();
    const isolates = await warm();
    const { id } = await accept();
    await scan();
    await expectAll(isolates, SERVED);
    expect((await api("DELETE", exceptions(`/${id}`))).status).toBe(204);
    await scan();
    await expectAll(isolates, REFUSED);
  });

  test("an image that comes back from the trash is what it was", async () => {
    await set(HIGH);
    await scan();
    await done("DELETE", `/repositories/${name}`);
    await done("POST", `/repositories/${name}/-/restore`, { repository: "newest" });
    await expectAll([], REFUSED);
  });
});

test("an exception that is taken back while a scan runs does not stay in its result", async () => {
  await set(HIGH);
  await scan();
  const { id } = await accept();
  let isTaken = false;
  const bindings = wrapEnv(env, {
    d1: async ({ statements }, next) => {
      const answer = await next();
      // The scan has read the exceptions, and has yet to store its result.
      if (!isTaken && statements.some(({ text: sql }) => sql.includes("INDEXED BY scan_exc"))) {
        isTaken = true;
        expect((await api("DELETE", exceptions(`/${id}`))).status).toBe(204);
      }
      return answer;
    },
  });
  await scanAll(scanJobOf(bindings, [matcher]));
  expect(isTaken).toBe(true);
  await expectAll([], REFUSED);
});

test("of two turns at once the one that began first stores nothing that lasts", async () => {
  await set(HIGH);
  matcher.known = [];
  let overtake = true;
  const late = {
    name: "list",
    dataVersion: matcher.dataVersion,
    match: async () => {
      if (overtake) {
        overtake = false;
        await env.DB.prepare("UPDATE jobs SET lease_until = 0 WHERE name = 'scan'").run();
        matcher.known = [MUSL];
        await age();
        await scan();
      }
      return [];
    },
  };
  await turn(scanJobOf(env, [late]));
  await scan();
  await expectAll([], REFUSED);
});

test("an image that calls itself an SBOM is refused all the same", async () => {
  const config = await client.pushBlob(text('{"architecture":"amd64","os":"linux"}'));
  const musl = await client.pushBlob(layer(alpine({ musl: "1.2.4-r2" })));
  const fields = { artifactType: "application/spdx+json" };
  image = await client.pushManifest(imageManifest({ config, layers: [musl], fields }), "latest");
  await scan();
  await set(HIGH);
  await expectAll([], REFUSED);
});

test("an image with more findings than are kept is refused for the worst, and lists them first", async () => {
  const names = Array.from({ length: 10_500 }, (_, i) => `p${i}`);
  const files = Object.assign({}, ...names.map((one) => npm(one, "1.0.0"))) as Record<
    string,
    string
  >;
  image = await pushImage(client, [layer(files)]);
  const all = new ListMatcher([], "all");
  const worst = names.at(-1);
  const matching = {
    name: "all",
    dataVersion: all.dataVersion,
    match: ({ packages }: Parameters<typeof all.match>[0]) =>
      Promise.resolve(
        packages.map((pkg, i) => ({
          id: `CVE-2099-${i}`,
          // What a scanner may say of each: too much to be stored of all.
          aliases: Array.from({ length: 60 }, (__, n) => `X-${i}-${n}`),
          package: pkg,
          fixedVersion: null,
          severity: pkg.name === worst ? ("critical" as const) : ("low" as const),
          severitySource: null,
          url: "https://example.test/",
          summary: crypto.randomUUID(),
        })),
      ),
  };
  await set({ severity: "critical" });
  await scanAll(scanJobOf(env, [matching]));
  const { items } = await done<{ items: { severity: string; package: { name: string } }[] }>(
    "GET",
    `/repositories/${name}/-/manifests/${image.digest}/vulnerabilities?limit=1`,
  );
  expect(items).toMatchObject([{ severity: "critical", package: { name: worst } }]);
  const rows = await env.DB.prepare(
    "SELECT count(*) AS n FROM image_vulnerabilities v JOIN manifests m ON m.id = v.manifest_id WHERE m.digest = ?",
  )
    .bind(image.digest)
    .first("n");
  expect(rows).toBe(10_000);
  await expectAll([], REFUSED);
});

test("the findings of an index's images are not read where they do not fit into memory together", async () => {
  const images = [image];
  for (let i = 0; i < 5; i++) images.push(await pushImage(client, [layer(npm("a", "1"))], `n${i}`));
  const { digest } = await client.pushManifest(index(images), "all");
  await env.DB.prepare(
    `UPDATE scans SET result = randomblob(900 * 1024)
     WHERE manifest_id IN (SELECT id FROM manifests WHERE digest IN (SELECT value FROM json_each(?1)))`,
  )
    .bind(JSON.stringify(images.map((one) => one.digest)))
    .run();
  const path = `/repositories/${name}/-/manifests/${digest}/vulnerabilities`;
  expect(await refused("GET", path)).toEqual({ status: 400, code: "REQUEST_INVALID" });
  await env.DB.prepare("UPDATE scans SET result = NULL").run();
});
