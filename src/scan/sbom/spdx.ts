import { isSystem, purlOf } from "../match/purl.ts";
import type { Distribution, LayerPackage } from "../package.ts";
import { familyOf, imagePurl, timestampOf, TOOL, type SbomImage } from "./image.ts";

const DOCUMENT = "SPDXRef-DOCUMENT";
const IMAGE = "SPDXRef-ContainerImage";
/** Trivy takes a package for the distribution by the beginning of its id. */
const SYSTEM = "SPDXRef-OperatingSystem";

/**
 * Returns an image's packages as an SPDX 2.3 document. Trivy reads the source package of a distribution's package from
 * `sourceInfo` and files and layers from annotations, Grype the source package from the package URL.
 */
export function toSpdx(image: SbomImage): object {
  const { name, digest, packages, distribution, madeAt } = image;
  const created = timestampOf(madeAt);
  const system = distribution === null ? [] : [systemOf(distribution)];
  const listed = packages.map((pkg, i) => ({
    ...packageOf(pkg, distribution, created),
    SPDXID: `SPDXRef-Package-${i + 1}`,
  }));
  const contained = [
    ...system.map(({ SPDXID }) => relationship(IMAGE, "CONTAINS", SPDXID)),
    ...packages.map(({ type }, i) => {
      const holder = isSystem(type) && distribution !== null ? SYSTEM : IMAGE;
      return relationship(holder, "CONTAINS", `SPDXRef-Package-${i + 1}`);
    }),
  ];
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: DOCUMENT,
    name,
    // It has to be unique for each document, and no page has to be there (SPDX 2.3, § 6.5).
    documentNamespace: `https://${encodeURI(name.toWellFormed())}/spdx/${digest}/${created}`,
    creationInfo: { created, creators: [`Tool: ${TOOL}`] },
    packages: [imageOf(image), ...system, ...listed],
    relationships: [relationship(DOCUMENT, "DESCRIBES", IMAGE), ...contained],
  };
}

function imageOf(image: SbomImage): object {
  return {
    SPDXID: IMAGE,
    name: image.name,
    versionInfo: image.digest,
    primaryPackagePurpose: "CONTAINER",
    ...UNSAID,
    externalRefs: [purlReference(imagePurl(image))],
  };
}

function systemOf(distribution: Distribution) {
  const { version, name } = distribution;
  return {
    SPDXID: SYSTEM,
    name: familyOf(distribution),
    versionInfo: version,
    primaryPackagePurpose: "OPERATING-SYSTEM",
    ...UNSAID,
    summary: name,
  };
}

function packageOf(
  pkg: LayerPackage,
  distribution: Distribution | null,
  annotationDate: string,
): object {
  const { type, name, version, source, path, layer } = pkg;
  const notes = [
    ...(path === "" ? [] : [`FilePath: ${path}`]),
    ...(layer === null ? [] : [`LayerDigest: ${layer}`]),
  ];
  return {
    name,
    versionInfo: version,
    primaryPackagePurpose: "LIBRARY",
    ...UNSAID,
    ...(source === null || !isSystem(type)
      ? {}
      : { sourceInfo: `built package from: ${source.name} ${source.version}` }),
    externalRefs: [purlReference(purlOf(pkg, distribution))],
    ...(notes.length === 0
      ? {}
      : {
          annotations: notes.map((comment) => ({
            annotator: `Tool: ${TOOL}`,
            annotationDate,
            annotationType: "OTHER",
            comment,
          })),
        }),
  };
}

/** What is said of no package here. */
const UNSAID = { downloadLocation: "NOASSERTION", filesAnalyzed: false };

function purlReference(referenceLocator: string): object {
  return { referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator };
}

function relationship(spdxElementId: string, relationshipType: string, related: string): object {
  return { spdxElementId, relationshipType, relatedSpdxElement: related };
}
