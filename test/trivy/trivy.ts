/** Runs Trivy and reads its report. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../e2e/shell.ts";
import type { Image } from "./image.ts";

/** A package as both lists have it. */
export interface Listed {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  /** Name and version; empty for a language's package. */
  readonly source: string;
  /** Empty for a distribution's package. */
  readonly path: string;
  /** The place of its layer in the image. */
  readonly layer: number;
}

/** A vulnerability of a package. */
export interface Match {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly id: string;
  readonly fixed: string;
  readonly severity: string;
}

interface TrivyPackage {
  Name: string;
  Version?: string;
  Release?: string;
  Epoch?: number;
  SrcName?: string;
  SrcVersion?: string;
  SrcRelease?: string;
  SrcEpoch?: number;
  FilePath?: string;
  Layer?: { DiffID?: string };
}

interface TrivyResult {
  Target: string;
  Class: string;
  Type: string;
  Packages?: TrivyPackage[];
  Vulnerabilities?: {
    VulnerabilityID: string;
    PkgName: string;
    InstalledVersion: string;
    FixedVersion?: string;
    Severity: string;
  }[];
}

export interface TrivyReport {
  readonly Metadata: { OS?: { Family: string; Name: string } };
  readonly Results?: TrivyResult[];
}

export interface TrivyRun {
  readonly text: string;
  readonly cpuSeconds: number;
}

const FLAGS = ["--quiet", "--skip-db-update", "--skip-java-db-update", "--offline-scan"];

export class Trivy {
  readonly program: string;
  readonly cache: string;

  constructor(program: string, cache: string) {
    this.program = program;
    this.cache = cache;
  }

  /** @param cache a folder of its own lets it read all layers anew */
  /** Scans an image, whose layers are in the cache if they were scanned before. */
  async image({ layout, name }: Image, format: "json" | "cyclonedx" = "json"): Promise<TrivyRun> {
    const output = join(this.cache, `${name}.${format}`);
    const options = ["--scanners", "vuln", "--list-all-pkgs", "--format", format];
    const scan = ["image", "--input", layout, "--cache-dir", this.cache, ...FLAGS, ...options];
    const cpuSeconds = await this.cpuSeconds([...scan, "--output", output]);
    return { text: await readFile(output, "utf8"), cpuSeconds };
  }

  /** Runs Trivy and returns how much CPU that took. */
  async cpuSeconds(args: readonly string[]): Promise<number> {
    const output = join(this.cache, "time");
    const timed = ["/usr/bin/time", "-f", "%U %S", "-o", output, this.program, ...args];
    await run(timed, { timeout: 1_800 });
    const [user = 0, system = 0] = (await readFile(output, "utf8")).trim().split(" ").map(Number);
    return user + system;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  alpine: "apk",
  wolfi: "apk",
  debian: "deb",
  ubuntu: "deb",
  rocky: "rpm",
  "opensuse.leap": "rpm",
  "opensuse-leap": "rpm",
  "node-pkg": "npm",
  "python-pkg": "pypi",
  gobinary: "golang",
  rustbinary: "cargo",
  jar: "maven",
  gemspec: "gem",
  composer: "composer",
  "composer-vendor": "composer",
  "dotnet-core": "nuget",
};

/** Returns the packages of a report. The file that names a distribution's package is not in it. */
export function packagesOf({ Results = [] }: TrivyReport, { layers }: Image): readonly Listed[] {
  return Results.flatMap(({ Class, Type, Target, Packages = [] }) =>
    Packages.map((one) => {
      const isSystem = Class === "os-pkgs";
      const source = whole(one.SrcEpoch, one.SrcVersion, one.SrcRelease);
      return {
        type: TYPES[Type] ?? Type,
        name: one.Name,
        version: whole(one.Epoch, one.Version, one.Release),
        source: isSystem ? `${one.SrcName ?? ""} ${source}` : "",
        path: isSystem ? "" : outermost(one.FilePath ?? Target),
        layer: layers.findIndex(({ diffId }) => diffId === one.Layer?.DiffID),
      };
    }),
  );
}

/** Trivy names the archive within an archive too. */
function outermost(path: string): string {
  return path.replace(/(\.[jwe]ar)\/.*$/, "$1");
}

function whole(epoch = 0, version = "", release = ""): string {
  return `${epoch === 0 ? "" : `${epoch}:`}${version}${release === "" ? "" : `-${release}`}`;
}

export function matchesOf({ Results = [] }: TrivyReport): readonly Match[] {
  return Results.flatMap(({ Type, Vulnerabilities = [] }) =>
    Vulnerabilities.map((one) => ({
      type: TYPES[Type] ?? Type,
      name: one.PkgName,
      version: one.InstalledVersion,
      id: one.VulnerabilityID,
      fixed: one.FixedVersion ?? "",
      severity: one.Severity.toLowerCase(),
    })),
  );
}
