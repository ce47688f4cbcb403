import { groupOf } from "./maven-groups.ts";

/** What names a Maven artifact; null where it is not known. */
export interface Coordinates {
  readonly group: string | null;
  readonly artifact: string | null;
  readonly version: string | null;
}

/** Maven's own rule for the ids of groups and artifacts. */
const ID = /^[\w.-]+$/;

/** Reads a pom.properties, which Maven puts into each archive that it makes. */
export function coordinatesOfPom(text: string): Coordinates {
  const found = new Map<string, string>();
  for (const line of text.split(/\r\n?|\n/)) {
    const [, key, value] = /^(groupId|artifactId|version)[=:](.*)$/.exec(line.trim()) ?? [];
    if (key !== undefined && value !== undefined) found.set(key, value.trim());
  }
  return {
    group: firstId([found.get("groupId")]),
    artifact: firstId([found.get("artifactId")]),
    version: firstVersion([found.get("version")]),
  };
}

/**
 * Reads a MANIFEST.MF by the attributes that Trivy takes. Unlike Trivy it goes on to the next one where one is no id but a title
 * in words, and takes artifact and version from the archive's name too: no repository is at hand to ask for it.
 * @param text may be empty: an archive needs no manifest
 */
export function coordinatesOfManifest(text: string, named: Coordinates): Coordinates {
  const main = mainAttributes(text);
  // A specification's version is often another one than the archive's.
  const version = firstVersion([
    main.get("implementation-version"),
    named.version,
    main.get("bundle-version"),
    main.get("specification-version"),
  ]);
  const known = named.artifact === null ? null : groupOf(named.artifact);
  if (known !== null) {
    return { group: known, artifact: named.artifact, version: named.version ?? version };
  }
  // The parameters of a symbolic name come after a semicolon.
  const symbolic = main.get("bundle-symbolicname")?.split(";", 1)[0]?.trim();
  const dot = symbolic?.lastIndexOf(".") ?? -1;
  const artifact = spelledAs(
    named.artifact,
    firstId([
      main.get("implementation-title"),
      main.get("specification-title"),
      named.version === null ? null : named.artifact,
      main.get("bundle-name"),
    ]),
  );
  const group = firstId([
    artifact === null ? null : groupOf(artifact),
    main.get("implementation-vendor-id"),
    dot > 0 ? symbolic?.slice(0, dot) : symbolic,
    main.get("implementation-vendor"),
    main.get("specification-vendor"),
  ]);
  return { group, artifact, version };
}

/** A title may be the artifact's name in other letters: JUnit in junit-4.12.jar. Maven's ids know upper and lower case. */
function spelledAs(name: string | null, title: string | null): string | null {
  return name !== null && name.toLowerCase() === title?.toLowerCase() ? name : title;
}

/** The attributes up to the first empty line are those of the archive; a line that begins with a space continues the last. */
function mainAttributes(text: string): ReadonlyMap<string, string> {
  const lines = text.replaceAll(/\r\n?/g, "\n");
  const end = lines.indexOf("\n\n");
  const attributes = new Map<string, string>();
  for (const line of (end === -1 ? lines : lines.slice(0, end)).replaceAll("\n ", "").split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) attributes.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return attributes;
}

/**
 * Takes apart the name of an archive such as log4j-1.2-api-2.17.1.jar: the version is after the last hyphen before a digit.
 * Without one the name is the artifact's.
 */
export function coordinatesOfName(fileName: string): Coordinates {
  const stem = fileName.slice(0, Math.max(0, fileName.lastIndexOf(".")));
  let hyphen = stem.lastIndexOf("-");
  while (hyphen > 0 && !/\d/.test(stem.charAt(hyphen + 1)))
    hyphen = stem.lastIndexOf("-", hyphen - 1);
  if (hyphen <= 0) return { group: null, artifact: firstId([stem]), version: null };
  return {
    group: null,
    artifact: firstId([stem.slice(0, hyphen)]),
    version: firstVersion([stem.slice(hyphen + 1)]),
  };
}

function firstId(candidates: readonly (string | null | undefined)[]): string | null {
  return candidates.find((text) => typeof text === "string" && ID.test(text)) ?? null;
}

/** A version is no text in words, and no variable that was not replaced. */
function firstVersion(candidates: readonly (string | null | undefined)[]): string | null {
  return candidates.find((text) => typeof text === "string" && /^[\w.+~-]+$/.test(text)) ?? null;
}
