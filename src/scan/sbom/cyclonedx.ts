import { JOINTS, isSystem, purlOf, splitEpoch } from "../match/purl.ts";
import type { Distribution, LayerPackage, Package } from "../package.ts";
import { familyOf, imagePurl, timestampOf, TOOL, type SbomImage } from "./image.ts";

/** Properties that `trivy sbom` reads have this before their name. */
const TRIVY = "aquasecurity:trivy:";

const SYSTEM = "operating-system";

/** The types whose namespace CycloneDX has in a field of its own. Trivy and Syft write a Go module's path as its name. */
const GROUPED = new Set(["npm", "maven", "composer"]);

/**
 * Returns an image's packages as a CycloneDX 1.6 document. Trivy reads the source package of a distribution's package from the
 * properties, Grype from the package URL.
 */
export function toCycloneDx(image: SbomImage): object {
  const { name, digest, packages, distribution, madeAt } = image;
  const system = distribution === null ? [] : [systemOf(distribution)];
  const refs = refsOf(image);
  const ofSystem = packages.map(({ type }) => system.length > 0 && isSystem(type));
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: timestampOf(madeAt),
      tools: { components: [{ type: "application", name: TOOL }] },
      component: {
        type: "container",
        "bom-ref": digest,
        name,
        version: digest,
        purl: imagePurl(image),
      },
    },
    components: [
      ...system,
      ...packages.map((pkg, i) => componentOf(pkg, refs[i] ?? "", distribution)),
    ],
    dependencies: [
      {
        ref: digest,
        dependsOn: [...system.map(() => SYSTEM), ...refs.filter((_, i) => ofSystem[i] !== true)],
      },
      ...system.map(() => ({
        ref: SYSTEM,
        dependsOn: refs.filter((_, i) => ofSystem[i] === true),
      })),
    ],
  };
}

/** Returns the package URL of each package, with a number where one is in several files: a reference has to be unique. */
function refsOf({ packages, distribution }: SbomImage): readonly string[] {
  const counts = new Map<string, number>();
  return packages.map((pkg) => {
    const purl = purlOf(pkg, distribution);
    const count = counts.get(purl) ?? 0;
    counts.set(purl, count + 1);
    return count === 0 ? purl : `${purl}#${count}`;
  });
}

function systemOf(distribution: Distribution): object {
  const { id, version, name } = distribution;
  return {
    type: "operating-system",
    "bom-ref": SYSTEM,
    name: familyOf(distribution),
    version,
    description: name,
    properties: [
      { name: "syft:distro:id", value: id },
      { name: "syft:distro:prettyName", value: name },
      { name: "syft:distro:versionID", value: version },
    ],
  };
}

function componentOf(pkg: LayerPackage, ref: string, distribution: Distribution | null): object {
  const { path, layer } = pkg;
  const properties = [
    ...(path === "" ? [] : [["FilePath", path]]),
    ...(layer === null ? [] : [["LayerDigest", layer]]),
    ...sourceProperties(pkg),
  ];
  return {
    type: "library",
    "bom-ref": ref,
    ...namesOf(pkg),
    version: pkg.version,
    purl: purlOf(pkg, distribution),
    ...(properties.length === 0
      ? {}
      : { properties: properties.map(([name, value]) => ({ name: `${TRIVY}${name}`, value })) }),
  };
}

function namesOf({ type, name }: Package): { group?: string; name: string } {
  const at = GROUPED.has(type) ? name.indexOf(JOINTS[type] ?? "") : -1;
  return at === -1 ? { name } : { group: name.slice(0, at), name: name.slice(at + 1) };
}

/** Trivy fills in the release of the package itself where the source has none, so an rpm's is split. */
function sourceProperties({ type, source }: Package): readonly (readonly [string, string])[] {
  if (source === null || !isSystem(type)) return [];
  const name = ["SrcName", source.name] as const;
  if (type !== "rpm") return [name, ["SrcVersion", source.version]];
  const { epoch, rest } = splitEpoch(source.version);
  const dash = rest.lastIndexOf("-");
  return [
    name,
    ["SrcVersion", dash === -1 ? rest : rest.slice(0, dash)],
    ...(dash === -1 ? [] : [["SrcRelease", rest.slice(dash + 1)] as const]),
    ...(epoch === "" ? [] : [["SrcEpoch", epoch] as const]),
  ];
}
