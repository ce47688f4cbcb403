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
  if (!parsed.success) {
    const hint = hintOf(status, host);
    const message = `cannot ${doing}: ${host} answered ${status}`;
    return new CliError(message, {
      status,
      code: `HTTP_${status}`,
      ...(hint === "" ? {} : { hint }),
    });
  }
  const { errors } = parsed.output;
  const said = errors.map(({ code, message }) => message || code).join("; ");
  const code = errors[0]?.code || `HTTP_${status}`;
  const hint = hintOf(status, host);
  return new CliError(`cannot ${doing}: ${said}`, {
    status,
    code,
    ...(hint === "" ? {} : { hint }),
  });
}

function hintOf(status: number, host: string): string {
  if (status === 401 || status === 403) {
    const logins = `${copyable(`docker login ${host}`)} or ${copyable(`slipway login ${host}`)}`;
    return `Credentials are taken from ${logins}, and need the right to do that.`;
  }
  return status === 413 ? "Its limit for one request is lower than it says." : "";
}
