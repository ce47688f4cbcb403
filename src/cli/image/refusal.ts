/** What a registry answers where it refuses, as an error in words. */
import { text } from "node:stream/consumers";
import * as v from "valibot";
import { CliError } from "../error.ts";
import type { Answer } from "../remote/upstream.ts";
import { copyable } from "../sentence.ts";
import { hostOf } from "./reference.ts";

/** spec.md, "Error Codes". */
const Errors = v.object({
  errors: v.pipe(
    v.array(v.object({ code: v.nullish(v.string(), ""), message: v.nullish(v.string(), "") })),
    v.minLength(1),
  ),
});

/**
 * @param doing what was asked for, such as "push acme/app:v1"
 * @param registry its origin
 */
export async function refused(answer: Answer, doing: string, registry: string): Promise<CliError> {
  const { status } = answer;
  // What breaks off is no JSON, and the status is known all the same.
  const body = await text(answer.body).catch(() => "");
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Errors), body);
  const host = hostOf(registry);
  const hint = hintOf(status, host);
  const { errors } = parsed.success ? parsed.output : { errors: [] };
  const said = errors.map(({ code, message }) => message || code).join("; ");
  const code = errors[0]?.code || `HTTP_${status}`;
  const message = `cannot ${doing}: ${said || unsaid(status, host)}`;
  return new CliError(message, { status, code, hint });
}

/** What a status says by itself: an answer to HEAD has no more. */
function unsaid(status: number, host: string): string {
  return status === 401 ? `${host} wants a login` : `${host} answered ${status}`;
}

function hintOf(status: number, host: string): string | null {
  const logins = `${copyable(`slipway login ${host}`)} or ${copyable(`docker login ${host}`)}`;
  if (status === 401) return `Log in: ${logins}. A login that is there already may have ended.`;
  if (status === 403) return `Credentials of ${logins} are used; they need the right to do that.`;
  return status === 413 ? "Its limit for one request is lower than it says." : null;
}
