import * as v from "valibot";
import { RegistryError } from "../oci/errors.ts";
import type { Scope } from "../auth/policy/access.ts";
import { ambiguityOf, shapeOf } from "../oci/json.ts";
import { readLimited } from "./body.ts";

/** The largest body in bytes, far more than a readme and its repository's labels need. */
const MAX_BODY = 256 * 1024;
/** Of a wrong value, in a message. */
const MAX_SHOWN = 100;

/**
 * Reads the body and checks it against the schema; `v.strictObject` refuses unknown fields.
 * @throws MEDIA_TYPE_UNSUPPORTED, REQUEST_TOO_LARGE, REQUEST_INVALID, or FIELD_INVALID, which names the field
 */
export async function readJson<T extends v.GenericSchema>(
  request: Request,
  schema: T,
): Promise<v.InferOutput<T>> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") throw new RegistryError("MEDIA_TYPE_UNSUPPORTED");
  const bytes = await readLimited(request, MAX_BODY, () => {
    const message = `the body is larger than ${MAX_BODY} bytes`;
    return new RegistryError("REQUEST_TOO_LARGE", { message });
  });
  // Only the first fault is reported: a small body can hold a hundred thousand of them.
  const json = parseJson(bytes);
  // valibot takes an array for an object without fields.
  if (Array.isArray(json)) throw invalid("", "send a JSON object, not a list");
  const result = v.safeParse(schema, json, { abortEarly: true });
  if (result.success) {
    // Checked after the schema, whose errors name the field.
    const fault = ambiguityOf(json, shapeOf(bytes).members);
    if (fault !== null) throw new RegistryError("REQUEST_INVALID", { message: fault });
    return result.output;
  }
  const [issue] = result.issues;
  throw invalid(v.getDotPath(issue) ?? "", messageOf(issue));
}

/** Puts what valibot says of types and keys into words for people; the schemas' own messages are that already. */
function messageOf({ type, expected, received, message }: v.BaseIssue<unknown>): string {
  if (!/^Invalid (?:key|type|length): Expected /.test(message)) return message;
  if (type === "strict_object" && expected === "never") return "there is no such field";
  if (received === "undefined") return "is missing";
  const wanted = (expected ?? "").replace(/^\((.*)\)$/, "$1").replaceAll(" | ", " or ");
  return `must be ${wanted}, not ${received.slice(0, MAX_SHOWN)}`;
}

export function invalid(field: string, message: string): RegistryError {
  return new RegistryError("FIELD_INVALID", {
    message: field === "" ? message : `${field}: ${message}`,
    detail: [{ field, message }],
  });
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch (cause) {
    throw new RegistryError("REQUEST_INVALID", { message: "the body is no JSON", cause });
  }
}

/** Returns whether the namespace contains all repositories that the name or pattern matches. */
export function isWithin(namespace: string, repositories: string): boolean {
  return repositories === namespace || repositories.startsWith(`${namespace}/`);
}

/** @throws FIELD_INVALID unless the namespace contains all repositories of the scopes */
export function requireWithin(
  namespace: string,
  given: readonly Pick<Scope, "repositories">[],
): void {
  const outside = given.find(({ repositories }) => !isWithin(namespace, repositories));
  if (outside === undefined) return;
  const message = `"${outside.repositories}" is not within the namespace: write "${namespace}/*" or "${namespace}/<name>"`;
  throw invalid("repositories", message);
}
