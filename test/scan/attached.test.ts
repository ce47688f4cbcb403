/** What people attach to images about what is in them, and what is written of findings for other programs. */
import { beforeEach, describe, expect, test } from "vitest";
import { RegistryClient, withSettings } from "../support/client.ts";
import {
  describe as descriptor,
  imageManifest,
  index,
  type Manifest,
  text,
} from "../support/images.ts";
import { turn } from "../support/jobs.ts";
import { api, done, makeNamespace, refused } from "../support/management.ts";
import { alpine, jobWith, layer, ListMatcher, pushImage, scanAll, scanJob } from "./images.ts";

const MUSL = { id: "CVE-2099-1", severity: "high", package: "musl", fixed: "9" } as const;

let name: string;
let client: RegistryClient;
let image: Manifest;

beforeEach(async () => {
  const { namespace } = await makeNamespace();
  name = `${namespace}/app`;
  client = new RegistryClient({ repository: name });
  await turn(scanJob());
  image = await pushImage(client, [layer(alpine({ musl: "1.2.4-r2" }))]);
});

const path = (rest: string) => `/repositories/${name}/-/manifests/${image.digest}/${rest}`;

async function attach(
  body: unknown,
  mediaType: string,
  annotations = {},
  subject = image,
): Promise<void> {
  const document = await client.pushBlob(text(JSON.stringify(body)));
  const config = await client.pushBlob(text("{}"));
  const fields = {
    subject: descriptor(subject, subject.mediaType),
    artifactType: mediaType,
    layers: [{ ...descriptor(document, mediaType), annotations }],
  };
  const attached = imageManifest({ config, fields });
  await client.pushManifest(attached, attached.digest);
}

const VEX = (status: string) => ({
  "@context": "https://openvex.dev/ns/v0.2.0",
  "@id": "https://example.com/vex-1",
  author: "Security team",
  timestamp: "2026-01-01T00:00:00Z",
  version: 1,
  statements: [
    {
      vulnerability: { name: "CVE-2099-1" },
      products: [{ "@id": "pkg:apk/alpine/musl" }],
      status,
      justification: "vulnerable_code_not_in_execute_path",
    },
  ],
});

/** The answer to a pull with a policy. */
async function pulled(policy: object): Promise<number> {
  await done("PUT", `/repositories/${name}/-/scan-policy`, { severity: "high", ...policy });
  return (await client.get("manifests/latest")).status;
}

describe("an OpenVEX document", () => {
  test("changes a finding's status, and keeps it from blocking only where the policy takes such documents", async () => {
    const matcher = new ListMatcher([MUSL]);
    await scanAll(scanJob(matcher));
    await attach(VEX("not_affected"), "application/vnd.openvex+json");
    await scanAll(scanJob(matcher));
    const { items, counts } = await done<{ items: object[]; counts: object }>(
      "GET",
      path("vulnerabilities"),
    );
    expect(items).toMatchObject([
      {
        id: "CVE-2099-1",
        status: "not_affected",
        reason: "vulnerable_code_not_in_execute_path",
        author: "Security team",
      },
    ]);
    expect(counts).toMatchObject({ high: { all: 0 } });
    expect([await pulled({}), await pulled({ vex: true })]).toEqual([403, 200]);
  });

  test("about an index that names the image counts for the image, in its list and for the policy", async () => {
    const list = await client.pushManifest(index([image]), "list");
    const [vex] = VEX("not_affected").statements;
    const products = [{ "@id": `pkg:oci/app@${encodeURIComponent(list.digest)}` }];
    const document = { ...VEX("not_affected"), statements: [{ ...vex, products }] };
    await attach(document, "application/vnd.openvex+json", {}, list);
    await scanAll(scanJob(new ListMatcher([MUSL])));
    const { items } = await done<{ items: object[] }>("GET", path("vulnerabilities"));
    expect(items).toMatchObject([{ status: "not_affected" }]);
    expect(await pulled({ vex: true })).toBe(200);
  });

  test("in an in-toto statement counts too; one that says nothing of the package does not", async () => {
    const statement = {
      _type: "https://in-toto.io/Statement/v1",
      subject: [],
      predicateType: "https://openvex.dev/ns/v0.2.0",
    };
    const matcher = new ListMatcher([MUSL]);
    await attach({ ...statement, predicate: VEX("fixed") }, "application/vnd.in-toto+json", {
      "in-toto.io/predicate-type": statement.predicateType,
    });
    await scanAll(scanJob(matcher));
    const { items } = await done<{ items: object[] }>("GET", path("vulnerabilities"));
    expect(items).toMatchObject([{ status: "fixed" }]);
  });
});

const SBOM = {
  bomFormat: "CycloneDX",
  specVersion: "1.5",
  components: [
    { type: "operating-system", name: "alpine", version: "3.19.1" },
    {
      type: "library",
      name: "zlib",
      version: "1.3",
      purl: "pkg:apk/alpine/zlib@1.3?distro=alpine-3.19.1",
    },
  ],
};

describe("an attached SBOM", () => {
  test("is taken instead of the layers where the settings say so, as a claim", async () => {
    await attach(SBOM, "application/vnd.cyclonedx+json");
    await scanAll(
      jobWith({ takesAttached: true }, [new ListMatcher([{ ...MUSL, package: "zlib" }])]),
    );
    const send = withSettings({ SBOM_SOURCE: "attached" });
    const { items, origin } = await done<{ items: { name: string }[]; origin: string }>(
      "GET",
      path("packages"),
      undefined,
      { send },
    );
    expect([items.map((pkg) => pkg.name), origin]).toEqual([["zlib"], "sbom"]);
    const found = await done<{ items: object[] }>("GET", path("vulnerabilities"));
    expect(found.items).toMatchObject([{ package: { name: "zlib", layer: null } }]);
  });

  test("is left alone otherwise", async () => {
    await attach(SBOM, "application/vnd.cyclonedx+json");
    await scanAll(scanJob());
    const { items, origin } = await done<{ items: { name: string }[]; origin: string }>(
      "GET",
      path("packages"),
    );
    expect([items.map((pkg) => pkg.name), origin]).toEqual([["musl"], "layers"]);
  });

  test("that cannot be read is not taken", async () => {
    await attach({ bomFormat: "CycloneDX" }, "application/vnd.cyclonedx+json");
    await scanAll(jobWith({ takesAttached: true }, []));
    const { origin } = await done<{ origin: string }>("GET", path("packages"));
    expect(origin).toBe("layers");
  });
});

const SARIF = {
  version: "2.1.0",
  runs: [
    {
      tool: {
        driver: {
          name: "Trivy",
          rules: [{ id: "CVE-2099-1", properties: { "security-severity": "9.8" } }],
        },
      },
      results: [{ ruleId: "CVE-2099-1", ruleIndex: 0, message: { text: "x" } }],
    },
  ],
};

describe("a report that CI attached", () => {
  test("is listed with its tool and numbers, and where it is from", async () => {
    await attach(SARIF, "application/sarif+json");
    const { items } = await done<{ items: object[] }>("GET", path("attached-reports"));
    expect(items).toMatchObject([
      {
        mediaType: "application/sarif+json",
        tool: "Trivy",
        counts: { critical: 1, high: 0 },
        problem: null,
      },
    ]);
  });

  test("that cannot be read says why", async () => {
    await attach({ runs: 1 }, "application/sarif+json");
    const { items } = await done<{ items: object[] }>("GET", path("attached-reports"));
    expect(items).toMatchObject([
      { tool: null, counts: null, problem: expect.stringContaining("runs") },
    ]);
  });
});

describe("findings for other programs", () => {
  test.each([
    ["sarif", "application/sarif+json"],
    ["csv", "text/csv; charset=utf-8"],
    ["cyclonedx-vex", "application/vnd.cyclonedx+json"],
    ["cosign-vuln", "application/vnd.in-toto+json"],
  ])("are had as %s", async (format, type) => {
    expect(await refused("GET", path("vulnerability-report"))).toEqual({
      status: 404,
      code: "NOT_FOUND",
    });
    await scanAll(scanJob(new ListMatcher([MUSL])));
    const answer = await api("GET", path(`vulnerability-report?format=${format}`));
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, type]);
    const body = await answer.text();
    expect(body).toContain("CVE-2099-1");
    expect(body).toContain(`registry.test/${name}`);
  });

  test("are in no other format", async () => {
    expect(await refused("GET", path("vulnerability-report?format=pdf"))).toEqual({
      status: 400,
      code: "FIELD_INVALID",
    });
  });
});
