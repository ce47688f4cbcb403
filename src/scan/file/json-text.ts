import * as v from "valibot";
import { shapeOf } from "../../oci/json.ts";
import { isLine } from "../../oci/line.ts";
import { UnreadableFile } from "../layer/list.ts";
import { textOf } from "./content.ts";

/** The deepest of some thousand real files had 12. */
const MAX_DEPTH = 100;

/** A value takes up to 50 bytes in memory, so a text of few characters can fill it. */
const MAX_VALUES = 250_000;

/** Keys are the file's own text, of which a message has no more. */
const MAX_PATH_LENGTH = 100;

/**
 * Parses a file of JSON, and of that what the schema names.
 * @throws UnreadableFile if it is no JSON, too large in memory, or of another shape
 */
export function parseJson<T>(
  bytes: Uint8Array,
  schema: v.BaseSchema<unknown, T, v.BaseIssue<unknown>>,
): T {
  const { depth, values } = shapeOf(bytes);
  if (depth > MAX_DEPTH) throw new UnreadableFile(`its JSON is nested more than ${MAX_DEPTH} deep`);
  if (values > MAX_VALUES) throw new UnreadableFile(`its JSON has more than ${MAX_VALUES} values`);
  const parsed = v.safeParse(schema, jsonOf(textOf(bytes)));
  if (parsed.success) return parsed.output;
  const [{ path, expected }] = parsed.issues;
  const at = (path ?? []).map(({ key }) => String(key)).join(".");
  const where = at !== "" && at.length <= MAX_PATH_LENGTH && isLine(at) ? ` at ${at}` : "";
  throw new UnreadableFile(`its JSON has another shape${where}: expected ${expected ?? "a value"}`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UnreadableFile("it is no JSON");
  }
}
