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
    why: "Trivy before 0.62 does not know the place that apk-tools 3 has its database in",
  },
  {
    only: "Trivy",
    line: /^debian-languages: (?:npm|pypi|gem) .* (?:usr\/share\/nodejs|usr\/share\/rubygems-integration|usr\/lib\/python3\/dist-packages)\//,
    why: "Debian repairs its packages in place, so the advisories of Debian hold for them, and those of the language would be wrong",
  },
  {
    only: "Trivy",
    line: /: npm app 1\.0\.0 /,
    why: "a private package outside of node_modules is the image's own program, which no registry has",
  },
  {
    only: "Slipway",
    line: /: golang stdlib v/,
    why: "Trivy before 0.51 does not list Go's standard library",
  },
  {
    only: "Slipway",
    line: /^java: maven (?:junit:JUnit 4\.12|org\.springframework:spring-core 5\.3\.17) /,
    why: "Trivy looks jars up by checksum that Maven's plugin wrote no names into, and this database of Java has none",
  },
  {
    only: "Slipway",
    line: /^php: composer /,
    why: "Trivy before 0.52 does not read what Composer installed",
  },
  {
    only: "Trivy",
    line: /^dotnet: nuget .* app\/(?:pythonnet\/runtime\/Python\.Runtime|Shop)\.deps\.json /,
    why: "Trivy before 0.53 lists packages that the compiler alone used, of which the program has no file",
  },
  {
    only: "Trivy",
    line: /^mixed: npm emptied 1\.0\.0 /,
    why: "Trivy lets a file without a name, in an upper layer, not hide what the lower layer's file of the same path said",
  },
];

export const OF_FINDINGS: readonly Difference[] = [];

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
