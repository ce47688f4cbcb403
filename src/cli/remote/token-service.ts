/** Docker's token services: credentials and scopes in, a token out (distribution's docs/spec/auth/token.md and oauth.md). */
import { json } from "node:stream/consumers";
import * as v from "valibot";
import { CliError } from "../error.ts";
import { basic } from "./basic.ts";
import { copyable } from "../sentence.ts";
import { IDENTITY_TOKEN, type RegistryCredentials } from "./credentials.ts";
import { reached } from "./retry.ts";
import { type Answer, Upstream } from "./upstream.ts";

export interface Wanted {
  readonly realm: URL;
  readonly service: string | null;
  readonly scopes: readonly string[];
  readonly credentials: RegistryCredentials | null;
}

export interface Token {
  readonly token: string;
  /** How long it holds, in seconds. */
  readonly seconds: number;
}

const Answered = v.pipe(
  v.object({
    token: v.nullish(v.string(), ""),
    access_token: v.nullish(v.string(), ""),
    // "If omitted, this defaults to 60 seconds" (token.md).
    expires_in: v.nullish(v.pipe(v.number(), v.minValue(0)), 60),
  }),
  v.transform(({ token, access_token, expires_in }) => ({
    token: token || access_token,
    seconds: expires_in,
  })),
  v.check(({ token }) => token !== ""),
);

/** Client and service know a client by this name; oauth.md wants one. */
const CLIENT = "slipway";

/** @throws CliError where the service refuses, cannot be reached, or answers no token */
export async function fetchToken(wanted: Wanted): Promise<Token> {
  const { realm } = wanted;
  const service = new Upstream(realm.origin);
  try {
    const answer = await ask(service, wanted);
    const { status, body } = answer;
    if (status === 200) return await tokenIn(answer, realm);
    body.resume();
    throw refusal(status, wanted);
  } finally {
    service.close();
  }
}

/** Asks by GET, which every service knows, or by POST: only that takes an identity token, and some services have no other. */
async function ask(service: Upstream, wanted: Wanted): Promise<Answer> {
  const { credentials } = wanted;
  if (credentials?.user === IDENTITY_TOKEN)
    return reached(service.origin, () => byPost(service, wanted, credentials));
  const answer = await reached(service.origin, () => byGet(service, wanted));
  if (credentials === null || (answer.status !== 404 && answer.status !== 405)) return answer;
  answer.body.resume();
  return reached(service.origin, () => byPost(service, wanted, credentials));
}

function byGet(service: Upstream, { realm, service: name, scopes, credentials }: Wanted) {
  const query = new URLSearchParams(realm.search);
  if (name !== null) query.set("service", name);
  for (const scope of scopes) query.append("scope", scope);
  if (credentials !== null) query.set("account", credentials.user);
  const headers = credentials === null ? {} : { authorization: basic(credentials) };
  return service.request({ method: "GET", path: `${realm.pathname}?${query.toString()}`, headers });
}

function byPost(
  service: Upstream,
  { realm, service: name, scopes }: Wanted,
  { user, password }: RegistryCredentials,
) {
  const login =
    user === IDENTITY_TOKEN
      ? { grant_type: "refresh_token", refresh_token: password }
      : { grant_type: "password", username: user, password };
  const form = new URLSearchParams({ ...login, client_id: CLIENT, scope: scopes.join(" ") });
  if (name !== null) form.set("service", name);
  return service.request({
    method: "POST",
    path: realm.pathname + realm.search,
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: [Buffer.from(form.toString())],
  });
}

async function tokenIn({ body }: Answer, { origin }: URL): Promise<Token> {
  const parsed = v.safeParse(Answered, await json(body).catch(() => null));
  if (parsed.success) return parsed.output;
  throw new CliError(`the token service ${origin} answered no token`);
}

function refusal(status: number, { realm, credentials, scopes }: Wanted): CliError {
  const { host } = realm;
  if (status !== 401 && status !== 403) {
    return new CliError(`the token service ${realm.origin} answered ${status}`, { status });
  }
  const login = copyable(`docker login ${host}`);
  if (credentials === null) {
    return new CliError(`${host} gives no token without a login for ${scopes.join(" ")}`, {
      status,
      code: "UNAUTHORIZED",
      hint: `Log in: ${login}, or ${copyable("slipway login")} for a Slipway registry.`,
    });
  }
  const { whose, remedy } = shown(credentials, login);
  return new CliError(`${host} refused the credentials of ${whose}`, {
    status,
    code: "UNAUTHORIZED",
    hint: `They may have ended. ${remedy}`,
  });
}

function shown({ user }: RegistryCredentials, login: string): { whose: string; remedy: string } {
  // Only a token of the environment comes without a user.
  if (user === "") return { whose: "SLIPWAY_TOKEN", remedy: "Set it to a token that holds." };
  const whose = user === IDENTITY_TOKEN ? "the identity token" : user;
  return { whose, remedy: `Log in again: ${login}` };
}
