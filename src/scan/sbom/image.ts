import type { Distribution, LayerPackage } from "../package.ts";
import { FAMILIES } from "../match/trivy/request.ts";

/** What an SBOM is written of: the packages of one image of one platform. */
export interface SbomImage {
  /** The repository's name with the registry's host: "registry.example/team/app". */
  readonly name: string;
  /** The manifest's digest. */
  readonly digest: string;
  readonly packages: readonly LayerPackage[];
  readonly distribution: Distribution | null;
  readonly madeAt: Date;
}

/** The program that an SBOM names as its maker. */
export const TOOL = "slipway";

/** Returns a time without fractions of a second, which SPDX does not allow (SPDX 2.3, § 6.9). */
export function timestampOf(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}

/** Returns the package URL of an image (purl-spec, type "oci"): its name is the last part of the repository's. */
export function imagePurl({ name, digest }: SbomImage): string {
  const last = name.slice(name.lastIndexOf("/") + 1).toLowerCase();
  const [path, version, url] = [last, digest, name].map(encodeURIComponent);
  return `pkg:oci/${path}@${version}?repository_url=${url}`;
}

/** Returns Trivy's name of a distribution, by which `trivy sbom` chooses the advisories. */
export function familyOf({ id }: Distribution): string {
  return FAMILIES.get(id) ?? id;
}
