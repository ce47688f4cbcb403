import { type FileReader, UnreadableFile } from "../layer/list.ts";
import { contentOf, linesOf, packageOf, textOf } from "./content.ts";
import { isOfDistribution } from "./distribution-path.ts";

/** Where RubyGems keeps what it installed; those of Ruby itself are in a directory "default" in it. */
const DIRECTORY = /(?:^|\/)specifications\//;

/**
 * RubyGems writes these files itself, so name and version are literals: "rake".freeze, %q{rake} of old ones, or
 * Gem::Version.new("13.0.6").
 */
const ASSIGNMENT =
  /^\s*\w+\.(name|version)\s*=\s*(?:Gem::Version\.new[ (])?(?:"([^"]*)"|'([^']*)'|%[qQ][{[(<]([^}\])>]*)[}\])>])/;

/** What is longer is no name, and no version. */
const MAX_LINE_LENGTH = 1_024;

/** Reads the specification of an installed gem. What it says of platforms is no part of the version. */
export const gem: FileReader = {
  matches: (path) => path.endsWith(".gemspec") && DIRECTORY.test(path) && !isOfDistribution(path),
  // Each names the gem's files only if it is old, and is below 100 KB.
  maxBytes: 1024 * 1024,
  read: (bytes, path) => {
    const literals = literalsOf(textOf(bytes));
    const [name, version] = [literals.get("name"), literals.get("version")];
    if (name === undefined) throw new UnreadableFile("it sets no name that is a literal");
    if (version === undefined) throw new UnreadableFile("it sets no version that is a literal");
    return contentOf([packageOf({ type: "gem", name, version, path })]);
  },
};

function literalsOf(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of linesOf(text)) {
    if (line.length > MAX_LINE_LENGTH) continue;
    const [, key, double, single, percent] = ASSIGNMENT.exec(line) ?? [];
    if (key === undefined || found.has(key)) continue;
    found.set(key, double ?? single ?? percent ?? "");
    if (found.size === 2) break;
  }
  return found;
}
