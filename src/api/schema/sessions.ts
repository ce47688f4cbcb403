/** Sign-ins of people, by their password. */
import * as v from "valibot";
import { isPersonName, isToken } from "../../auth/sign-in/person.ts";
import { flag, someText, text, time } from "./common.ts";

export const Session = v.object({
  id: text,
  createdAt: time,
  lastSeenAt: v.pipe(time, v.description("Its last use, to five minutes.")),
  expiresAt: v.pipe(
    time,
    v.description(
      "When it ends if it is not used again: 12 hours after its last use, and 14 days after the sign-in at the latest.",
    ),
  ),
  address: v.pipe(text, v.description("Where the sign-in came from.")),
  agent: v.pipe(someText, v.description("The browser's User-Agent at the sign-in.")),
  current: v.pipe(flag, v.description("Whether the request was sent with this session.")),
});
export type Session = v.InferOutput<typeof Session>;

export const SignIn = v.strictObject({
  name: v.pipe(
    text,
    v.check(
      isPersonName,
      "robots and workloads do not sign in: they send their secret or ID token with each request",
    ),
  ),
  password: v.pipe(
    text,
    v.check(
      (given) => !isToken(given),
      "this is a token: sign in with the password, or send the token with each request (Authorization: Bearer)",
    ),
  ),
});
