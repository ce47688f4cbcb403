import type { PackageType } from "../../package.ts";
import { compareApk } from "./apk.ts";
import { compareComposer } from "./composer.ts";
import { compareDeb } from "./deb.ts";
import { compareGem } from "./gem.ts";
import { compareMaven } from "./maven.ts";
import { comparePep440 } from "./pep440.ts";
import { compareRpm } from "./rpm.ts";
import { compareNuget, compareSemver } from "./semver.ts";
import { compareTexts } from "./text.ts";

type Compare = (a: string, b: string) => number;

const ORDERS: Readonly<Record<PackageType, Compare>> = {
  apk: compareApk,
  deb: compareDeb,
  rpm: compareRpm,
  npm: compareSemver,
  golang: compareSemver,
  cargo: compareSemver,
  pypi: comparePep440,
  maven: compareMaven,
  gem: compareGem,
  composer: compareComposer,
  nuget: compareNuget,
  // No order is known: this one only keeps a list's order the same.
  generic: compareTexts,
};

/** Longer versions are compared by these characters alone: an order takes time by the length, and advisories are strangers'. */
export const MAX_VERSION_LENGTH = 256;

/** Compares two versions of packages of a type: negative if `a` is before `b`. Anything has its place; nothing is thrown. */
export function compareVersions(type: PackageType, a: string, b: string): number {
  return ORDERS[type](a.slice(0, MAX_VERSION_LENGTH), b.slice(0, MAX_VERSION_LENGTH));
}
