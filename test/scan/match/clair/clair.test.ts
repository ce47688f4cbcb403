/** Scanning by Clair, against a server on loopback that checks each field it gets and the token of each request. */
import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import {
  clairIndex,
  clairIndexState,
  type ClairLayer,
  indexByClair,
  matchByClair,
} from "../../../../src/scan/match/clair/client.ts";
import { parseClairKey } from "../../../../src/scan/match/clair/token.ts";
import { type Answer, packageOf, stub } from "../stub.ts";
import { claimsOf, DIGEST, KEY, messageOf, optionsOf, PSK } from "./clair.ts";

const LAYERS: readonly ClairLayer[] = [
  {
    digest: `sha256:${"1".repeat(64)}`,
    url: `https://registry.example/v2/demo/alp/blobs/sha256:${"1".repeat(64)}`,
    authorization: "Bearer PULL-TOKEN",
  },
  {
    digest: `sha256:${"2".repeat(64)}`,
    url: "https://bucket.example/blob?X-Amz-Signature=SIGNED",
    authorization: null,
  },
];

/** As Clair 4.9 answers. */
const INDEXED = {
  manifest_hash: DIGEST,
  state: "IndexFinished",
  packages: {},
  distributions: {},
  repository: {},
  environments: {},
  success: true,
  err: "",
};

const STATE = "7d0b7a5d9a6ecdb2f5a2f5ea2ee4e6c9";

const VULNERABILITY = {
  id: "10",
  updater: "alpine-main-v3.19-updater",
  name: "CVE-2099-0001",
  description: "A hole\nin openssl",
  issued: "2026-01-01T00:00:00Z",
  links:
    "javascript:alert(1) https://security.alpinelinux.org/vuln/CVE-2099-0001 https://x.example",
  severity: "",
  normalized_severity: "Critical",
  package: { id: "0", name: "openssl", version: "", kind: "source" },
  distribution: { did: "alpine" },
  repository: {},
  fixed_in_version: "3.1.4-r5",
};

const LIBCRYPTO = {
  id: "1",
  name: "libcrypto3",
  version: "3.1.4-r0",
  kind: "binary",
  source: { id: "2", name: "openssl", version: "3.1.4-r0", kind: "source" },
  arch: "x86_64",
};

const REPORT = {
  manifest_hash: DIGEST,
  packages: { "1": LIBCRYPTO, "3": { id: "3", name: "busybox", version: "1.36.1-r15" } },
  distributions: {},
  repository: {},
  environments: { "1": [{ package_db: "lib/apk/db/installed" }] },
  vulnerabilities: { "10": VULNERABILITY },
  package_vulnerabilities: { "1": ["10"], "3": [] },
  enrichments: {},
};

/** The findings of a report that differs in these fields. */
async function findingsOf(changed: object, packages: Parameters<typeof matchByClair>[1] = []) {
  const { url } = await stub(() => ({ body: { ...REPORT, ...changed } }));
  const answer = await matchByClair(DIGEST, packages, optionsOf(url));
  if (answer.kind !== "finished") throw new Error(answer.kind);
  return answer.findings;
}

test("an image is indexed by one request that has its layers in their order, each with its header", async () => {
  const { url, seen } = await stub(() => ({
    status: 201,
    headers: { etag: `"${STATE}"`, location: `/indexer/api/v1/index_report/${DIGEST}` },
    body: INDEXED,
  }));
  expect(await indexByClair(DIGEST, LAYERS, optionsOf(url))).toEqual({
    kind: "indexed",
    state: STATE,
  });
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject({
    method: "POST",
    path: "/indexer/api/v1/index_report",
    headers: { "content-type": "application/json", accept: "application/json" },
  });
  expect(seen[0]?.body).toEqual({
    hash: DIGEST,
    layers: [
      {
        hash: LAYERS[0]?.digest,
        uri: LAYERS[0]?.url,
        headers: { Authorization: ["Bearer PULL-TOKEN"] },
      },
      { hash: LAYERS[1]?.digest, uri: LAYERS[1]?.url, headers: {} },
    ],
  });
});

test("each request has a JWT of its own, signed with the decoded key", async () => {
  const { url, seen } = await stub(({ path }) => ({
    body: path.endsWith("index_state") ? { state: STATE } : INDEXED,
  }));
  const before = Math.floor(Date.now() / 1_000);
  await indexByClair(DIGEST, LAYERS, optionsOf(url));
  await clairIndex(DIGEST, optionsOf(url));
  await clairIndexState(optionsOf(url));
  await matchByClair(DIGEST, [], optionsOf(url)).catch(() => {});
  expect(seen).toHaveLength(4);
  for (const { headers } of seen) {
    const [header = "", payload = "", signature] = (headers.authorization ?? "")
      .replace("Bearer ", "")
      .split(".");
    const expected = createHmac("sha256", Buffer.from(PSK, "base64"))
      .update(`${header}.${payload}`)
      .digest("base64url");
    expect(signature).toBe(expected);
    expect(claimsOf(header)).toEqual({ alg: "HS256", typ: "JWT" });
    const { iss, iat, exp, ...others } = claimsOf(payload);
    expect(others).toEqual({});
    expect(iss).toBe("slipway");
    expect(iat).toBeGreaterThanOrEqual(before);
    expect(Number(exp) - Number(iat)).toBe(300);
  }
});

test("a Clair without authentication gets no token", async () => {
  const { url, seen } = await stub(() => ({ body: { state: STATE } }));
  expect(await clairIndexState({ ...optionsOf(url), auth: null })).toBe(STATE);
  expect(seen[0]).toMatchObject({ method: "GET", path: "/indexer/api/v1/index_state", body: null });
  expect(seen[0]?.headers).not.toHaveProperty("authorization");
});

test("a key is base64 of 32 bytes or more", () => {
  expect(parseClairKey(PSK)).toEqual(KEY);
  expect(parseClairKey(`${Buffer.alloc(32, 0xfb).toString("base64")}\n`)).toHaveLength(32);
  for (const text of ["", "not base64!", Buffer.alloc(31).toString("base64")]) {
    expect(parseClairKey(text)).toBeNull();
  }
});

test("what became of an image is told by its index report", async () => {
  let answer: Answer = { headers: { etag: `W/"${STATE}"` }, body: INDEXED };
  const { url, seen } = await stub(() => answer);
  const index = () => clairIndex(DIGEST, optionsOf(`${url}/`));
  expect(await index()).toEqual({ kind: "indexed", state: STATE });
  answer = { body: { ...INDEXED, state: "ScanLayers", success: false } };
  expect(await index()).toEqual({ kind: "begun" });
  answer = { body: { ...INDEXED, state: "IndexError", success: false, err: "no\nlayer" } };
  expect(await index()).toEqual({ kind: "failed", why: "no" });
  answer = { status: 404, body: { code: "not-found", message: "index report not found" } };
  expect(await index()).toEqual({ kind: "unknown" });
  expect(new Set(seen.map(({ method, path }) => `${method} ${path}`))).toEqual(
    new Set([`GET /indexer/api/v1/index_report/${encodeURIComponent(DIGEST)}`]),
  );
});

test("a layer that Clair cannot fetch is an error without the tokens that it repeats", async () => {
  const { url } = await stub(({ headers }) => ({
    status: 500,
    body: {
      code: "internal-error",
      message: `fetcher: "401 Unauthorized" for https://bucket.example/blob?X-Amz-Signature=SIGNED with Bearer PULL-TOKEN by ${headers.authorization} (body starts: "")`,
    },
  }));
  expect(await messageOf(indexByClair(DIGEST, LAYERS, optionsOf(url)))).toBe(
    `${url} answered with 500: fetcher: "401 Unauthorized" for https://bucket.example/blob?[secret] with Bearer [secret] by Bearer [secret] (body starts: "")`,
  );
});

test.each<[Answer, string]>([
  [{ status: 401, body: "" }, "refused the credentials"],
  [{ status: 302, headers: { location: "/elsewhere" }, body: "" }, "answered with 302"],
  [{ status: 307, headers: { location: "http://127.0.0.1:1/" }, body: "" }, "answered with 307"],
  [{ status: 501, body: "<html>" }, "answered with 501"],
  [{ status: 504, body: { message: 7 } }, "answered with 504"],
  [{ status: 200, body: "[]" }, "malformed at"],
])("the answer %j is an error of each call, after one request", async (answer, message) => {
  const { url, seen } = await stub(() => answer);
  const options = optionsOf(url);
  const calls = [
    () => indexByClair(DIGEST, LAYERS, options),
    () => clairIndex(DIGEST, options),
    () => clairIndexState(options),
    () => matchByClair(DIGEST, [], options),
  ];
  for (const call of calls) expect(await messageOf(call())).toContain(message);
  expect(seen).toHaveLength(calls.length);
});

test("a report on another image is refused", async () => {
  const other = { manifest_hash: `sha256:${"b".repeat(64)}` };
  const { url } = await stub(({ path }) => ({
    body: { ...(path.includes("index_report") ? INDEXED : REPORT), ...other },
  }));
  const options = optionsOf(url);
  expect(await messageOf(clairIndex(DIGEST, options))).toContain("on another image");
  expect(await messageOf(indexByClair(DIGEST, LAYERS, options))).toContain("on another image");
  expect(await messageOf(matchByClair(DIGEST, [], options))).toContain("on another image");
});

test("a vulnerability report is findings with the packages as Clair names them", async () => {
  const { url, seen } = await stub(() => ({ body: REPORT }));
  expect(await matchByClair(DIGEST, [], optionsOf(url))).toEqual({
    kind: "finished",
    findings: [
      {
        id: "CVE-2099-0001",
        aliases: [],
        package: packageOf({
          type: "generic",
          name: "libcrypto3",
          version: "3.1.4-r0",
          arch: "x86_64",
        }),
        fixedVersion: "3.1.4-r5",
        severity: "critical",
        severitySource: "alpine-main-v3.19-updater",
        url: "https://security.alpinelinux.org/vuln/CVE-2099-0001",
        summary: "A hole",
      },
    ],
  });
  expect(seen).toMatchObject([
    {
      method: "GET",
      path: `/matcher/api/v1/vulnerability_report/${encodeURIComponent(DIGEST)}`,
      body: null,
    },
  ]);
});

test("packages that we know take the place of Clair's", async () => {
  const known = packageOf({
    type: "apk",
    name: "libcrypto3",
    version: "3.1.4-r0",
    source: { name: "openssl", version: "3.1.4-r0" },
  });
  const findings = await findingsOf({}, [known]);
  expect(findings.map(({ package: pkg }) => pkg)).toEqual([known]);
});

test("a matcher without vulnerabilities, and one that does not know the image, say so", async () => {
  const empty = await stub(() => ({ status: 202, body: "" }));
  expect(await matchByClair(DIGEST, [], optionsOf(empty.url))).toEqual({ kind: "no-data" });
  const unknown = await stub(() => ({ status: 404, body: { code: "not-found", message: "" } }));
  expect(await matchByClair(DIGEST, [], optionsOf(unknown.url))).toEqual({ kind: "unknown" });
});

test.each([
  ["Unknown", "unknown", null],
  ["Negligible", "negligible", "u"],
  ["Low", "low", "u"],
  ["Medium", "medium", "u"],
  ["High", "high", "u"],
  ["Critical", "critical", "u"],
  ["Defcon1", "unknown", null],
])("the normalized severity %s is %s", async (word, severity, severitySource) => {
  const found = { ...VULNERABILITY, updater: "u", normalized_severity: word, severity: "Low" };
  expect(await findingsOf({ vulnerabilities: { "10": found } })).toMatchObject([
    { severity, severitySource },
  ]);
});

test.each([
  ["CVE-2020-1234 on Ubuntu 20.04 LTS (focal) - medium.", "CVE-2020-1234"],
  ["RHSA-2021:1234: openssl security update (Important)", "RHSA-2021:1234"],
  [" ", " "],
])("the id in the name %j is %j", async (name, id) => {
  const vulnerabilities = { "10": { ...VULNERABILITY, name } };
  expect(await findingsOf({ vulnerabilities })).toMatchObject([{ id }]);
});

test.each([
  ["", null],
  ["1:2.3-4", "1:2.3-4"],
  ["fixed=2.1.0&introduced=2.0.0", "2.1.0"],
  ["introduced=2.0.0&fixed=2.1.0%2Bb", "2.1.0+b"],
  ["introduced=0&lastAffected=2.0.0", null],
])("the fixed version %j is %j", async (text, fixedVersion) => {
  const vulnerabilities = { "10": { ...VULNERABILITY, fixed_in_version: text } };
  expect(await findingsOf({ vulnerabilities })).toMatchObject([{ fixedVersion }]);
});

test("several updaters' entries of one vulnerability are one finding, the worst", async () => {
  const vulnerabilities = {
    "10": { ...VULNERABILITY, normalized_severity: "Low" },
    "11": { ...VULNERABILITY, normalized_severity: "High" },
    "12": { ...VULNERABILITY, normalized_severity: "Medium" },
  };
  const findings = await findingsOf({
    vulnerabilities,
    package_vulnerabilities: { "1": ["10", "11", "11", "12"] },
  });
  expect(findings.map(({ severity }) => severity)).toEqual(["high"]);
});

test("ids that lead nowhere, also those of every object, are left out", async () => {
  const lost = { "1": ["constructor", "__proto__", "99"], "99": ["10"], constructor: ["10"] };
  expect(await findingsOf({ package_vulnerabilities: lost })).toEqual([]);
});

test.each([
  [{ packages: null }, "malformed at packages"],
  [{ packages: { "1": 7 } }, "malformed at packages.1: expected Object"],
  [{ packages: { "1": { ...LIBCRYPTO, name: ["a"] } } }, "malformed at packages.1.name"],
  [{ package_vulnerabilities: { "1": "10" } }, "malformed at package_vulnerabilities.1"],
  [{ vulnerabilities: { "10": { name: "" } } }, "malformed at vulnerabilities.10.name"],
  [{ vulnerabilities: { "10": {} } }, "malformed at vulnerabilities.10.name"],
  [{ manifest_hash: 7 }, "malformed at manifest_hash"],
])("a vulnerability report with %j is refused", async (changed, message) => {
  await expect(findingsOf(changed)).rejects.toThrow(message);
});

test("the error does not repeat a long key, and deep or long answers are refused", async () => {
  const long = await messageOf(findingsOf({ packages: { ["k".repeat(100_000)]: 7 } }));
  expect(long.length).toBeLessThan(500);
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  const { url } = await stub(({ path }) => ({
    body: path.includes("index_state")
      ? `{"state":"${"x".repeat(32 * 1024 ** 2)}"}`
      : `{"manifest_hash":"${DIGEST}","packages":${deep}}`,
  }));
  // An array is an object whose keys are numbers.
  expect(await messageOf(matchByClair(DIGEST, [], optionsOf(url)))).toContain("malformed at");
  expect(await messageOf(clairIndexState(optionsOf(url)))).toContain("longer than 32 MiB");
});

test("many vulnerabilities of many packages are refused before they are counted out", async () => {
  const ids = Array.from({ length: 300 }, (_, i) => `${i}`);
  const vulnerabilities = Object.fromEntries(
    ids.map((id) => [id, { ...VULNERABILITY, name: `CVE-${id}` }]),
  );
  const packages = Object.fromEntries(ids.map((id) => [id, { name: `p${id}`, version: "1" }]));
  const all = Object.fromEntries(ids.map((id) => [id, ids]));
  await expect(
    findingsOf({ packages, vulnerabilities, package_vulnerabilities: all }),
  ).rejects.toThrow("more than 20000 findings");
});
