/** Scanning by an adapter of Harbor's pluggable scanner API, against a server on loopback that checks each field it gets. */
import { expect, test } from "vitest";
import type { AdapterAuth } from "../../../../src/scan/match/harbor/auth.ts";
import {
  adapterMetadata,
  adapterReport,
  type AdapterImage,
  type AdapterScan,
  submitScan,
} from "../../../../src/scan/match/harbor/client.ts";
import type { AdapterCapability } from "../../../../src/scan/match/harbor/metadata.ts";
import { ScannerUnavailable } from "../../../../src/scan/match/exchange.ts";
import type { Package } from "../../../../src/scan/package.ts";
import { type Answer, packageOf, type Seen, stub } from "../stub.ts";

const OCI = "application/vnd.oci.image.manifest.v1+json";
const REPORT_11 = "application/vnd.security.vulnerability.report; version=1.1";
const REPORT_10 = "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0";
const RAW = "application/vnd.scanner.adapter.vuln.report.raw";
const SBOM = "application/vnd.security.sbom.report+json; version=1.0";
const DIGEST = `sha256:${"a".repeat(64)}`;

/** As harbor-scanner-trivy answers. */
const METADATA = {
  scanner: { name: "Trivy", vendor: "Aqua Security", version: "0.74.0" },
  capabilities: [
    { type: "sbom", consumes_mime_types: [OCI], produces_mime_types: [SBOM] },
    {
      type: "vulnerability",
      consumes_mime_types: [OCI],
      produces_mime_types: [RAW, REPORT_10, REPORT_11],
    },
  ],
  properties: {
    "harbor.scanner-adapter/scanner-type": "os-package-vulnerability",
    "harbor.scanner-adapter/vulnerability-database-updated-at": "2026-01-01T00:00:00Z",
  },
};

const CAPABILITY: AdapterCapability = {
  reportType: REPORT_11,
  manifestTypes: [OCI],
  requestVersion: "1.1",
};

const TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.c2VjcmV0";

const IMAGE: AdapterImage = {
  registryUrl: "https://registry.example",
  authorization: `Bearer ${TOKEN}`,
  repository: "demo/alp",
  digest: DIGEST,
  tag: "1",
  mediaType: OCI,
};

const SCAN: AdapterScan = { id: "3fa85f64/x y", digest: DIGEST, capability: CAPABILITY };
const SCAN_PATH = "/api/v1/scan/3fa85f64%2Fx%20y/report";

const REPORT = {
  generated_at: "2026-01-01T00:00:00Z",
  artifact: { repository: "demo/alp", digest: DIGEST, mime_type: OCI },
  scanner: METADATA.scanner,
  severity: "Critical",
  vulnerabilities: [
    {
      id: "CVE-2099-0001",
      package: "libcrypto3",
      version: "3.1.4-r0",
      fix_version: "3.1.4-r5",
      severity: "Critical",
      description: "A hole\nin openssl",
      links: ["javascript:alert(1)", "https://avd.aquasec.com/nvd/cve-2099-0001"],
      preferred_cvss: { score_v3: 9.8 },
      cwe_ids: ["CWE-1"],
      vendor_attributes: { CVSS: {} },
    },
  ],
};

function optionsOf(url: string, auth: AdapterAuth = { kind: "none" }) {
  return { fetch: (to: string, init: RequestInit) => fetch(to, init), baseUrl: `${url}/`, auth };
}

function report(url: string, packages: readonly Package[] = []) {
  return adapterReport(SCAN, packages, optionsOf(url));
}

/** The findings of a report of these vulnerabilities. */
async function findingsOf(vulnerabilities: unknown, packages: readonly Package[] = []) {
  const { url } = await stub(() => ({ body: { ...REPORT, vulnerabilities } }));
  const answer = await report(url, packages);
  if (answer.kind !== "finished") throw new Error(answer.kind);
  return answer.findings;
}

async function messageOf(failing: Promise<unknown>): Promise<string> {
  const error = await failing.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ScannerUnavailable);
  return (error as Error).message;
}

test("metadata is asked for in both versions, and the best report that it produces is chosen", async () => {
  const { url, seen } = await stub(() => ({
    headers: { "content-type": "application/vnd.scanner.adapter.metadata+json; version=1.1" },
    body: METADATA,
  }));
  expect(await adapterMetadata(optionsOf(url))).toEqual({
    name: "Trivy",
    vendor: "Aqua Security",
    version: "0.74.0",
    databaseTime: "2026-01-01T00:00:00Z",
    capability: CAPABILITY,
  });
  expect(seen).toMatchObject([
    {
      method: "GET",
      path: "/api/v1/metadata",
      body: null,
      headers: {
        accept:
          "application/vnd.scanner.adapter.metadata+json; version=1.1, application/vnd.scanner.adapter.metadata+json; version=1.0",
        "user-agent": "slipway",
      },
    },
  ]);
});

test("an adapter of version 1.0 names no types of capabilities, and gets a request of its version", async () => {
  const { url, seen } = await stub(({ path }) =>
    path.endsWith("/metadata")
      ? {
          body: {
            scanner: {},
            capabilities: [
              { consumes_mime_types: [OCI], produces_mime_types: [REPORT_10.replace(" ", "")] },
            ],
          },
        }
      : { status: 202, body: { id: "1" } },
  );
  const { capability, name, databaseTime } = await adapterMetadata(optionsOf(url));
  expect({ name, databaseTime }).toEqual({ name: "", databaseTime: null });
  expect(capability).toEqual({
    // Adapters compare it with what they wrote.
    reportType: REPORT_10.replace(" ", ""),
    manifestTypes: [OCI],
    requestVersion: "1.0",
  });
  await submitScan(IMAGE, capability, optionsOf(url));
  expect(seen[1]?.headers["content-type"]).toBe(
    "application/vnd.scanner.adapter.scan.request+json; version=1.0",
  );
  expect(seen[1]?.body).not.toHaveProperty("enabled_capabilities");
});

test.each([
  [{ ...METADATA, capabilities: [METADATA.capabilities[0]] }, "makes no vulnerability report"],
  [{ ...METADATA, capabilities: [] }, "makes no vulnerability report"],
  [{ ...METADATA, capabilities: {} }, "malformed at capabilities: expected Array"],
  [
    { ...METADATA, capabilities: [{ consumes_mime_types: [OCI], produces_mime_types: [7] }] },
    "malformed at capabilities.0.produces_mime_types.0: expected string",
  ],
  ["<html>", "metadata that is malformed: expected Object"],
])("metadata %j are refused", async (body, message) => {
  const { url } = await stub(() => ({ body }));
  expect(await messageOf(adapterMetadata(optionsOf(url)))).toContain(message);
});

test.each<[AdapterAuth, string, string | undefined]>([
  [{ kind: "none" }, "authorization", undefined],
  [{ kind: "basic", username: "ü", password: "p:w" }, "authorization", "Basic w7w6cDp3"],
  [{ kind: "bearer", token: "T" }, "authorization", "Bearer T"],
  [{ kind: "api-key", key: "K" }, "x-scanneradapter-api-key", "K"],
])("each request has the credentials of %j", async (auth, header, value) => {
  const { url, seen } = await stub(({ path }) =>
    path.endsWith("/metadata") ? { body: METADATA } : { status: 202, body: { id: "1" } },
  );
  await adapterMetadata(optionsOf(url, auth));
  await submitScan(IMAGE, CAPABILITY, optionsOf(url, auth));
  await adapterReport(SCAN, [], optionsOf(url, auth)).catch(() => {});
  expect(seen.map(({ headers }) => headers[header])).toEqual([value, value, value]);
});

test("a scan is submitted with the registry's address and token, and one kind of report", async () => {
  const { url, seen } = await stub(() => ({
    status: 202,
    headers: {
      "content-type": "application/vnd.scanner.adapter.scan.response+json; version=1.0",
    },
    body: { id: "3fa85f64" },
  }));
  expect(await submitScan(IMAGE, CAPABILITY, optionsOf(url))).toEqual({
    id: "3fa85f64",
    digest: DIGEST,
    capability: CAPABILITY,
  });
  await submitScan({ ...IMAGE, tag: null }, CAPABILITY, optionsOf(url));
  expect(seen[0]).toMatchObject({
    method: "POST",
    path: "/api/v1/scan",
    headers: {
      "content-type": "application/vnd.scanner.adapter.scan.request+json; version=1.1",
      accept: "application/vnd.scanner.adapter.scan.response+json; version=1.0",
    },
  });
  expect(seen[0]?.body).toEqual({
    registry: { url: "https://registry.example", authorization: `Bearer ${TOKEN}` },
    artifact: { repository: "demo/alp", digest: DIGEST, tag: "1", mime_type: OCI },
    enabled_capabilities: [{ type: "vulnerability", produces_mime_types: [REPORT_11] }],
  });
  expect(seen[1]?.body).toHaveProperty("artifact", {
    repository: "demo/alp",
    digest: DIGEST,
    mime_type: OCI,
  });
});

test.each<[Answer, string]>([
  [
    { status: 422, body: { error: { message: "invalid field: registry" } } },
    "answered with 422: invalid field: registry",
  ],
  [{ status: 400, body: { error: { message: 7 } } }, "answered with 400"],
  [{ status: 501, body: "" }, "answered with 501"],
  [{ status: 500, body: "<html>" }, "answered with 500"],
  [{ status: 503, headers: { "retry-after": "9" }, body: "" }, "answered with 503"],
  [{ status: 401, body: "" }, "refused the credentials"],
  [{ status: 200, body: { id: "1" } }, "answered with 200"],
  [{ status: 302, headers: { location: "/api/v1/x" }, body: "" }, "answered with 302"],
  [{ status: 202, body: {} }, "malformed at id: expected"],
  [{ status: 202, body: { id: "" } }, "malformed at id"],
  [{ status: 202, body: { id: ".." } }, "malformed at id"],
  [{ status: 202, body: '{"id":"\\ud800"}' }, "malformed at id"],
  [{ status: 202, body: { id: "x".repeat(257) } }, "malformed at id"],
  [{ status: 202, body: { id: ["1"] } }, "malformed at id"],
])(
  "an answer to a submitted scan of %j is an error, after one request",
  async (answer, message) => {
    const { url, seen } = await stub(() => answer);
    expect(await messageOf(submitScan(IMAGE, CAPABILITY, optionsOf(url)))).toContain(message);
    expect(seen).toHaveLength(1);
  },
);

test("what an adapter repeats of the tokens is not in the error", async () => {
  const password = "correct horse";
  const pair = btoa(`robot:${password}`);
  const auth: AdapterAuth = { kind: "api-key", key: "key with spaces" };
  const { url } = await stub(() => ({
    status: 500,
    body: { error: { message: `pull: ${TOKEN} ${pair} ${password} key with spaces ended` } },
  }));
  const options = optionsOf(url, auth);
  const byToken = await messageOf(submitScan(IMAGE, CAPABILITY, options));
  expect(byToken).toContain("pull: [secret] ");
  expect(byToken).toContain(" [secret] ended");
  const basic = { ...IMAGE, authorization: `Basic ${pair}` };
  expect(await messageOf(submitScan(basic, CAPABILITY, options))).toContain(
    `pull: ${TOKEN} [secret] [secret] [secret] ended`,
  );
  // A short secret that a longer one begins with leaves nothing of it.
  const short = optionsOf(url, { kind: "api-key", key: TOKEN.slice(0, 3) });
  expect(await messageOf(submitScan(IMAGE, CAPABILITY, short))).toContain("pull: [secret] ");
});

test("a report is findings with the packages as it names them", async () => {
  const { url, seen } = await stub(() => ({
    headers: { "content-type": REPORT_11 },
    body: REPORT,
  }));
  expect(await report(url)).toEqual({
    kind: "finished",
    findings: [
      {
        id: "CVE-2099-0001",
        aliases: [],
        package: packageOf({ type: "generic", name: "libcrypto3", version: "3.1.4-r0" }),
        fixedVersion: "3.1.4-r5",
        severity: "critical",
        severitySource: "Trivy",
        url: "https://avd.aquasec.com/nvd/cve-2099-0001",
        summary: "A hole",
      },
    ],
  });
  expect(seen).toMatchObject([
    { method: "GET", path: SCAN_PATH, body: null, headers: { accept: REPORT_11 } },
  ]);
});

test("packages that we know take the place of those of one type by their name and version", async () => {
  const libcrypto = packageOf({
    type: "apk",
    name: "libcrypto3",
    version: "3.1.4-r0",
    source: { name: "openssl", version: "3.1.4-r0" },
  });
  const lodash = ["a", "b"].map((path) =>
    packageOf({ type: "npm", name: "lodash", version: "4.17.20", path }),
  );
  const requests = ["deb", "pypi"].map((type) =>
    packageOf({ type: type as "deb", name: "requests", version: "2.28.1" }),
  );
  const go = packageOf({ type: "golang", name: "stdlib", version: "go1.21.3" });
  const vulnerabilities = [
    { id: "CVE-1", package: "libcrypto3", version: "3.1.4-r0", severity: "High" },
    { id: "CVE-2", package: "lodash", version: "4.17.20", severity: "Low" },
    { id: "CVE-2", package: "lodash", version: "4.17.20", severity: "High" },
    { id: "CVE-2", package: "lodash", version: "4.17.20", severity: "Medium" },
    { id: "CVE-3", package: "requests", version: "2.28.1", severity: "Moderate" },
    { id: "CVE-4", package: "stdlib", version: "v1.21.3", severity: "Unknown" },
    { id: "CVE-5", package: "lodash", version: "4.17.21", severity: "None" },
  ];
  const findings = await findingsOf(vulnerabilities, [libcrypto, ...lodash, ...requests, go]);
  expect(findings.map(({ id, package: pkg, severity }) => [id, pkg, severity])).toEqual([
    ["CVE-1", libcrypto, "high"],
    ["CVE-2", lodash[0], "high"],
    ["CVE-2", lodash[1], "high"],
    ["CVE-3", packageOf({ type: "generic", name: "requests", version: "2.28.1" }), "medium"],
    ["CVE-4", go, "unknown"],
    ["CVE-5", packageOf({ type: "generic", name: "lodash", version: "4.17.21" }), "negligible"],
  ]);
});

test("a report without vulnerabilities has no findings, and a null in each field is none", async () => {
  expect(await findingsOf(null)).toEqual([]);
  expect(await findingsOf([])).toEqual([]);
  const nulls = { version: null, fix_version: null, severity: null, links: null };
  expect(await findingsOf([{ id: "CVE-1", package: "a", description: null, ...nulls }])).toEqual([
    {
      id: "CVE-1",
      aliases: [],
      package: packageOf({ type: "generic", name: "a", version: "" }),
      fixedVersion: null,
      severity: "unknown",
      severitySource: null,
      url: "https://osv.dev/vulnerability/CVE-1",
      summary: "",
    },
  ]);
});

test.each([
  [undefined, 10_000],
  ["30", 30_000],
  ["0", 1_000],
  ["99999999999999999999", 600_000],
  ["-5", 10_000],
  ["Tue, 01 Dec 2026 04:15:53 GMT", 10_000],
])("302 with Refresh-After %s means a wait of %d ms", async (refreshAfter, waitMs) => {
  const { url, seen } = await stub(() => ({
    status: 302,
    headers: {
      location: "http://127.0.0.1:1/elsewhere",
      ...(refreshAfter === undefined ? {} : { "refresh-after": refreshAfter }),
    },
    body: "",
  }));
  expect(await report(url)).toEqual({ kind: "pending", waitMs });
  expect(seen).toHaveLength(1);
});

test("a redirect to the adapter itself is not followed either, and no other server gets a token", async () => {
  const other = await stub(() => ({ body: REPORT }));
  for (const status of [301, 302, 303, 307, 308]) {
    const { url, seen } = await stub(({ path }: Seen) =>
      path === SCAN_PATH
        ? { status, headers: { location: status === 307 ? `${other.url}/` : "/other" }, body: "" }
        : { body: REPORT },
    );
    const auth: AdapterAuth = { kind: "bearer", token: "T" };
    const answer = adapterReport(SCAN, [], optionsOf(url, auth));
    if (status === 302) expect(await answer).toMatchObject({ kind: "pending" });
    else expect(await messageOf(answer)).toContain(`answered with ${status}`);
    expect(seen).toHaveLength(1);
  }
  expect(other.seen).toEqual([]);
});

test("a scan that the adapter does not know is gone; one that failed says why", async () => {
  const gone = await stub(() => ({ status: 404, body: "" }));
  expect(await report(gone.url)).toEqual({ kind: "gone" });
  for (const [status, message] of [
    [500, "running trivy: exit 1"],
    [501, "no such report"],
    [415, "type"],
  ] as const) {
    const { url } = await stub(() => ({ status, body: { error: { message } } }));
    expect(await messageOf(report(url))).toBe(`${url} answered with ${status}: ${message}`);
  }
});

test.each([
  ["[]", "malformed at vulnerabilities: expected"],
  [{}, "malformed at vulnerabilities: expected"],
  ["", "malformed: expected Object"],
  [{ vulnerabilities: {} }, "malformed at vulnerabilities: expected Array"],
  [{ vulnerabilities: [7] }, "malformed at vulnerabilities.0: expected Object"],
  [{ vulnerabilities: [{ id: "CVE-1" }] }, "malformed at vulnerabilities.0.package"],
  [{ vulnerabilities: [{ id: 1, package: "a" }] }, "malformed at vulnerabilities.0.id"],
  [{ vulnerabilities: [{ id: "x".repeat(257), package: "a" }] }, "vulnerabilities.0.id"],
  [
    { vulnerabilities: [{ id: "CVE-1", package: "a", links: "https://a" }] },
    "vulnerabilities.0.links",
  ],
  [{ vulnerabilities: [], artifact: { digest: `sha256:${"b".repeat(64)}` } }, "on another image"],
])("a report %j is refused", async (body, message) => {
  const { url } = await stub(() => ({ body }));
  expect(await messageOf(report(url))).toContain(message);
});

test("deep JSON is refused where it counts, and harmless where not", async () => {
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  const beside = await stub(() => ({ body: `{"x":${deep},"vulnerabilities":[]}` }));
  expect(await report(beside.url)).toEqual({ kind: "finished", findings: [] });
  const within = await stub(() => ({ body: `{"vulnerabilities":${deep}}` }));
  expect(await messageOf(report(within.url))).toContain("malformed at vulnerabilities.0");
});

test("a report longer than 32 MiB and metadata longer than 1 MiB are refused", async () => {
  const { url } = await stub(({ path }) => ({
    body: `{"x":"${"x".repeat(path.endsWith("/metadata") ? 1024 ** 2 : 32 * 1024 ** 2)}"}`,
  }));
  expect(await messageOf(report(url))).toContain("longer than 32 MiB");
  expect(await messageOf(adapterMetadata(optionsOf(url)))).toContain("longer than 1 MiB");
});

function many(length: number) {
  return Array.from({ length }, (_, i) => ({ id: `CVE-${i}`, package: "a", version: "1" }));
}

test("more than 20,000 findings are refused, in the report and by the copies of a package", async () => {
  expect(await findingsOf(many(20_000))).toHaveLength(20_000);
  await expect(findingsOf(many(20_001))).rejects.toThrow("more than 20000 findings");
  const copies = Array.from({ length: 5_000 }, (_, i) =>
    packageOf({ type: "npm", name: "a", version: "1", path: `${i}` }),
  );
  expect(await findingsOf(many(4), copies)).toHaveLength(20_000);
  await expect(findingsOf(many(5), copies)).rejects.toThrow("more than 20000 findings");
  // The same finding again and again is one.
  const same = Array.from({ length: 100_000 }, () => ({ id: "CVE-1", package: "a", version: "1" }));
  expect(await findingsOf(same, copies)).toHaveLength(5_000);
});

test("names and ids that are not well-formed make addresses nevertheless", async () => {
  const { url } = await stub(() => ({
    body: '{"vulnerabilities":[{"id":"\\ud800","package":"\\udc00","version":"\\ud800"}]}',
  }));
  expect(await report(url)).toMatchObject({
    findings: [
      {
        id: "\ufffd",
        package: { name: "\ufffd", version: "\ufffd" },
        url: "https://osv.dev/vulnerability/%EF%BF%BD",
      },
    ],
  });
});
