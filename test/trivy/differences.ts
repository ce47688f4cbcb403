/** The differences between Slipway and Trivy that are meant, with the reason of each. Any other one fails. */

export type Side = "Slipway" | "Trivy";

interface Difference {
  /** Which of the two has the line. */
  readonly only: Side;
  /** The name of the image and the line, "image: type name version …". */
  readonly line: RegExp;
  readonly why: string;
}

export const OF_LISTS: readonly Difference[] = [
  {
    only: "Slipway",
    line: /^alpine-merged: apk /,
    why: "older releases of Trivy do not know the place that apk-tools 3 has its database in",
  },
  {
    only: "Trivy",
    line: /^debian-languages: (?:npm|pypi|gem) .* (?:usr\/share\/nodejs|usr\/share\/rubygems-integration|usr\/lib\/python3\/dist-packages)\//,
    why: "Debian repairs its packages in place: its own advisories hold for them, and those of the language would be wrong",
  },
  {
    only: "Slipway",
    line: /^(?:alpine: pypi pip|rocky: pypi urllib3|debian-languages: (?:npm|gem|golang|maven)) /,
    why: "Trivy leaves out what a distribution's package has brought, by that package's list of files, which Slipway does not read",
  },
  {
    only: "Trivy",
    line: /: npm (?:app 1\.0\.0|benchmark 1\.0\.0 .*\/benchmark\/package\.json) /,
    why: "a private package that npm has not installed is the image's own program, which no registry has",
  },
  {
    only: "Slipway",
    line: /: golang stdlib v/,
    why: "older releases of Trivy do not list Go's standard library",
  },
  {
    only: "Slipway",
    line: /^java: maven (?:junit:junit 4\.12|org\.springframework:spring-core 5\.3\.17) /,
    why: "Trivy finds archives that Maven did not build by their checksum, in a database that is empty here",
  },
  {
    only: "Slipway",
    line: /^php: composer /,
    why: "older releases of Trivy do not read what Composer installed",
  },
  {
    only: "Trivy",
    line: /^dotnet: nuget .* app\/(?:pythonnet\/runtime\/Python\.Runtime|Shop)\.deps\.json /,
    why: "older releases of Trivy list packages for the compiler alone, newer ones the program itself",
  },
  {
    only: "Trivy",
    line: /: golang \S+ (?:\(devel\))? /,
    why: "the program itself and modules that a folder replaces have no version that advisories name",
  },
  {
    only: "Slipway",
    line: /^node-modules: golang \S+ v\S+\+dirty /,
    why: "older releases of Trivy do not list the program itself",
  },
  {
    only: "Trivy",
    line: /^mixed: npm emptied 1\.0\.0 /,
    why: "in Trivy a file that names nothing does not hide the lower layer's file of the same path",
  },
];

/** Of what Slipway reads in Trivy's CycloneDX, and what Trivy's own report has. */
export const OF_SBOMS: readonly Difference[] = [
  {
    only: "Trivy",
    line: /^(?:wolfi: apk|rust: cargo) /,
    why: 'older releases of Trivy write package URLs of types that do not exist, "pkg:wolfi" and "pkg:rustbinary"',
  },
];

/** Of what a Trivy server finds in Slipway's list, and what Trivy finds in the image. */
export const OF_SERVERS: readonly Difference[] = [
  {
    only: "Slipway",
    line: /^debian-machine: deb (?:google-cloud-|kubectl |nodejs )/,
    why: "newer releases of Trivy know packages of other makers by their maintainer, which Slipway does not send",
  },
];

/** Of what Slipway finds by OSV, and what a Trivy server finds in the same list of packages. */
export const OF_FINDINGS: readonly Difference[] = [
  {
    only: "Slipway",
    line: /^(?:wolfi|rocky|opensuse-leap): .* fixed in none$/,
    why: "Trivy takes what has a fix alone from distributions whose advisories are about updates",
  },
  {
    only: "Slipway",
    line: /^(?:rocky|opensuse-leap): rpm (?:glibc-common|openssl-devel|openssl-libs|python3-libs|vim-minimal) /,
    why: "records of OSV name the source package or the package itself, so Slipway asks for both",
  },
  {
    only: "Slipway",
    line: /: (?:npm|golang) \S+ v?\d+\.\d+\.\d+-\S+ /,
    why: "Trivy's ranges for npm and Go leave out pre-releases of a version that they do not name, and OSV's do not",
  },
  {
    only: "Slipway",
    line: /^php: composer /,
    why: "older releases of Trivy take no list of what Composer installed",
  },
];

/** Returns the lines that one side alone has and no row accepts; `used` gets the rows that accepted one. */
export function unexplained(
  rows: readonly Difference[],
  lines: Readonly<Record<Side, readonly string[]>>,
  used: Set<string>,
): readonly string[] {
  return (["Slipway", "Trivy"] as const).flatMap((only) => {
    const others = new Set(lines[only === "Slipway" ? "Trivy" : "Slipway"]);
    const left = [...new Set(lines[only])].filter((line) => !others.has(line));
    return left.flatMap((line) => {
      const row = rows.find((one) => one.only === only && one.line.test(line));
      if (row !== undefined) used.add(row.why);
      return row === undefined ? [`${only} alone: ${line}`] : [];
    });
  });
}
