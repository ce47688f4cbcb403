import * as v from "valibot";
import { UnreadableFile } from "../layer/list.ts";

/** The most packages and other components of one SBOM: images with more are not known. */
export const MAX_ENTRIES = 50_000;

/** A name, a version or a package URL. */
export const Text = v.pipe(v.string(), v.maxLength(2_048));

export function tooMany(): UnreadableFile {
  return new UnreadableFile(`it lists more than ${MAX_ENTRIES} components`);
}

/** Says how many entries do not have the form that the format has, and what is wrong with the first. */
export function unreadEntries(what: string, fields: readonly string[]): readonly string[] {
  const [first] = fields;
  if (first === undefined) return [];
  const where = first === "" ? "" : `: the first has a wrong or missing ${JSON.stringify(first)}`;
  return [`${what} that cannot be read (${fields.length})${where}.`];
}
