/** SBOMs that are attached to images: our own, those of other generators by their shape, and what is none. */
import { describe, expect, test } from "vitest";
import { UnreadableFile } from "../../../src/scan/layer/list.ts";
import type { Package } from "../../../src/scan/package.ts";
import { toCycloneDx } from "../../../src/scan/sbom/cyclonedx.ts";
import { readSbom } from "../../../src/scan/sbom/read.ts";
import { toSpdx } from "../../../src/scan/sbom/spdx.ts";
import { packageOf } from "../match/stub.ts";
import { sampleOf } from "./sample.ts";

function read(json: unknown) {
  return readSbom(JSON.stringify(json));
}

describe.each(["apk", "deb", "rpm"] as const)("our own SBOM of an image with %s", (system) => {
  test.each([
    ["CycloneDX", toCycloneDx],
    ["SPDX", toSpdx],
  ])("as %s gives the same list", (_, write) => {
    const image = sampleOf(system);
    expect(read(write(image))).toStrictEqual({
      packages: image.packages.map(({ layer: _layer, ...pkg }) => pkg),
      distribution: image.distribution,
      problems: [],
    });
  });
});

function cyclonedx(components: readonly unknown[], given: object = {}) {
  return { bomFormat: "CycloneDX", specVersion: "1.5", version: 1, components, ...given };
}

function spdx(packages: readonly object[], given: object = {}) {
  return {
    spdxVersion: "SPDX-2.3",
    SPDXID: "SPDXRef-DOCUMENT",
    packages: packages.map((pkg, i) => ({
      SPDXID: `SPDXRef-Package-${i}`,
      downloadLocation: "NOASSERTION",
      ...pkg,
    })),
    ...given,
  };
}

function purl(referenceLocator: string) {
  return [
    { referenceCategory: "SECURITY", referenceType: "cpe23Type", referenceLocator: "cpe:2.3:a:x" },
    { referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator },
  ];
}

const LOGIN: Package = {
  type: "deb",
  name: "login",
  version: "1:4.13+dfsg1-1+b1",
  source: { name: "shadow", version: "1:4.13+dfsg1-1" },
  arch: "amd64",
  path: "",
};

const OPENSSL: Package = {
  type: "rpm",
  name: "openssl-libs",
  version: "1:3.0.7-27.el9",
  source: { name: "openssl", version: "1:3.0.7-27.el9" },
  arch: "x86_64",
  path: "",
};

const property = (name: string, value: string) => ({ name: `aquasecurity:trivy:${name}`, value });

const statementOf = (predicate: unknown) => ({
  _type: "https://in-toto.io/Statement/v1",
  subject: [],
  predicateType: "https://cyclonedx.org/bom",
  predicate,
});
const envelope = (payload: unknown, encoding: "base64" | "base64url" = "base64") => ({
  payloadType: "application/vnd.in-toto+json",
  payload: Buffer.from(JSON.stringify(payload)).toString(encoding),
  signatures: [{ sig: "" }],
});

describe("CycloneDX", () => {
  test("Trivy splits the source's version, and has epochs in a qualifier", () => {
    const document = cyclonedx(
      [
        {
          "bom-ref": "0",
          type: "operating-system",
          name: "debian",
          version: "12.9",
          properties: [property("Class", "os-pkgs"), property("Type", "debian")],
        },
        {
          "bom-ref": "1",
          type: "library",
          supplier: { name: "Shadow package maintainers" },
          name: "login",
          version: "1:4.13+dfsg1-1+b1",
          purl: "pkg:deb/debian/login@4.13%2Bdfsg1-1%2Bb1?arch=amd64&distro=debian-12.9&epoch=1",
          properties: [
            property("LayerDigest", "sha256:1"),
            property("PkgType", "debian"),
            property("SrcEpoch", "1"),
            property("SrcName", "shadow"),
            property("SrcRelease", "1"),
            property("SrcVersion", "4.13+dfsg1"),
          ],
        },
        {
          "bom-ref": "2",
          type: "library",
          group: "@scope",
          name: "Name",
          version: "1.0.0",
          purl: "pkg:npm/%40scope/name@1.0.0",
          properties: [property("FilePath", "app/node_modules/@scope/name/package.json")],
        },
        { "bom-ref": "3", type: "application", name: "app/package-lock.json" },
      ],
      {
        specVersion: "1.7",
        metadata: {
          component: { type: "container", name: "app:1", purl: "pkg:oci/app@sha256%3A1" },
        },
      },
    );
    expect(read(document)).toStrictEqual({
      packages: [
        LOGIN,
        packageOf({
          type: "npm",
          name: "@scope/Name",
          version: "1.0.0",
          path: "app/node_modules/@scope/name/package.json",
        }),
      ],
      distribution: { id: "debian", version: "12.9", name: "debian 12.9" },
      problems: [],
    });
  });

  test("Syft has the source in the package URL, and the distribution in properties", () => {
    const document = cyclonedx([
      {
        type: "library",
        name: "login",
        version: "1:4.13+dfsg1-1+b1",
        purl: "pkg:deb/debian/login@1%3A4.13%2Bdfsg1-1%2Bb1?arch=amd64&distro=debian-12&upstream=shadow%401%3A4.13%2Bdfsg1-1",
        properties: [{ name: "syft:location:0:path", value: "/var/lib/dpkg/status" }],
      },
      {
        type: "library",
        name: "openssl-libs",
        version: "1:3.0.7-27.el9",
        purl: "pkg:rpm/rhel/openssl-libs@3.0.7-27.el9?arch=x86_64&distro=rhel-9.4&epoch=1&upstream=openssl-3.0.7-27.el9.src.rpm",
      },
      { type: "library", name: "stdlib", version: "go1.22.3", purl: "pkg:golang/stdlib@1.22.3" },
      { type: "application", name: "node", version: "22.1.0", purl: "pkg:generic/node@22.1.0" },
      { type: "file", name: "/etc/passwd" },
      {
        type: "operating-system",
        name: "rhel",
        version: "9.4",
        properties: [
          { name: "syft:distro:id", value: "rhel" },
          { name: "syft:distro:prettyName", value: "Red Hat Enterprise Linux 9.4 (Plow)" },
          { name: "syft:distro:versionID", value: "9.4" },
        ],
      },
    ]);
    expect(read(document)).toStrictEqual({
      packages: [
        { ...LOGIN, path: "var/lib/dpkg/status" },
        OPENSSL,
        packageOf({ type: "golang", name: "stdlib", version: "go1.22.3" }),
      ],
      distribution: { id: "rhel", version: "9.4", name: "Red Hat Enterprise Linux 9.4 (Plow)" },
      problems: [],
    });
  });

  test("Trivy's names of distributions become IDs of os-release", () => {
    const system = { type: "operating-system", name: "redhat", version: "9.4" };
    expect(read(cyclonedx([system])).distribution?.id).toBe("rhel");
    const library = {
      type: "library",
      name: "bash",
      purl: "pkg:rpm/redhat/bash@5.1.8-9.el9?distro=redhat-9.4",
    };
    expect(read(cyclonedx([library])).distribution).toStrictEqual({
      id: "rhel",
      version: "9.4",
      name: "redhat 9.4",
    });
  });

  test("components within components count, at any depth", () => {
    let component: object = { type: "library", name: "inner", purl: "pkg:cargo/inner@1.0.0" };
    for (let i = 0; i < 1_000; i++) {
      component = { type: "application", name: "outer", components: [component] };
    }
    expect(read(cyclonedx([component])).packages.map(({ name }) => name)).toStrictEqual(["inner"]);
  });

  test.each(["1.3", "1.4", "1.5", "1.6", "1.7"])("%s is read", (specVersion) => {
    const components = [{ type: "library", name: "x", purl: "pkg:gem/x@1" }];
    expect(read(cyclonedx(components, { specVersion })).packages).toHaveLength(1);
  });
});

describe("SPDX", () => {
  test("Trivy has the source in sourceInfo", () => {
    const document = spdx([
      {
        SPDXID: "SPDXRef-ContainerImage-1",
        name: "app:1",
        primaryPackagePurpose: "CONTAINER",
        externalRefs: purl("pkg:oci/app@sha256%3A1?arch=amd64"),
      },
      {
        SPDXID: "SPDXRef-OperatingSystem-197f9a00ebcb51f0",
        name: "debian",
        versionInfo: "12.9",
        primaryPackagePurpose: "OPERATING-SYSTEM",
      },
      {
        name: "login",
        versionInfo: "1:4.13+dfsg1-1+b1",
        sourceInfo: "built package from: shadow 1:4.13+dfsg1-1",
        externalRefs: purl(
          "pkg:deb/debian/login@4.13%2Bdfsg1-1%2Bb1?arch=amd64&distro=debian-12.9&epoch=1",
        ),
        attributionTexts: ["PkgID: login@1:4.13+dfsg1-1+b1", "LayerDiffID: sha256:1"],
      },
    ]);
    expect(read(document)).toStrictEqual({
      packages: [LOGIN],
      distribution: { id: "debian", version: "12.9", name: "debian 12.9" },
      problems: [],
    });
  });

  test("BuildKit's statement by Syft has source and distribution in the package URL", () => {
    const predicate = spdx([
      { name: "sbom", SPDXID: "SPDXRef-DocumentRoot-Directory-sbom" },
      {
        name: "openssl-libs",
        versionInfo: "1:3.0.7-27.el9",
        sourceInfo: "acquired package info from RPM DB: /var/lib/rpm/rpmdb.sqlite, /usr/lib64/x",
        externalRefs: purl(
          "pkg:rpm/almalinux/openssl-libs@3.0.7-27.el9?arch=x86_64&distro=almalinux-9.4&epoch=1&upstream=openssl-3.0.7-27.el9.src.rpm",
        ),
      },
      {
        name: "Foo_Bar",
        versionInfo: "1.0",
        sourceInfo:
          "acquired package info from installed python package manifest file: /usr/lib/Foo_Bar-1.0.dist-info/METADATA",
        externalRefs: purl("pkg:pypi/foo-bar@1.0"),
      },
    ]);
    const statement = {
      _type: "https://in-toto.io/Statement/v0.1",
      subject: [{ name: "_", digest: { sha256: "0" } }],
      predicateType: "https://spdx.dev/Document",
      predicate,
    };
    expect(read(statement)).toStrictEqual({
      packages: [
        { ...OPENSSL, path: "var/lib/rpm/rpmdb.sqlite" },
        packageOf({
          type: "pypi",
          name: "Foo_Bar",
          version: "1.0",
          path: "usr/lib/Foo_Bar-1.0.dist-info/METADATA",
        }),
      ],
      distribution: { id: "almalinux", version: "9.4", name: "almalinux 9.4" },
      problems: [],
    });
  });

  test("Docker Scout lists source packages, with the distribution in qualifiers of its own", () => {
    const document = spdx(
      [
        {
          name: "shadow",
          versionInfo: "1:4.13+dfsg1-1",
          externalRefs: purl(
            "pkg:deb/debian/shadow@1%3A4.13%2Bdfsg1-1?os_distro=bookworm&os_name=debian&os_version=12",
          ),
        },
      ],
      { spdxVersion: "SPDX-2.2" },
    );
    expect(read(document)).toStrictEqual({
      packages: [packageOf({ type: "deb", name: "shadow", version: "1:4.13+dfsg1-1" })],
      distribution: { id: "debian", version: "12", name: "debian 12" },
      problems: [],
    });
  });

  test("names of distributions may have hyphens and digits may follow", () => {
    const document = spdx([
      {
        name: "bash",
        externalRefs: purl("pkg:rpm/opensuse/bash@5-1?distro=opensuse-leap-15.6"),
      },
    ]);
    expect(read(document).distribution).toMatchObject({ id: "opensuse-leap", version: "15.6" });
  });
});

describe("wrappers", () => {
  const bom = cyclonedx([{ type: "library", name: "é", purl: "pkg:gem/%C3%A9@1" }]);
  test.each([
    ["a statement", statementOf(bom)],
    ["an envelope", envelope(statementOf(bom))],
    ["an envelope in base64url", envelope(statementOf(bom), "base64url")],
    [
      "a Sigstore bundle",
      {
        mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
        dsseEnvelope: envelope(statementOf(bom)),
      },
    ],
    ["cosign's data", envelope(statementOf({ Data: bom, Timestamp: "" }))],
    ["cosign's data as a text", envelope(statementOf({ Data: JSON.stringify(bom) }))],
  ])("%s is opened", (_, json) => {
    expect(read(json).packages).toStrictEqual([
      packageOf({ type: "gem", name: "é", version: "1" }),
    ]);
  });

  test.each([
    ["no JSON", "{", "it is no JSON"],
    ["deep nesting", "[".repeat(200_000), "it is no JSON"],
    ["null", "null", "it is neither CycloneDX nor SPDX in JSON"],
    [
      "another statement",
      JSON.stringify(statementOf({})),
      "it is a statement of the type https://cyclonedx.org/bom",
    ],
    [
      "an envelope without base64",
      JSON.stringify({ payloadType: "x", payload: "%" }),
      "the payload of its DSSE envelope is not base64",
    ],
    ["an envelope of no JSON", JSON.stringify({ payloadType: "x", payload: "" }), "it is no JSON"],
    [
      "envelopes without end",
      JSON.stringify([0, 1, 2, 3, 4, 5].reduce<unknown>((inner) => envelope(inner), bom)),
      "it is neither",
    ],
    ["CycloneDX 1.2", JSON.stringify({ ...bom, specVersion: "1.2" }), "it is CycloneDX 1.2"],
    ["SPDX 3", JSON.stringify(spdx([], { spdxVersion: "SPDX-3.0" })), "it is SPDX-3.0"],
    [
      "too many components",
      JSON.stringify(cyclonedx(Array.from({ length: 50_001 }, () => 0))),
      "it lists more than 50000 components",
    ],
    [
      "too many packages",
      JSON.stringify({
        spdxVersion: "SPDX-2.3",
        packages: Array.from({ length: 50_001 }, () => 0),
      }),
      "it lists more than 50000 components",
    ],
  ])("%s is refused with a reason", (_, text, reason) => {
    expect(() => readSbom(text)).toThrow(UnreadableFile);
    expect(() => readSbom(text)).toThrow(reason);
  });
});

describe("a list that is not whole says so", () => {
  const good = { type: "library", name: "x", purl: "pkg:gem/x@1" };

  test.each<[string, unknown[], string]>([
    [
      "a component without a name",
      [good, { type: "library" }, { type: "library", name: 1 }],
      'Components that cannot be read (2): the first has a wrong or missing "name".',
    ],
    [
      "libraries without a package URL",
      [good, ...["a", "b", "c", "d"].map((name) => ({ type: "library", name }))],
      "Packages without a package URL (4): a, b, c, ….",
    ],
    [
      "a package without a version",
      [good, { type: "library", name: "y", purl: "pkg:gem/y" }],
      "Packages without a version (1): y.",
    ],
    [
      "packages of an unknown distribution",
      [good, { type: "library", name: "bash", purl: "pkg:deb/debian/bash@5" }],
      "Packages of a distribution that the SBOM does not name (1): bash.",
    ],
    [
      "two distributions",
      [
        good,
        { type: "operating-system", name: "debian", version: "12" },
        { type: "operating-system", name: "alpine", version: "3" },
      ],
      "The SBOM names several distributions; the first counts.",
    ],
    ["nothing", [], "The SBOM names no package that can be matched."],
  ])("%s", (_, components, problem) => {
    expect(read(cyclonedx(components)).problems).toStrictEqual([problem]);
  });

  test("packages of SPDX that cannot be read", () => {
    const document = {
      spdxVersion: "SPDX-2.3",
      packages: [{ SPDXID: "SPDXRef-1", name: "x", externalRefs: purl("pkg:gem/x@1") }, null],
    };
    expect(read(document).problems).toStrictEqual(["Packages that cannot be read (1)."]);
  });
});
