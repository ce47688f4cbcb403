import { type FileReader, UnreadableFile } from "../layer/list.ts";
import { contentOf, linesOf, packageOf, textOf } from "./content.ts";
import { isOfDistribution } from "./distribution-path.ts";

/** Of wheels, of eggs, and of what distutils installed: that is one file without a directory. */
const METADATA = /(?:\.dist-info\/METADATA|\.egg-info(?:\/PKG-INFO)?|\/EGG-INFO\/PKG-INFO)$/;

/** Name and Version are among the first lines; a README may come after the fields. */
const HEAD_BYTES = 64 * 1024;

/** Reads the core metadata of a Python package (packaging.python.org, "Core metadata specifications"). */
export const python: FileReader = {
  matches: (path) => METADATA.test(path) && !isOfDistribution(path),
  // The README in it may be some 100 KB.
  maxBytes: 2 * 1024 * 1024,
  read: (bytes, path) => {
    const { name, version } = fieldsOf(textOf(bytes.subarray(0, HEAD_BYTES)));
    if (name === undefined) throw new UnreadableFile("it has no field Name");
    if (version === undefined) throw new UnreadableFile("it has no field Version");
    return contentOf([packageOf({ type: "pypi", name, version, path })]);
  },
};

/** The fields end at the first empty line. */
function fieldsOf(text: string): { readonly name?: string; readonly version?: string } {
  const fields: { name?: string; version?: string } = {};
  for (const line of linesOf(text)) {
    if (line === "") break;
    const [, key, value = ""] = /^(name|version):(.*)$/i.exec(line) ?? [];
    if (key?.toLowerCase() === "name") fields.name ??= value.trim();
    if (key?.toLowerCase() === "version") fields.version ??= value.trim();
  }
  return fields;
}
