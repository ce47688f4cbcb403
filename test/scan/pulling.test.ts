/** Scanners that pull images by themselves: an adapter of Harbor's scanner API, and Clair. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RepositoryName } from "../../src/oci/reference.ts";
import type { Fetch } from "../../src/scan/match/exchange.ts";
import { type Matcher } from "../../src/scan/matcher.ts";
import { matchersOf } from "../../src/scan/matchers.ts";
import { pullToken } from "../../src/scan/pull-token.ts";
import { OsvRecords } from "../../src/scan/osv-store.ts";
import { type Env, readSettings } from "../../src/settings.ts";
import { HOST, RegistryClient } from "../support/client.ts";
import type { Content, Manifest } from "../support/images.ts";
import { Outbox } from "../support/events.ts";
import { turn } from "../support/jobs.ts";
import { api, done, makeNamespace } from "../support/management.ts";
import {
  age,
  alpine,
  layer,
  ListMatcher,
  pushImage,
  scanAll,
  scanJob,
  wakingJob,
} from "./images.ts";

const ADAPTER = "https://adapter.test";
const CLAIR = "https://clair.test";
const SECRET = "the adapter's own secret";
const KEY = btoa("a key that Clair and the registry share, both");
const REPORT = "application/vnd.security.vulnerability.report; version=1.1";
const OCI = "application/vnd.oci.image.manifest.v1+json";

const METADATA = {
  scanner: { name: "Stub", vendor: "test", version: "1" },
  capabilities: [
    { type: "vulnerability", consumes_mime_types: [OCI], produces_mime_types: [REPORT] },
  ],
  properties: { "harbor.scanner-adapter/vulnerability-database-updated-at": "2026-01-01" },
};

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: unknown;
  readonly redirect: string | undefined;
}

/** A server at the other end: what it was asked, and what it answers by method and path. */
class Remote {
  readonly seen: Seen[] = [];
  readonly #answer: (seen: Seen) => Response;

  constructor(respond: (seen: Seen) => Response) {
    this.#answer = respond;
  }

  readonly fetch: Fetch = (url, init) => {
    const { pathname, origin } = new URL(url);
    const seen: Seen = {
      method: init.method ?? "GET",
      path: origin + pathname,
      headers: new Headers(init.headers),
      body: typeof init.body === "string" ? JSON.parse(init.body) : null,
      redirect: init.redirect,
    };
    this.seen.push(seen);
    return Promise.resolve(this.#answer(seen));
  };

  /** How often a path was asked. */
  count(method: string, path: string): number {
    return this.seen.filter((one) => one.method === method && one.path.startsWith(path)).length;
  }
}

function settings(vars: Partial<Env>) {
  return readSettings({ ...env, REGISTRY_URL: `https://${HOST}`, ...vars });
}

function matchers(remote: Remote, vars: Partial<Env>): readonly Matcher[] {
  const transport = { fetch: remote.fetch, wait: () => Promise.resolve() };
  return matchersOf(settings(vars), new OsvRecords(env.DB), transport);
}

const HARBOR_VARS = {
  HARBOR_SCANNER_URL: ADAPTER,
  HARBOR_SCANNER_AUTHORIZATION: `Bearer ${btoa(SECRET)}`,
};
const CLAIR_VARS = { CLAIR_URL: CLAIR, CLAIR_KEY: KEY };

let name: string;
let client: RegistryClient;
let base: Content;
let image: Manifest;

beforeEach(async () => {
  const { namespace } = await makeNamespace();
  name = `${namespace}/app`;
  client = new RegistryClient({ repository: name });
  await turn(scanJob());
  await env.DB.batch([
    env.DB.prepare("DELETE FROM scans"),
    env.DB.prepare("DELETE FROM jobs WHERE name = 'scan'"),
  ]);
  base = layer(alpine({ musl: "1.2.4-r2" }));
  image = await pushImage(client, [base]);
});

// Other scanners than before have all images scanned.
afterEach(() => done("DELETE", `/repositories/${name}`));

interface Shown {
  readonly items: readonly { id: string; scanners: readonly string[]; package: { type: string } }[];
  readonly images: readonly { matchedAt: string | null; error: string | null }[];
}

const path = (rest: string) => `/repositories/${name}/-/manifests/${image.digest}/${rest}`;
const shown = () => done<Shown>("GET", path("vulnerabilities"));
const found = async () => (await shown()).items.map(({ id, scanners }) => [id, scanners]);
const errorOf = async () => (await shown()).images[0]?.error ?? null;

/** What is stored of the image's scan. */
async function row() {
  return env.DB.prepare(
    `SELECT s.pending, s.pulling, s.failures, s.due_at AS dueAt FROM scans s JOIN manifests m ON m.id = s.manifest_id WHERE m.digest = ?`,
  )
    .bind(image.digest)
    .first<{ pending: string | null; pulling: number; failures: number; dueAt: number }>();
}

/** Lets the time come at which scanners go on. */
async function later(): Promise<void> {
  const { pending } = (await row()) ?? {};
  if (pending) {
    const { sinceMs, scanners } = JSON.parse(pending) as {
      sinceMs: number;
      scanners: Record<string, object>;
    };
    const now = Object.entries(scanners).map(([of, one]) => [of, { ...one, atMs: 0 }]);
    await env.DB.prepare("UPDATE scans SET pending = ? WHERE pending IS NOT NULL")
      .bind(JSON.stringify({ sinceMs, scanners: Object.fromEntries(now) }))
      .run();
  }
  await age();
}

/** An adapter whose reports are ready after so many questions. */
function adapter(pendings: number, known: () => boolean = () => true): Remote {
  let left = pendings;
  let scans = 0;
  return new Remote(({ method, path: at, headers }) => {
    if (headers.get("authorization") !== `Bearer ${btoa(SECRET)}`) return answer(401);
    if (at === `${ADAPTER}/api/v1/metadata`) return answer(200, METADATA);
    if (method === "POST" && at === `${ADAPTER}/api/v1/scan`) {
      scans += 1;
      return answer(202, { id: `scan-${scans}` });
    }
    const [, id] = /\/api\/v1\/scan\/scan-(\d+)\/report$/.exec(at) ?? [];
    if (!known() || id === undefined || Number(id) > scans) return answer(404);
    if (left-- > 0) {
      const pending = { location: "https://evil.test/", "refresh-after": "600" };
      return new Response(null, { status: 302, headers: pending });
    }
    return answer(200, reportOf("CVE-2099-9", "musl"));
  });
}

function reportOf(id: string, pkg: string) {
  const vulnerability = { id, package: pkg, version: "1.2.4-r2", severity: "Critical" };
  return { scanner: { name: "Stub" }, vulnerabilities: [vulnerability] };
}

function answer(status: number, body?: unknown, headers: Record<string, string> = {}): Response {
  return new Response(body === undefined ? null : JSON.stringify(body), { status, headers });
}

/** The token that a scanner was given. */
function tokenIn({ body }: Seen): string {
  const { registry } = body as { registry: { authorization: string } };
  return registry.authorization;
}

const MUSL = { id: "CVE-2099-1", severity: "high", package: "musl" } as const;

describe("an adapter of Harbor's scanner API", () => {
  test("is submitted to, asked until there is a report, and holds up no other scanner", async () => {
    const remote = adapter(2);
    const list = new ListMatcher([MUSL]);
    const scanners = [...matchers(remote, HARBOR_VARS), list];
    await scanAll(scanJob(...scanners));
    expect(await found()).toEqual([["CVE-2099-1", ["list"]]]);
    expect(await row()).toMatchObject({ pulling: 1, failures: 0 });
    // Each turn is one of a job that knows only what is stored.
    for (let polls = 1; polls <= 2; polls++) {
      await later();
      await scanAll(scanJob(...matchers(remote, HARBOR_VARS), list));
      expect(remote.count("GET", `${ADAPTER}/api/v1/scan/`)).toBe(polls);
      expect(await found()).toEqual([["CVE-2099-1", ["list"]]]);
    }
    await later();
    await scanAll(scanJob(...scanners));
    expect(await found()).toEqual([
      ["CVE-2099-9", ["harbor"]],
      ["CVE-2099-1", ["list"]],
    ]);
    expect(await row()).toMatchObject({ pending: null, pulling: 0, failures: 0 });
    expect(remote.count("POST", `${ADAPTER}/api/v1/scan`)).toBe(1);
    expect(list.matched).toHaveLength(1);
    // Its package is the one that the registry read itself.
    expect((await shown()).items[0]?.package).toMatchObject({ type: "apk", name: "musl" });
    const origins = remote.seen.map((seen) => new URL(seen.path).origin);
    expect(new Set(origins)).toEqual(new Set([ADAPTER]));
    expect(remote.seen.every(({ redirect }) => redirect === "manual")).toBe(true);
  });

  test("is not asked before the time, and not again with the same database", async () => {
    const remote = adapter(0);
    const job = () => scanJob(...matchers(remote, HARBOR_VARS));
    await scanAll(job());
    await env.DB.prepare(
      "UPDATE scans SET pending = json_set(pending, '$.scanners.harbor.atMs', 1e14)",
    ).run();
    await age();
    await scanAll(job());
    expect(remote.count("GET", `${ADAPTER}/api/v1/scan/`)).toBe(0);
    expect((await shown()).images).toMatchObject([{ matchedAt: null }]);
    await later();
    await scanAll(job());
    expect(await found()).toEqual([["CVE-2099-9", ["harbor"]]]);
    await age();
    await scanAll(job());
    expect(remote.count("POST", `${ADAPTER}/api/v1/scan`)).toBe(1);
  });

  test("gets a token that pulls this repository for 15 minutes, and nothing else, also what the policy refuses", async () => {
    const remote = adapter(0);
    const list = new ListMatcher([MUSL]);
    await done("PUT", `/repositories/${name}/-/scan-policy`, { severity: "high" });
    await scanAll(scanJob(list, ...matchers(remote, HARBOR_VARS)));
    const submitted = remote.seen.find(({ method }) => method === "POST");
    if (submitted === undefined) throw new Error("nothing was submitted");
    expect(submitted.body).toMatchObject({
      registry: { url: `https://${HOST}` },
      artifact: { repository: name, digest: image.digest, mime_type: OCI },
    });
    const scanner = client.as(tokenIn(submitted));
    expect((await client.get(`manifests/${image.digest}`)).status).toBe(403);
    expect((await scanner.get(`manifests/${image.digest}`)).status).toBe(200);
    expect((await scanner.get(`blobs/${base.digest}`)).status).toBe(200);
    const other = new RegistryClient({ repository: `${name}-2` });
    const hidden = await pushImage(other, [layer(alpine({ musl: "1" }))]);
    const refusals = [
      await scanner.in(`${name}-2`).get(`manifests/${hidden.digest}`),
      await scanner.request("DELETE", `manifests/${image.digest}`),
      await scanner.request("POST", "blobs/uploads/"),
      await scanner.request("GET", "/api/v1/users"),
    ];
    for (const { status } of refusals) expect(status).toBeOneOf([401, 403]);
    await done("DELETE", `/repositories/${name}-2`);
    const [, payload = ""] = tokenIn(submitted).split(".");
    const claims = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as Record<
      string,
      number
    >;
    expect((claims["exp"] ?? 0) - (claims["iat"] ?? 0)).toBe(900);
    expect((await api("POST", "/users", { name: "scanner", password: "long enough" })).status).toBe(
      400,
    );
  });

  test("pulls without a use of the image, which would keep it for retention", async () => {
    const ends: (() => void)[] = [];
    vi.spyOn(scheduler, "wait").mockImplementation(
      () => new Promise((resolve) => void ends.push(resolve)),
    );
    const outbox = new Outbox();
    const token = await pullToken(name as RepositoryName, {
      url: `https://${HOST}`,
      key: env.TOKEN_KEY ?? "",
      nextKey: null,
    });
    const options = { repository: name, send: outbox.send };
    const scanner = new RegistryClient({ ...options, authorization: `Bearer ${token}` });
    expect((await scanner.head("manifests/latest")).status).toBe(200);
    expect((await scanner.get("manifests/latest")).status).toBe(200);
    expect((await scanner.get(`blobs/${base.digest}`)).status).toBe(200);
    expect(ends).toHaveLength(0);
    // Anybody else's is one.
    expect((await new RegistryClient(options).get("manifests/latest")).status).toBe(200);
    expect(ends).toHaveLength(1);
    for (const end of ends) end();
    await outbox.settled();
    vi.restoreAllMocks();
  });

  test("that waits after a failure begins when somebody asks for a scan; one that pulls goes on", async () => {
    const failing = new Remote(() => answer(500));
    await scanAll(scanJob(...matchers(failing, HARBOR_VARS)));
    const remote = adapter(0);
    const job = () => scanJob(...matchers(remote, HARBOR_VARS));
    await age();
    await scanAll(job());
    expect(remote.seen).toEqual([]);
    for (let times = 0; times < 2; times++) {
      expect((await api("POST", path("scan"), {})).status).toBe(204);
      await scanAll(job());
      expect(remote.count("POST", `${ADAPTER}/api/v1/scan`)).toBe(1);
    }
  });

  test("that does not know the scan any more is submitted to anew, three times at most", async () => {
    let isKnown = false;
    const remote = adapter(0, () => isKnown);
    const job = () => scanJob(...matchers(remote, HARBOR_VARS));
    await scanAll(job());
    for (let tries = 1; tries <= 3; tries++) {
      expect(remote.count("POST", `${ADAPTER}/api/v1/scan`)).toBe(tries);
      await later();
      await scanAll(job());
    }
    expect(await errorOf()).toBe(`${ADAPTER} lost the scan 3 times`);
    expect(await row()).toMatchObject({ pulling: 0, failures: 1 });
    isKnown = true;
    for (let turns = 0; turns < 2; turns++) {
      await later();
      await scanAll(job());
    }
    expect(await found()).toEqual([["CVE-2099-9", ["harbor"]]]);
    expect(await errorOf()).toBeNull();
  });

  test("that has no report within an hour has failed", async () => {
    const remote = adapter(1_000);
    const job = () => scanJob(...matchers(remote, HARBOR_VARS));
    await scanAll(job());
    await env.DB.prepare(
      `UPDATE scans SET pending = json_set(pending, '$.scanners.harbor.beganMs', 1)`,
    ).run();
    await later();
    await scanAll(job());
    expect(await errorOf()).toBe("harbor has made no report within an hour");
    expect(await row()).toMatchObject({ pulling: 0, failures: 1 });
  });

  test("gets at most 20 images at once; another one waits without a failure", async () => {
    const others = Array.from({ length: 20 }, (_, i) => i);
    for (const n of others) await pushImage(client, [layer(alpine({ musl: `1.${n}` }))], `t${n}`);
    const remote = adapter(1_000);
    await scanAll(scanJob(...matchers(remote, HARBOR_VARS)));
    expect(remote.count("POST", `${ADAPTER}/api/v1/scan`)).toBe(20);
    const { results } = await env.DB.prepare(
      `SELECT s.pulling, count(*) AS n, max(s.failures) AS failures FROM scans s
       JOIN manifests m ON m.id = s.manifest_id JOIN repositories r ON r.id = m.repository_id
       WHERE r.name = ? GROUP BY s.pulling ORDER BY s.pulling`,
    )
      .bind(name)
      .all();
    expect(results).toEqual([
      { pulling: 0, n: 1, failures: 0 },
      { pulling: 1, n: 20, failures: 0 },
    ]);
  });

  test("whose turns are asked for once while nothing is due", async () => {
    const remote = adapter(1_000);
    const asked: number[] = [];
    const wake = (seconds: number) => Promise.resolve(asked.push(seconds));
    const job = wakingJob(wake, ...matchers(remote, HARBOR_VARS));
    await scanAll(job);
    await scanAll(job);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toBeLessThanOrEqual(10);
  });

  test.each([
    ["refuses the credentials", () => answer(401), `${ADAPTER} refused the credentials`],
    [
      "fails",
      (seen: Seen) =>
        seen.method === "GET"
          ? answer(200, METADATA)
          : answer(500, { error: { message: `GET with ${tokenIn(seen)} and ${btoa(SECRET)}` } }),
      `${ADAPTER} answered with 500: GET with Bearer [secret] and [secret]`,
    ],
    [
      "takes other manifests only",
      () =>
        answer(200, {
          ...METADATA,
          capabilities: [{ consumes_mime_types: ["x/y"], produces_mime_types: [REPORT] }],
        }),
      `${ADAPTER} scans no images of the type ${OCI}`,
    ],
  ])("that %s is a failure with its reason and without secrets", async (_, respond, why) => {
    await scanAll(scanJob(...matchers(new Remote(respond), HARBOR_VARS), new ListMatcher([MUSL])));
    expect(await errorOf()).toBe(why);
    expect(await found()).toEqual([["CVE-2099-1", ["list"]]]);
  });
});

describe("Clair", () => {
  const INDEX = `${CLAIR}/indexer/api/v1/index_report`;

  function report(seen: Seen, etag = '"state"'): Response {
    const indexed = { manifest_hash: image.digest, state: "IndexFinished", err: "" };
    if (seen.path.startsWith(INDEX))
      return answer(seen.method === "POST" ? 201 : 200, indexed, { etag });
    return answer(200, {
      manifest_hash: image.digest,
      packages: { 1: { name: "musl", version: "1.2.4-r2" } },
      vulnerabilities: {
        7: { name: "CVE-2099-7", normalized_severity: "High", updater: "alpine" },
      },
      package_vulnerabilities: { 1: ["7"] },
    });
  }

  test("is given the layers with a token, and asked for the report", async () => {
    const remote = new Remote(report);
    await scanAll(scanJob(...matchers(remote, CLAIR_VARS)));
    expect(await found()).toEqual([["CVE-2099-7", ["clair"]]]);
    const [first] = remote.seen;
    if (first === undefined) throw new Error("nothing was submitted");
    const { hash, layers } = first.body as {
      hash: string;
      layers: { hash: string; uri: string; headers: { Authorization: string[] } }[];
    };
    expect(hash).toBe(image.digest);
    expect(layers.map((one) => one.hash)).toEqual([base.digest]);
    const [one] = layers;
    const url = new URL(one?.uri ?? "");
    expect(url.host).toBe(HOST);
    const scanner = client.as(one?.headers.Authorization[0] ?? null);
    expect((await scanner.request("GET", url.pathname)).status).toBe(200);
  });

  test("whose answer is lost has the work done", async () => {
    const remote = new Remote((seen) =>
      seen.method === "POST" ? answer(504, { message: "timeout" }) : report(seen),
    );
    await scanAll(scanJob(...matchers(remote, CLAIR_VARS)));
    expect(await found()).toEqual([["CVE-2099-7", ["clair"]]]);
  });

  test.each([
    [
      "has no data",
      (seen: Seen) => (seen.path.startsWith(INDEX) ? report(seen) : answer(202)),
      `${CLAIR} has no vulnerabilities yet: its updaters have not run`,
    ],
    [
      "cannot fetch a layer",
      (seen: Seen) =>
        seen.method === "POST"
          ? answer(500, { message: `401 for ${JSON.stringify(seen.body)}`.slice(0, 40) })
          : answer(404),
      /^https:\/\/clair\.test answered with 500: 401 for /,
    ],
    [
      "fails to index",
      () => answer(201, { manifest_hash: image.digest, state: "IndexError", err: "no such thing" }),
      `${CLAIR} could not index the image: no such thing`,
    ],
  ])("that %s is a failure with its reason", async (_, respond, why) => {
    await scanAll(scanJob(...matchers(new Remote(respond), CLAIR_VARS), new ListMatcher([MUSL])));
    expect(await errorOf()).toMatch(why);
    expect(await found()).toEqual([["CVE-2099-1", ["list"]]]);
  });
});

describe("settings", () => {
  test.each([
    [{ ...HARBOR_VARS, REGISTRY_URL: "off" }, /REGISTRY_URL is missing: .*HARBOR_SCANNER_URL/],
    [{ ...CLAIR_VARS, REGISTRY_URL: "off" }, /REGISTRY_URL is missing: .*CLAIR_URL/],
    [{ REGISTRY_URL: "https://registry.test/v2" }, /REGISTRY_URL is wrong/],
    [{ ...HARBOR_VARS, HARBOR_SCANNER_AUTHORIZATION: SECRET }, /AUTHORIZATION is wrong/],
    [{ ...CLAIR_VARS, CLAIR_KEY: "c2hvcnQ=" }, /CLAIR_KEY is wrong/],
  ])("that do not fit are refused without their values: %o", (vars, why) => {
    expect(() => settings(vars)).toThrow(why);
    expect(() => settings(vars)).not.toThrow(/own secret|c2hvcnQ/);
  });

  test.each([
    ["", "none"],
    ["Bearer t", "bearer"],
    [`basic ${btoa("name:pass")}`, "basic"],
    ["API-Key k", "api-key"],
  ])("of an adapter's authorization are read: %s", (text, kind) => {
    const { scan } = settings({ ...HARBOR_VARS, HARBOR_SCANNER_AUTHORIZATION: text });
    expect(scan.harbor?.auth.kind).toBe(kind);
  });
});
