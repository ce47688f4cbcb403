import * as v from "valibot";
import type { FileReader } from "../layer/list.ts";
import { contentOf, packageOf } from "./content.ts";
import { parseJson } from "./json-text.ts";

const Installed = v.array(
  v.object({ name: v.fallback(v.string(), ""), version: v.fallback(v.string(), "") }),
);

/** Composer 1 has the list alone, Composer 2 an object that has it. */
const Document = v.union([
  Installed,
  v.pipe(
    v.object({ packages: Installed }),
    v.transform(({ packages }) => packages),
  ),
]);

/**
 * Reads what Composer installed. Versions stay as the tag has them, with or without "v": records list those of Packagist
 * the same way, and no order of versions looks at it.
 */
export const composer: FileReader = {
  matches: (path) => /(?:^|\/)composer\/installed\.json$/.test(path),
  // About 3 KB for each package; large programs have some hundreds.
  maxBytes: 4 * 1024 * 1024,
  read: (bytes, path) =>
    contentOf(
      parseJson(bytes, Document).map(({ name, version }) =>
        packageOf({ type: "composer", name, version, path }),
      ),
    ),
};
