import * as v from "valibot";
import { refusal } from "../answer.ts";
import { exchangeOnce, type Fetch, originOf, type Reply } from "../exchange.ts";
import { signForClair } from "./token.ts";

export interface ClairOptions {
  readonly fetch: Fetch;
  /** Clair's address, without the paths of its indexer, matcher and notifier. */
  readonly baseUrl: string;
  /** Null for a Clair without authentication. */
  readonly auth: { readonly key: Uint8Array; readonly issuer: string } | null;
}

export interface ClairRequest {
  readonly url: string;
  /** Sent by POST; a GET without it. */
  readonly body?: unknown;
  readonly method?: "DELETE";
  /** The statuses that have a meaning to the caller. */
  readonly expected: readonly number[];
  /** What of the body must not be shown. */
  readonly secrets?: readonly string[];
  readonly timeoutMs: number;
}

/** A report of 766 packages has less than 1 MB. */
const MAX_BYTES = 32 * 1024 ** 2;

const Failure = v.object({ message: v.string() });

/**
 * Sends a request to Clair once, with a token of its own.
 * @throws ScannerUnavailable also for a status that is not expected
 */
export async function askClair(request: ClairRequest, options: ClairOptions): Promise<Reply> {
  const { expected, secrets = [], ...ask } = request;
  const { fetch, auth, baseUrl } = options;
  const token = auth === null ? "" : await signForClair(auth.key, auth.issuer);
  const headers: Record<string, string> = token === "" ? {} : { authorization: `Bearer ${token}` };
  const reply = await exchangeOnce(fetch, { ...ask, headers, maxBytes: MAX_BYTES });
  if (expected.includes(reply.status)) return reply;
  const failure = v.safeParse(Failure, reply.json);
  const message = failure.success ? failure.output.message : null;
  throw refusal(originOf(baseUrl), reply, message, [token, ...secrets]);
}
