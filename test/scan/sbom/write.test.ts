/** SBOMs as they are written: unique references, and what Trivy and Grype look for in them. */
import { describe, expect, test } from "vitest";
import { toCycloneDx } from "../../../src/scan/sbom/cyclonedx.ts";
import { toSpdx } from "../../../src/scan/sbom/spdx.ts";
import { sampleOf } from "./sample.ts";

interface CycloneDx {
  readonly metadata: { readonly timestamp: string };
  readonly components: readonly {
    readonly "bom-ref": string;
    readonly name: string;
    readonly group?: string;
    readonly purl?: string;
    readonly properties?: readonly { readonly name: string; readonly value: string }[];
  }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

interface Spdx {
  readonly documentNamespace: string;
  readonly creationInfo: { readonly created: string };
  readonly packages: readonly {
    readonly SPDXID: string;
    readonly name: string;
    readonly sourceInfo?: string;
    readonly annotations?: readonly { readonly comment: string }[];
  }[];
  readonly relationships: readonly {
    readonly spdxElementId: string;
    readonly relationshipType: string;
    readonly relatedSpdxElement: string;
  }[];
}

describe.each(["apk", "deb", "rpm"] as const)("an image with packages of %s", (system) => {
  const image = sampleOf(system);
  const cyclonedx = toCycloneDx(image) as CycloneDx;
  const spdx = toSpdx(image) as Spdx;

  test("is written the same each time", () => {
    expect(JSON.stringify(toCycloneDx(sampleOf(system)))).toBe(JSON.stringify(cyclonedx));
    expect(JSON.stringify(toSpdx(sampleOf(system)))).toBe(JSON.stringify(spdx));
  });

  test("has a component for each package and the distribution, each with a reference of its own", () => {
    const refs = cyclonedx.components.map((component) => component["bom-ref"]);
    expect(refs).toHaveLength(image.packages.length + 1);
    expect(new Set(refs).size).toBe(refs.length);
    const ids = spdx.packages.map(({ SPDXID }) => SPDXID);
    expect(ids).toHaveLength(image.packages.length + 2);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^SPDXRef-[A-Za-z0-9.-]+$/);
  });

  test("relates every package to the distribution or the image, once", () => {
    const refs = cyclonedx.components.map((component) => component["bom-ref"]);
    expect(cyclonedx.dependencies.flatMap(({ dependsOn }) => dependsOn).toSorted()).toStrictEqual(
      refs.toSorted(),
    );
    const [described, ...contained] = spdx.relationships;
    expect(described?.relationshipType).toBe("DESCRIBES");
    expect(contained.map((one) => one.relatedSpdxElement)).toStrictEqual(
      spdx.packages.slice(1).map(({ SPDXID }) => SPDXID),
    );
    const held = contained.filter((one) => one.spdxElementId === "SPDXRef-OperatingSystem");
    expect(held).toHaveLength(image.packages.filter(({ type }) => type === system).length);
  });
});

function propertiesOf(system: "apk" | "deb" | "rpm", name: string): Record<string, string> {
  const { components } = toCycloneDx(sampleOf(system)) as CycloneDx;
  const found = components.find((component) => component.name === name)?.properties ?? [];
  return Object.fromEntries(found.map((one) => [one.name, one.value]));
}

test("CycloneDX has the source package in Trivy's properties, an rpm's in parts", () => {
  expect(propertiesOf("rpm", "openssl-libs")).toStrictEqual({
    "aquasecurity:trivy:FilePath": "var/lib/rpm/rpmdb.sqlite",
    "aquasecurity:trivy:LayerDigest": `sha256:${"b".repeat(64)}`,
    "aquasecurity:trivy:SrcName": "openssl",
    "aquasecurity:trivy:SrcVersion": "3.0.7",
    "aquasecurity:trivy:SrcRelease": "27.el9",
    "aquasecurity:trivy:SrcEpoch": "1",
  });
  expect(propertiesOf("deb", "login")).toStrictEqual({
    "aquasecurity:trivy:FilePath": "var/lib/dpkg/status.d/login",
    "aquasecurity:trivy:SrcName": "shadow",
    "aquasecurity:trivy:SrcVersion": "1:4.13+dfsg1-1",
  });
});

test("CycloneDX has Trivy's name of the distribution and Syft's properties of it", () => {
  expect(propertiesOf("rpm", "alma")).toStrictEqual({
    "syft:distro:id": "almalinux",
    "syft:distro:prettyName": "AlmaLinux 9.4 (Seafoam Ocelot)",
    "syft:distro:versionID": "9.4",
  });
});

test("a namespace is a group where the type has one", () => {
  const { components } = toCycloneDx(sampleOf("deb")) as CycloneDx;
  const names = components.map(({ group, name }) => [group, name]);
  expect(names).toContainEqual(["@scope", "name"]);
  expect(names).toContainEqual(["org.a", "b-core"]);
  expect(names).toContainEqual(["symfony", "http-kernel"]);
  expect(names).toContainEqual([undefined, "github.com/A/b/v2"]);
});

test.each([
  ["apk", "pkg:apk/alpine/libcrypto3@3.1.4-r0?arch=x86_64&distro=alpine-3.19.1&upstream=openssl"],
  ["deb", "pkg:deb/debian/bash@5.2.15-2%2Bb8?arch=amd64&distro=debian-12&upstream=bash%405.2.15-2"],
  [
    "rpm",
    "pkg:rpm/almalinux/openssl-libs@3.0.7-27.el9?arch=x86_64&distro=almalinux-9.4&epoch=1&upstream=openssl-3.0.7-27.el9.src.rpm",
  ],
] as const)("a package URL of %s names the source package", (system, purl) => {
  const { components } = toCycloneDx(sampleOf(system)) as CycloneDx;
  expect(components.map((component) => component.purl)).toContain(purl);
  expect(JSON.stringify(toSpdx(sampleOf(system)))).toContain(purl);
});

test("SPDX has the source package in sourceInfo, the file and the layer in annotations", () => {
  const { packages } = toSpdx(sampleOf("deb")) as Spdx;
  const bash = packages.find(({ name }) => name === "bash");
  expect(bash?.sourceInfo).toBe("built package from: bash 5.2.15-2");
  expect(bash?.annotations?.map(({ comment }) => comment)).toStrictEqual([
    "FilePath: var/lib/dpkg/status",
    `LayerDigest: sha256:${"b".repeat(64)}`,
  ]);
});

test("times have no fractions of a second, which SPDX forbids", () => {
  const time = "2026-01-02T03:04:05Z";
  expect((toCycloneDx(sampleOf("apk")) as CycloneDx).metadata.timestamp).toBe(time);
  const { creationInfo, documentNamespace } = toSpdx(sampleOf("apk")) as Spdx;
  expect(creationInfo.created).toBe(time);
  expect(documentNamespace).toBe(
    `https://registry.example/team/app/spdx/sha256:${"d".repeat(64)}/${time}`,
  );
});

test("without a distribution nothing is said of one", () => {
  const image = { ...sampleOf("deb"), distribution: null };
  expect(JSON.stringify(toCycloneDx(image))).not.toContain("operating-system");
  expect(JSON.stringify(toSpdx(image))).not.toMatch(/OperatingSystem|distro=/);
});

test("a name with half a surrogate pair is written", () => {
  const image = sampleOf("deb");
  const [first] = image.packages;
  if (first === undefined) throw new Error("the sample has no packages");
  const odd = { ...image, packages: [{ ...first, name: "a\ud800" }] };
  expect(JSON.stringify(toSpdx(odd))).toContain("pkg:deb/debian/a%EF%BF%BD@");
});
