/** Logs a CI job in by the ID token that its CI gives it, without a stored secret. */
import { text as textOf } from "node:stream/consumers";
import * as v from "valibot";
import { refusalIn } from "../api.ts";
import { CliError, hinted } from "../error.ts";
import { readTextFile } from "../file.ts";
import { copyable } from "../sentence.ts";
import { basic } from "./basic.ts";
import { reached } from "./retry.ts";
import { type Asked, Upstream } from "./upstream.ts";

/** The user name of workloads. */
const WORKLOAD = "oidc";

const some = v.pipe(v.string(), v.minLength(1));
const json = v.pipe(v.string(), v.parseJson());
const IdToken = v.pipe(json, v.object({ value: some }));
const Exchanged = v.pipe(json, v.object({ username: some, password: some, expiresAt: some }));
export type Exchanged = v.InferOutput<typeof Exchanged>;

/**
 * Gets an ID token for this audience: from SLIPWAY_ID_TOKEN, else from the file SLIPWAY_ID_TOKEN_FILE, which is read each
 * time, else from the service of GitHub Actions (and Forgejo's, which is the same).
 * @throws CliError that says what the job lacks
 */
export async function idToken(audience: string): Promise<string> {
  const { SLIPWAY_ID_TOKEN: given, SLIPWAY_ID_TOKEN_FILE: file } = process.env;
  if (given) return checked(given.trim(), "SLIPWAY_ID_TOKEN");
  if (file) return tokenInFile(file);
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret } = process.env;
  if (!url || !secret) throw await noToken(audience);
  return requestToken(url, secret, audience);
}

/** Which login a job asks for. */
export interface Login {
  /** Those whose trust rules are to take the ID token, ten at most. */
  readonly namespaces: readonly string[];
  /** The audience that the rules want, usually the registry's URL. SLIPWAY_AUDIENCE has precedence. */
  readonly audience: string;
}

/**
 * Exchanges an ID token for a password that holds for minutes.
 * @param registry its origin
 * @throws CliError with the registry's reason where no trust rule takes the token
 */
export async function exchange(
  registry: string,
  { namespaces, audience }: Login,
): Promise<Exchanged> {
  const token = await idToken(process.env["SLIPWAY_AUDIENCE"] || audience);
  const exchanged = ask(registry, {
    method: "POST",
    path: "/api/v1/oidc/exchange",
    headers: { "content-type": "application/json" },
    body: [Buffer.from(JSON.stringify({ token, namespaces }))],
  });
  const { text } = await hinted(exchanged, 401, trustHint(namespaces));
  const { success, output } = v.safeParse(Exchanged, text);
  if (success) return output;
  throw new CliError(`${registry} answered no credential: is it a Slipway registry?`);
}

/** Ends an exchanged password, and whatever was signed by it. One that has ended already is left as it is. */
export async function revoke(registry: string, password: string): Promise<void> {
  const headers = { authorization: basic({ user: WORKLOAD, password }) };
  try {
    await ask(registry, { method: "DELETE", path: "/api/v1/oidc/credential", headers });
  } catch (error) {
    if (!(error instanceof CliError) || error.status !== 401) throw error;
  }
}

interface Said {
  readonly status: number;
  readonly text: string;
}

/**
 * Sends a request that may be repeated, as both may: again where nothing answered, or the server failed.
 * @throws CliError where the registry refuses it
 */
async function ask(registry: string, asked: Asked): Promise<Said> {
  const said = await send(registry, asked);
  const { status, text } = said;
  if (status < 300) return said;
  const { sentence, code = `HTTP_${status}` } = refusalIn(text) ?? {};
  throw new CliError(sentence ?? `${registry} answered ${status}`, { code, status });
}

async function send(origin: string, asked: Asked): Promise<Said> {
  const upstream = new Upstream(origin);
  const headers = { accept: "application/json", "user-agent": "slipway", ...asked.headers };
  try {
    const { status, body } = await reached(origin, () => upstream.request({ ...asked, headers }));
    return { status, text: await textOf(body) };
  } finally {
    upstream.close();
  }
}

async function tokenInFile(file: string): Promise<string> {
  const token = (await readTextFile(file)).trim();
  if (token !== "") return checked(token, `the file of SLIPWAY_ID_TOKEN_FILE, ${file},`);
  throw new CliError(`the file of SLIPWAY_ID_TOKEN_FILE is empty: ${file}`, {
    code: "NO_ID_TOKEN",
  });
}

/** The form of RFC 7515 § 7.1. What else it has to be, the registry says. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Another secret that stands there by mistake is not sent. */
function checked(token: string, where: string): string {
  if (JWT.test(token)) return token;
  throw new CliError(`what ${where} has is no ID token`, {
    code: "NO_ID_TOKEN",
    hint: "An ID token is a JWT: three parts of letters and digits with dots between them.",
  });
}

/** Asks GitHub's service: docs.github.com, "OpenID Connect reference", "Methods for requesting the OIDC token". */
async function requestToken(service: string, secret: string, audience: string): Promise<string> {
  const url = new URL(service);
  url.searchParams.set("audience", audience);
  const headers = { authorization: `Bearer ${secret}` };
  const path = url.pathname + url.search;
  const { status, text } = await send(url.origin, { method: "GET", path, headers });
  const { success, output } = v.safeParse(IdToken, text);
  if (status === 200 && success) return output.value;
  const said = status === 200 ? "without an ID token" : `${status}`;
  throw new CliError(`the CI's token service at ${url.origin} answered ${said}`, {
    code: "NO_ID_TOKEN",
    status,
  });
}

async function noToken(audience: string): Promise<CliError> {
  const { GITHUB_ACTIONS } = process.env;
  if (GITHUB_ACTIONS !== "true") {
    return new CliError("there is no ID token to log in with", {
      code: "NO_ID_TOKEN",
      hint: `Give one for the audience ${audience} in SLIPWAY_ID_TOKEN, or in the file that SLIPWAY_ID_TOKEN_FILE names. In GitHub Actions a job with ${copyable("permissions: id-token: write")} needs neither.`,
    });
  }
  if (await isOfFork()) {
    return new CliError("GitHub gives no ID token to a pull request from a fork", {
      code: "NO_ID_TOKEN",
      hint: `Build there without a push, such as by ${copyable("if: github.event.pull_request.head.repo.fork != true")} at the step that logs in.`,
    });
  }
  return new CliError("this job may not ask for an ID token", {
    code: "NO_ID_TOKEN",
    hint: `Add ${copyable("permissions: { contents: read, id-token: write }")} to the job; a reusable workflow needs it in the workflow that calls it, too. Forgejo has ${copyable("enable-openid-connect: true")} instead.`,
  });
}

interface Event {
  readonly pull_request?: {
    readonly head?: { readonly repo?: { readonly fork?: boolean } | null };
  };
}

/** Whether the job runs for a pull request whose branch is in a fork, or was, if the fork is deleted by now. */
async function isOfFork(): Promise<boolean> {
  const { GITHUB_EVENT_PATH: file, GITHUB_EVENT_NAME: event = "" } = process.env;
  if (!file || !event.startsWith("pull_request")) return false;
  const { pull_request: pull } = JSON.parse(await readTextFile(file)) as Event;
  return pull?.head?.repo === null || pull?.head?.repo?.fork === true;
}

/** The command that trusts this job, with what the CI tells of it. */
function trustHint([namespace = ""]: readonly string[]): string {
  const { env } = process;
  const push = `--push '${namespace}/*'`;
  const { GITHUB_REPOSITORY: repository, GITHUB_SERVER_URL: forge } = env;
  const { CI_PROJECT_PATH: project, CI_PROJECT_ID: id } = env;
  const command =
    repository && forge === "https://github.com"
      ? `slipway trust add github ${repository} ${push}`
      : project && id
        ? `slipway trust add gitlab ${project} --project-id ${id} ${push}`
        : `slipway trust add oidc --issuer URL --claim NAME=GLOB ${push}`;
  return `If ${namespace} has no rule for this job yet, an owner of it adds one: ${copyable(command)}`;
}
