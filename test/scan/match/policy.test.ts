/** What exceptions, OpenVEX documents and the policy make of findings. */
import { describe, expect, test } from "vitest";
import { assess, type Exception } from "../../../src/scan/assessment.ts";
import type { Finding } from "../../../src/scan/match/finding.ts";
import { namesPackage, parsePurl, purlOf } from "../../../src/scan/match/purl.ts";
import { SEVERITIES } from "../../../src/scan/match/severity.ts";
import type { Package } from "../../../src/scan/package.ts";
import {
  decide,
  gateOf,
  reasonOf,
  type ScanPolicy,
  type SeenFinding,
} from "../../../src/scan/policy.ts";
import { parseVex, type VexStatement } from "../../../src/scan/vex.ts";
import { ALPINE, packageOf } from "./stub.ts";

const NOW_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;
const DIGEST = "sha256:image";
const IMAGE = { repository: "team/app", digests: [DIGEST, "sha256:index"] };

const OPENSSL = packageOf({
  type: "apk",
  name: "libcrypto3",
  version: "3.1.4-r0",
  source: { name: "openssl", version: "3.1.4-r0" },
});

const FINDING: Finding = {
  id: "CVE-2099-1",
  aliases: ["ALPINE-CVE-2099-1", "GHSA-1"],
  package: OPENSSL,
  fixedVersion: "3.1.4-r5",
  severity: "high",
  severitySource: "CVSS 3.1 of CVE-2099-1",
  url: "https://osv.dev/vulnerability/CVE-2099-1",
  summary: "",
};

function assessed(given: {
  exceptions?: Exception[];
  statements?: VexStatement[];
  finding?: Finding;
}) {
  const { exceptions = [], statements = [], finding = FINDING } = given;
  return assess([finding], { exceptions, statements, image: IMAGE, nowMs: NOW_MS })[0];
}

function exception(given: Partial<Exception> = {}): Exception {
  return {
    vulnerability: "CVE-2099-1",
    package: null,
    reason: "not reachable",
    author: "alice",
    expiresMs: null,
    ...given,
  };
}

function seen(given: Partial<SeenFinding> = {}): SeenFinding {
  return {
    ...FINDING,
    status: "open",
    reason: "",
    author: "",
    untilMs: null,
    firstSeenMs: NOW_MS - HOUR_MS,
    ...given,
  };
}

const POLICY: ScanPolicy = {
  severity: "high",
  fixableOnly: false,
  unscanned: false,
  unscannable: false,
  unsigned: false,
  vex: false,
  graceHours: 0,
  exempt: [],
};

const STATE = { unscannable: null, gate: null, isSigned: false };

/** The reason for which an image with these findings is refused; null if it is not. */
function refusal(policy: ScanPolicy, findings: readonly SeenFinding[], nowMs = NOW_MS) {
  const block = decide(policy, { ...STATE, gate: gateOf(findings) }, nowMs);
  return block && reasonOf(block, policy, { unscannable: null, findings }, nowMs);
}

describe("exceptions", () => {
  test.each([
    ["by the finding's id", {}, "accepted"],
    ["by an alias", { vulnerability: "GHSA-1" }, "accepted"],
    ["of another vulnerability", { vulnerability: "CVE-2099-2" }, "open"],
    ["of the package", { package: "libcrypto3" }, "accepted"],
    ["of its source", { package: "openssl" }, "accepted"],
    ["of another package", { package: "busybox" }, "open"],
    ["that ends later", { expiresMs: NOW_MS + 1 }, "accepted"],
    ["that ends now", { expiresMs: NOW_MS }, "open"],
  ])("one %s leaves the finding as it says", (_, given, status) => {
    expect(assessed({ exceptions: [exception(given)] })?.status).toBe(status);
  });

  test("an accepted finding says why, by whom and until when: of several exceptions the longest", () => {
    const exceptions = [
      exception({ expiresMs: NOW_MS + 1, reason: "short" }),
      exception({ expiresMs: NOW_MS + 9, reason: "long", author: "bob" }),
    ];
    expect(assessed({ exceptions })).toEqual({
      ...FINDING,
      status: "accepted",
      reason: "long",
      author: "bob",
      untilMs: NOW_MS + 9,
    });
    expect(assessed({ exceptions: [...exceptions, exception()] })?.untilMs).toBeNull();
  });
});

function vex(statements: unknown[]): readonly VexStatement[] {
  const parsed = parseVex({
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://example.com/vex-1",
    author: "Security team",
    timestamp: "2026-01-01T00:00:00Z",
    version: 1,
    statements,
  });
  if (parsed === null) throw new Error("the test's document is none");
  return parsed;
}

const IMAGE_PURL = `pkg:oci/app@${encodeURIComponent(DIGEST)}?repository_url=x.example/team/app`;

function statement(timestamp: string, status: string, justification?: string): object {
  const products = [IMAGE_PURL];
  return { vulnerability: { name: "CVE-2099-1" }, products, timestamp, status, justification };
}

/** The status of the finding after a document that says it is not affected in a product. */
function said(product: unknown, more: Record<string, unknown> = {}): string | undefined {
  const about = { ...statement("2026-01-01T00:00:00Z", "not_affected"), products: [product] };
  return assessed({ statements: [...vex([{ ...about, ...more }])] })?.status;
}

describe("OpenVEX", () => {
  test.each([
    ["the image", { "@id": IMAGE_PURL }, "not_affected"],
    ["the image by an index it is in", { "@id": "pkg:oci/app@sha256%3Aindex" }, "not_affected"],
    ["the image by its name", { "@id": "pkg:oci/app" }, "not_affected"],
    ["the image as a text", IMAGE_PURL, "not_affected"],
    ["another image", { "@id": "pkg:oci/app@sha256%3Aother" }, "open"],
    ["an image of another name", { "@id": "pkg:oci/api" }, "open"],
    ["the package", { "@id": "pkg:apk/alpine/libcrypto3@3.1.4-r0?arch=x86_64" }, "not_affected"],
    [
      "the package by identifiers",
      { identifiers: { purl: "pkg:apk/alpine/libcrypto3" } },
      "not_affected",
    ],
    ["another version of the package", { "@id": "pkg:apk/alpine/libcrypto3@3.1.4-r1" }, "open"],
    [
      "the package in the image",
      { "@id": IMAGE_PURL, subcomponents: [{ "@id": "pkg:apk/alpine/libcrypto3" }] },
      "not_affected",
    ],
    [
      "another package in the image",
      { "@id": IMAGE_PURL, subcomponents: [{ "@id": "pkg:apk/alpine/zlib" }] },
      "open",
    ],
    ["no package URL", { "@id": "https://example.com/" }, "open"],
  ])("a statement about %s leaves the finding as it should", (_, product, status) => {
    expect(said(product)).toBe(status);
  });

  test("a statement names the vulnerability by any id, and only some statuses close a finding", () => {
    expect(said(IMAGE_PURL, { vulnerability: "GHSA-1" })).toBe("not_affected");
    expect(said(IMAGE_PURL, { vulnerability: { name: "x", aliases: ["GHSA-1"] } })).toBe(
      "not_affected",
    );
    expect(said(IMAGE_PURL, { vulnerability: { name: "CVE-2099-2" } })).toBe("open");
    expect(said(IMAGE_PURL, { status: "fixed" })).toBe("fixed");
    expect(said(IMAGE_PURL, { status: "under_investigation" })).toBe("open");
  });

  test("of two statements the later one counts, with its justification and author", () => {
    const denied = statement("2026-03-01T00:00:00Z", "not_affected", "component_not_present");
    const feared = statement("2026-02-01T00:00:00Z", "affected");
    expect(assessed({ statements: [...vex([denied, feared])] })).toMatchObject({
      status: "not_affected",
      reason: "component_not_present",
      author: "Security team",
    });
    const later = { ...feared, timestamp: "2026-04-01T00:00:00Z" };
    expect(assessed({ statements: [...vex([denied, later])] })?.status).toBe("open");
  });

  test("an exception comes before a statement", () => {
    const fixed = statement("2026-01-01T00:00:00Z", "fixed");
    expect(assessed({ exceptions: [exception()], statements: [...vex([fixed])] })?.status).toBe(
      "accepted",
    );
  });

  test("what is no document is none", () => {
    const document = { "@context": "https://openvex.dev/ns/v0.2.0", statements: [] };
    expect(parseVex(document)).toEqual([]);
    for (const json of [
      null,
      [],
      {},
      { ...document, "@context": "https://example.com" },
      { ...document, statements: [{}] },
    ]) {
      expect(parseVex(json)).toBeNull();
    }
    const many = Array.from({ length: 5_001 }, () => ({ vulnerability: "x", status: "fixed" }));
    expect(parseVex({ ...document, statements: many })).toBeNull();
  });
});

describe("the policy", () => {
  test("each severity blocks where it is the lowest that does, or above that", () => {
    for (const least of SEVERITIES) {
      const blocked = SEVERITIES.filter(
        (severity) => refusal({ ...POLICY, severity: least }, [seen({ severity })]) !== null,
      );
      expect(blocked).toEqual(SEVERITIES.slice(SEVERITIES.indexOf(least)));
    }
    expect(refusal({ ...POLICY, severity: null }, [seen({ severity: "critical" })])).toBeNull();
  });

  test("with fixes only, what has no fix does not block", () => {
    const policy = { ...POLICY, fixableOnly: true };
    expect(refusal(policy, [seen({ fixedVersion: null })])).toBeNull();
    expect(refusal(policy, [seen()])).toContain("with a fix");
    expect(refusal(policy, [seen({ fixedVersion: null }), seen()])).toContain("1 vulnerability");
  });

  test("unscanned and unscannable images are a switch each", () => {
    const unscanned = STATE;
    const unscannable = { ...STATE, unscannable: "it has no packages" };
    const blocks = (policy: Partial<ScanPolicy>) =>
      [unscanned, unscannable, { ...unscannable, gate: [] }].map((state) =>
        decide({ ...POLICY, ...policy }, state, NOW_MS),
      );
    expect(blocks({})).toEqual([null, null, null]);
    expect(blocks({ unscanned: true })).toEqual(["unscanned", null, null]);
    expect(blocks({ unscannable: true })).toEqual([null, "unscannable", "unscannable"]);
    const why = { unscannable: "it has no packages", findings: [] };
    expect(reasonOf("unscannable", POLICY, why, NOW_MS)).toBe(
      "the image cannot be scanned as a whole: it has no packages",
    );
  });

  test("a finding blocks when its grace time has ended", () => {
    const policy = { ...POLICY, graceHours: 2 };
    const findings = [seen({ firstSeenMs: NOW_MS }), seen()];
    const endMs = NOW_MS + HOUR_MS;
    expect(refusal(policy, findings, endMs - 1)).toBeNull();
    expect(refusal(policy, findings, endMs)).toContain("1 vulnerability");
    expect(refusal(policy, findings, endMs + HOUR_MS)).toContain("2 vulnerabilities");
  });

  test("an accepted finding blocks when its exception ends, and not before its grace time", () => {
    const accepted = [seen({ status: "accepted", untilMs: NOW_MS + 5 })];
    expect(refusal(POLICY, accepted)).toBeNull();
    expect(refusal(POLICY, accepted, NOW_MS + 5)).not.toBeNull();
    const policy = { ...POLICY, graceHours: 2 };
    expect(refusal(policy, accepted, NOW_MS + HOUR_MS - 1)).toBeNull();
    expect(refusal(policy, accepted, NOW_MS + HOUR_MS)).not.toBeNull();
  });

  test("a finding that is accepted for good never blocks", () => {
    expect(gateOf([seen({ status: "accepted" })])).toEqual([]);
    expect(refusal(POLICY, [seen({ status: "accepted" })])).toBeNull();
  });

  test.each(["not_affected", "fixed"] as const)(
    "a finding of which a document says that it is %s blocks, unless the policy takes such documents",
    (status) => {
      expect(refusal(POLICY, [seen({ status })])).toContain("1 vulnerability");
      expect(refusal({ ...POLICY, vex: true }, [seen({ status })])).toBeNull();
    },
  );

  test("what decides is no longer for a thousand findings than for those of each kind", () => {
    const findings = Array.from({ length: 1_000 }, (_, i) =>
      seen({
        id: `CVE-2099-${i}`,
        severity: SEVERITIES[i % 6] ?? "low",
        fixedVersion: i % 4 < 2 ? null : "9",
        firstSeenMs: NOW_MS - i,
      }),
    );
    expect(gateOf(findings)).toHaveLength(12);
  });

  test("the refusal names the three worst", () => {
    const findings = (["high", "critical", "high", "critical"] as const).map((severity, i) =>
      seen({ id: `CVE-2099-${i}`, severity, fixedVersion: i === 1 ? null : "3.1.4-r5" }),
    );
    expect(refusal(POLICY, findings)).toBe(
      "the image has 4 vulnerabilities of severity high or above: " +
        "CVE-2099-1 (critical) in libcrypto3 3.1.4-r0; " +
        "CVE-2099-3 (critical) in libcrypto3 3.1.4-r0, fixed in 3.1.4-r5; " +
        "CVE-2099-0 (high) in libcrypto3 3.1.4-r0, fixed in 3.1.4-r5; and 1 more",
    );
  });
});

describe("package URLs", () => {
  test.each<[Partial<Package> & Pick<Package, "type" | "name" | "version">, string]>([
    [
      { ...OPENSSL, arch: "x86_64" },
      "pkg:apk/alpine/libcrypto3@3.1.4-r0?arch=x86_64&distro=alpine-3.19.1&upstream=openssl",
    ],
    [{ type: "npm", name: "@scope/name", version: "1.0.0" }, "pkg:npm/%40scope/name@1.0.0"],
    [{ type: "maven", name: "org.a:b", version: "1" }, "pkg:maven/org.a/b@1"],
    [
      { type: "golang", name: "golang.org/x/net", version: "v0.1.0" },
      "pkg:golang/golang.org/x/net@v0.1.0",
    ],
    [
      { type: "rpm", name: "openssl-libs", version: "1:3.0.7-27.el9" },
      "pkg:rpm/alpine/openssl-libs@3.0.7-27.el9?distro=alpine-3.19.1&epoch=1",
    ],
    [{ type: "golang", name: "stdlib", version: "go1.22.3" }, "pkg:golang/stdlib@v1.22.3"],
    [{ type: "pypi", name: "Foo_Bar", version: "1+x" }, "pkg:pypi/foo-bar@1%2Bx"],
    [{ type: "nuget", name: "A.B", version: "1" }, "pkg:nuget/A.B@1"],
  ])("%o has its package URL, which names it", (given, text) => {
    const pkg = packageOf(given);
    expect(purlOf(pkg, ALPINE)).toBe(text);
    const purl = parsePurl(text);
    expect(purl !== null && namesPackage(purl, pkg)).toBe(true);
    expect(purl !== null && namesPackage(purl, { ...pkg, version: "0" })).toBe(false);
  });

  test("what is no package URL is none", () => {
    for (const text of [
      "",
      "pkg:",
      "pkg:npm",
      "pkg:npm/",
      "npm/x@1",
      "pkg:npm/%E0%A4%A@1",
      "pkg:npm//x",
    ]) {
      expect(parsePurl(text)).toBeNull();
    }
  });
});
