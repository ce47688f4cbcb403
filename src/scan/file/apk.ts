import { type FileReader, UnreadableFile } from "../layer/list.ts";
import type { Package } from "../package.ts";
import { contentOf, linesOf, packageOf, textOf } from "./content.ts";

/** apk-tools 3 has its database below usr. */
const PATHS = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];

/** Reads the database of apk-tools: records of lines "X:value", with an empty line after each. */
export const apk: FileReader = {
  matches: (path) => PATHS.includes(path),
  // It names every installed file: some 5 MB for a thousand packages.
  maxBytes: 16 * 1024 * 1024,
  read: (bytes, path) => contentOf(packagesOf(textOf(bytes), path)),
};

function* packagesOf(text: string, path: string): Generator<Package | null> {
  let record: Record<string, string> = {};
  let named = 0;
  for (const line of linesOf(text)) {
    if (line === "" && record["P"] !== undefined) {
      yield packageIn(record, path);
      record = {};
    } else if (line[1] === ":" && "PVAo".includes(line.charAt(0))) {
      if (line.startsWith("P")) named++;
      record[line.charAt(0)] = line.slice(2);
    }
  }
  yield packageIn(record, path);
  if (named === 0 && text.trim() !== "") throw new UnreadableFile("it has no record of a package");
}

/** Advisories name the package that a package was built from, by its origin; the two have the same version. */
function packageIn(record: Record<string, string>, path: string): Package | null {
  const { P: name = "", V: version = "", A: arch = "", o: origin } = record;
  const source = origin === undefined ? null : { name: origin, version };
  return packageOf({ type: "apk", name, version, source, arch, path });
}
