import * as v from "valibot";
import { type FileReader, UnreadableFile } from "../layer/list.ts";
import type { Package } from "../package.ts";
import { baseName, contentOf, packageOf } from "./content.ts";
import { isOfDistribution } from "./distribution-path.ts";
import { parseJson } from "./json-text.ts";

/** Name and version may be left out, or be no texts in what only has the file's name. */
const Manifest = v.object({
  name: v.fallback(v.string(), ""),
  version: v.fallback(v.string(), ""),
  private: v.optional(v.unknown()),
});

const NAME = /^(?:@[\w.~-]+\/)?[\w.~-]+$/;

/** Where npm puts a package: below the last node_modules are its name and nothing else. */
const INSTALLED = /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/@][^/]*\/package\.json$/;

/**
 * Reads the manifest of an npm package. As Trivy does, it takes those outside of node_modules too: an image has programs such
 * as yarn in directories of their own, and packages carry others within them. What npm has not installed is no broken
 * package if it is no JSON, since tests of packages have such files.
 */
export const npm: FileReader = {
  matches: (path) => baseName(path) === "package.json" && !isOfDistribution(path),
  // Those that publishers fill with the README are below 100 KB.
  maxBytes: 1024 * 1024,
  read: (bytes, path) => {
    try {
      return contentOf([packageIn(bytes, path)]);
    } catch (error) {
      if (error instanceof UnreadableFile && !INSTALLED.test(path)) return contentOf([]);
      throw error;
    }
  },
};

function packageIn(bytes: Uint8Array, path: string): Package | null {
  const { name, version, private: isPrivate } = parseJson(bytes, Manifest);
  // npm publishes no private package: the image's own program may have the name of another one there.
  if (isPrivate === true && !INSTALLED.test(path)) return null;
  return NAME.test(name) ? packageOf({ type: "npm", name, version: version.trim(), path }) : null;
}
