/** What a scanner's answer is, and what is said of one that is wrong. */
import * as v from "valibot";
import { type Reply, ScannerUnavailable } from "./exchange.ts";
import { summaryOf } from "./finding.ts";

/** No more of a server's message is looked at. */
const MAX_MESSAGE_LENGTH = 16_384;

/** A field that scanners leave out or set to null. */
export const Text = v.optional(v.nullable(v.pipe(v.string(), v.maxLength(2_048))), null);

/** An object, and no array, in which every field would be missing that an answer may leave out. */
export function answerOf<Entries extends v.ObjectEntries>(entries: Entries) {
  const isNoArray = v.check((given: unknown) => !Array.isArray(given));
  return v.pipe(v.unknown(), isNoArray, v.object(entries));
}

/** A vulnerability's name. It becomes a part of addresses, which half a surrogate pair cannot be. */
export const Id = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(256),
  v.transform((id) => id.toWellFormed()),
);

/**
 * Parses the JSON of an answer.
 * @param what whose answer it is, and what it should have been: "https://scanner.example gave a scan report"
 * @throws ScannerUnavailable which says the first field that is wrong
 */
export function parseAnswer<Schema extends v.GenericSchema>(
  schema: Schema,
  json: unknown,
  what: string,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, json, { abortEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  // A path has the keys of the answer, which may be long.
  const path = summaryOf(v.getDotPath(issue) ?? "");
  const where = path === "" ? "" : ` at ${path}`;
  throw new ScannerUnavailable(`${what} that is malformed${where}: expected ${expected(issue)}`);
}

/** The issue's message would show what was received. */
function expected({ expected: wanted, kind }: v.BaseIssue<unknown>): string {
  return wanted ?? `another ${kind}`;
}

/**
 * Returns the error for an answer whose status is not among those expected.
 * @param message what the server says of it; null if nothing
 * @param secrets what was sent and must not be shown: servers repeat requests in their messages
 */
export function refusal(
  origin: string,
  { status }: Reply,
  message: string | null,
  secrets: readonly string[],
): ScannerUnavailable {
  if (status === 401 || status === 403) {
    return new ScannerUnavailable(`${origin} refused the credentials`);
  }
  const shown = summaryOf(withoutSecrets(message ?? "", secrets));
  return new ScannerUnavailable(
    `${origin} answered with ${status}${shown === "" ? "" : `: ${shown}`}`,
  );
}

/** Returns what is secret in an Authorization header: the credentials, and the password that Basic encodes. */
export function secretsOf(authorization: string): readonly string[] {
  const credentials = authorization.slice(authorization.indexOf(" ") + 1);
  if (!/^basic /i.test(authorization)) return [credentials];
  try {
    const pair = Uint8Array.from(atob(credentials), (unit) => unit.charCodeAt(0));
    const text = new TextDecoder().decode(pair);
    return [credentials, text.slice(text.indexOf(":") + 1)];
  } catch {
    // It is not base64: there is no password in it.
    return [credentials];
  }
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return [...new Set(secrets)]
    .filter((secret) => secret !== "")
    .toSorted((a, b) => b.length - a.length)
    .reduce(
      (shown, secret) => shown.replaceAll(secret, "[secret]"),
      text.slice(0, MAX_MESSAGE_LENGTH),
    );
}
