/** Matching by `trivy server`, against a server on loopback that checks each field it gets. */
import { expect, test } from "vitest";
import { matchByTrivy, trivyDatabaseTime } from "../../../src/scan/match/trivy/client.ts";
import type { TrivyImage } from "../../../src/scan/match/trivy/request.ts";
import { ALPINE, type Answer, packageOf, type Seen, stub, transport } from "./stub.ts";

const CACHE = "/twirp/trivy.cache.v1.Cache";
const SCAN = "/twirp/trivy.scanner.v1.Scanner/Scan";

const LIBCRYPTO = packageOf({
  type: "apk",
  name: "libcrypto3",
  version: "3.1.4-r0",
  arch: "x86_64",
  path: "lib/apk/db/installed",
  source: { name: "openssl", version: "3.1.4-r0" },
});
const BUSYBOX = packageOf({ type: "apk", name: "busybox", version: "1.36.1-r15" });
const LODASH = ["app", "tool"].map((folder) =>
  packageOf({
    type: "npm",
    name: "lodash",
    version: "4.17.20",
    path: `${folder}/node_modules/lodash/package.json`,
  }),
);
const STDLIB = packageOf({ type: "golang", name: "stdlib", version: "go1.21.3", path: "bin/x" });

const IMAGE: TrivyImage = {
  target: "demo/alp:1",
  listId: "sha256:list",
  packages: [LIBCRYPTO, BUSYBOX, ...LODASH, STDLIB],
  distribution: ALPINE,
};

const LIBRARIES = LODASH.map(({ path }, i) => ({
  id: `${i + 2}:lodash@4.17.20`,
  name: "lodash",
  version: "4.17.20",
  file_path: path,
}));
const GO = [{ id: "4:stdlib@go1.21.3", name: "stdlib", version: "v1.21.3", file_path: "bin/x" }];

const FOUND = [
  {
    vulnerability_id: "CVE-2099-0001",
    vendor_ids: ["ALPINE-1"],
    pkg_id: "0:libcrypto3@3.1.4-r0",
    pkg_name: "libcrypto3",
    installed_version: "3.1.4-r0",
    fixed_version: "3.1.4-r5",
    title: "A hole\nin openssl",
    severity: "CRITICAL",
    severity_source: "nvd",
    primary_url: "https://avd.aquasec.com/nvd/cve-2099-0001",
    status: 3,
    layer: { digest: "", diff_id: "" },
  },
  {
    vulnerability_id: "CVE-2099-0003",
    pkg_id: "3:lodash@4.17.20",
    pkg_name: "lodash",
    installed_version: "4.17.20",
    fixed_version: "5.0.1, 4.17.21",
    severity: "UNKNOWN",
  },
  // An old server gives no id; another names a package that nobody sent.
  {
    vulnerability_id: "CVE-2099-0002",
    pkg_name: "busybox",
    installed_version: "1.36.1-r15",
    fixed_version: "",
    severity: "LOW",
  },
  { vulnerability_id: "CVE-2099-0009", pkg_name: "bash", installed_version: "5", severity: "LOW" },
];

/** A server with a cache, as Trivy has one. */
function trivy(known = new Set<string>()) {
  return ({ path, body }: Seen): Answer => {
    switch (path) {
      case `${CACHE}/MissingBlobs`: {
        const { artifact_id: artifact, blob_ids: blobs } = body as {
          artifact_id: string;
          blob_ids: string[];
        };
        const missing = blobs.filter((id) => !known.has(id));
        return { body: { missing_artifact: !known.has(artifact), missing_blob_ids: missing } };
      }
      case `${CACHE}/PutBlob`:
        known.add((body as { diff_id: string }).diff_id);
        return { body: {} };
      case `${CACHE}/PutArtifact`:
        return { body: {} };
      case SCAN:
        return known.size === 0
          ? {
              status: 500,
              body: { code: "internal", msg: "failed scan, x: layer cache missing: sha256:list" },
            }
          : {
              body: {
                os: {},
                results: [{ vulnerabilities: FOUND }, { vulnerabilities: null, packages: [] }],
              },
            };
      default:
        return { status: 404, body: { code: "bad_route", msg: path } };
    }
  };
}

function match(url: string) {
  return matchByTrivy(IMAGE, { ...transport(), baseUrl: url, token: "T" });
}

test("a new list is put in three calls and scanned, with the names of both generations", async () => {
  const { url, seen } = await stub(trivy());
  await match(url);
  expect(seen.map(({ method, path, body }) => ({ method, path, body }))).toEqual([
    {
      method: "POST",
      path: `${CACHE}/MissingBlobs`,
      body: { artifact_id: "sha256:list", blob_ids: ["sha256:list"] },
    },
    {
      method: "POST",
      path: `${CACHE}/PutBlob`,
      body: {
        diff_id: "sha256:list",
        blob_info: {
          schema_version: 2,
          digest: "sha256:list",
          diff_id: "sha256:list",
          os: { family: "alpine", name: "3.19.1" },
          package_infos: [
            {
              file_path: "",
              packages: [
                {
                  id: "0:libcrypto3@3.1.4-r0",
                  name: "libcrypto3",
                  version: "3.1.4-r0",
                  arch: "x86_64",
                  src_name: "openssl",
                  src_version: "3.1.4-r0",
                },
                {
                  id: "1:busybox@1.36.1-r15",
                  name: "busybox",
                  version: "1.36.1-r15",
                  src_name: "busybox",
                  src_version: "1.36.1-r15",
                },
              ],
            },
          ],
          applications: [
            { type: "node-pkg", file_path: "", packages: LIBRARIES, libraries: LIBRARIES },
            { type: "gobinary", file_path: "", packages: GO, libraries: GO },
          ],
        },
      },
    },
    {
      method: "POST",
      path: `${CACHE}/PutArtifact`,
      body: { artifact_id: "sha256:list", artifact_info: { schema_version: 1 } },
    },
    {
      method: "POST",
      path: SCAN,
      body: {
        target: "demo/alp:1",
        artifact_id: "sha256:list",
        blob_ids: ["sha256:list"],
        options: { pkg_types: ["os", "library"], vuln_type: ["os", "library"], scanners: ["vuln"] },
      },
    },
  ]);
  for (const { headers } of seen) {
    expect(headers).toMatchObject({ "content-type": "application/json", "trivy-token": "T" });
  }
});

test("the answer is findings of the packages that were sent", async () => {
  const { url } = await stub(trivy());
  expect(await match(url)).toEqual([
    {
      id: "CVE-2099-0001",
      aliases: ["ALPINE-1"],
      package: LIBCRYPTO,
      fixedVersion: "3.1.4-r5",
      severity: "critical",
      severitySource: "nvd",
      url: "https://avd.aquasec.com/nvd/cve-2099-0001",
      summary: "A hole",
    },
    {
      id: "CVE-2099-0003",
      aliases: [],
      package: LODASH[1],
      fixedVersion: "4.17.21",
      severity: "unknown",
      severitySource: null,
      url: "https://osv.dev/vulnerability/CVE-2099-0003",
      summary: "",
    },
    {
      id: "CVE-2099-0002",
      aliases: [],
      package: BUSYBOX,
      fixedVersion: null,
      severity: "low",
      severitySource: "Trivy",
      url: "https://osv.dev/vulnerability/CVE-2099-0002",
      summary: "",
    },
  ]);
});

test("a list that the server knows is only scanned", async () => {
  const { url, seen } = await stub(trivy(new Set(["sha256:list"])));
  expect(await match(url)).toHaveLength(3);
  expect(seen.map(({ path }) => path)).toEqual([`${CACHE}/MissingBlobs`, SCAN]);
});

test("a list that the server loses in between is put again", async () => {
  const known = new Set(["sha256:list"]);
  const answer = trivy(known);
  const { url, seen } = await stub((request) => {
    const answered = answer(request);
    if (request.path.endsWith("MissingBlobs")) known.clear();
    return answered;
  });
  expect(await match(url)).toHaveLength(3);
  expect(seen.map(({ path }) => path.slice(path.lastIndexOf("/") + 1))).toEqual([
    "MissingBlobs",
    "Scan",
    "PutBlob",
    "PutArtifact",
    "Scan",
  ]);
});

test.each<[string, Answer, string]>([
  [
    "a wrong token",
    { status: 401, body: { code: "unauthenticated", msg: "invalid token" } },
    "refused the token",
  ],
  [
    "a failure",
    { status: 500, body: { code: "internal", msg: "no database" } },
    "answered with 500: no database",
  ],
  ["another server", { body: "<html>" }, "that is not a Trivy server's"],
  [
    "a redirect",
    { status: 307, headers: { location: "http://127.0.0.1:1/" }, body: "" },
    "answered with 307",
  ],
])("%s is said", async (_, answer, message) => {
  const { url } = await stub(() => answer);
  await expect(match(url)).rejects.toThrow(message);
});

test("the time of the database is that of /version, and an old server has none", async () => {
  const time = {
    Version: "0.74.0",
    VulnerabilityDB: { Version: 2, UpdatedAt: "2026-01-01T00:00:00Z" },
  };
  const { url, seen } = await stub(() =>
    seen.length === 1 ? { body: time } : { status: 404, body: "" },
  );
  const options = { ...transport(), baseUrl: url, token: null };
  expect(await trivyDatabaseTime(options)).toBe("2026-01-01T00:00:00Z");
  expect(await trivyDatabaseTime(options)).toBeNull();
  expect(seen[0]?.headers).not.toHaveProperty("trivy-token");
});

test("a link that is no web page's is none: it becomes one that people follow", async () => {
  const { url } = await stub(({ path }) =>
    path === SCAN
      ? {
          body: {
            results: [
              {
                vulnerabilities: [
                  { ...FOUND[0], primary_url: "javascript:alert(document.domain)//https://x" },
                ],
              },
            ],
          },
        }
      : { body: {} },
  );
  expect((await match(url)).map((finding) => finding.url)).toEqual([
    "https://osv.dev/vulnerability/CVE-2099-0001",
  ]);
});

test.each([[[]], [{ results: [[]] }], [{ results: {} }]])(
  "an answer like %j is not taken for one that finds nothing",
  async (body) => {
    const { url } = await stub(({ path }) => ({ body: path === SCAN ? body : {} }));
    await expect(match(url)).rejects.toThrow("not a Trivy server's");
  },
);

test("a server that repeats the token in its message does not have it shown", async () => {
  const { url } = await stub(() => ({
    status: 400,
    body: { code: "malformed", msg: `bad header Trivy-Token: secret-token, ${"x".repeat(600)}` },
  }));
  const options = { ...transport(), baseUrl: url, token: "secret-token" };
  const error = await matchByTrivy(IMAGE, options).then(String, String);
  expect(error).toContain("bad header Trivy-Token: [secret]");
  expect(error.length).toBeLessThan(400);
});
