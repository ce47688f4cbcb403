// src/cli/error.ts
var CliError = class extends Error {
  code;
  hint;
  /** The status of the registry's answer, if there was one. */
  status;
  faults;
  constructor(message, options = {}) {
    super(message, { cause: options.cause });
    this.name = "CliError";
    this.code = options.code ?? "FAILED";
    this.hint = options.hint ?? null;
    this.status = options.status;
    this.faults = options.faults ?? [];
  }
};
async function hinted(answer, status, hint) {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof CliError) || error.status !== status) throw error;
    const { message, code, faults } = error;
    throw new CliError(message, { code, hint, status, faults, cause: error });
  }
}

// src/cli/registry-url.ts
var LOCAL = /^(localhost|127\.0\.0\.1|\[::1\])$/;
function parseRegistry(text2) {
  const given = text2.trim();
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(given)?.[1]?.toLowerCase();
  if (scheme !== void 0 && scheme !== "http" && scheme !== "https") throw invalid(text2);
  const url = URL.parse(scheme === void 0 ? `https://${given}` : given);
  if (url === null || url.hostname === "") throw invalid(text2);
  const extras = [url.username, url.password, url.search, url.hash].join("");
  if (extras !== "" || url.pathname !== "/") throw invalid(text2);
  if (scheme === void 0 && LOCAL.test(url.hostname)) return parseRegistry(`http://${given}`);
  return url.origin;
}
function isClear(registry) {
  const { protocol, hostname } = new URL(registry);
  return protocol === "http:" && !LOCAL.test(hostname);
}
function invalid(text2) {
  return new CliError(
    `"${text2}" is no registry: name its host, such as registry.example.com or localhost:8787`
  );
}

// src/cli/remote/oidc.ts
import { setTimeout as sleep } from "node:timers/promises";

// src/cli/text-width.ts
var graphemes = new Intl.Segmenter();

// src/cli/sentence.ts
var JOINT = " ";
function copyable(text2) {
  return text2.replaceAll(" ", JOINT);
}
function unjoined(text2) {
  return text2.replaceAll(JOINT, " ");
}

// src/cli/missing.ts
var NAMELESS = /* @__PURE__ */ new Set([
  "there is nothing of that name",
  "repository unknown",
  "manifest unknown",
  // The answer to a HEAD request has no body.
  ""
]);
var THINGS = [
  [
    /^\/v2\/(.+)\/manifests\/(sha\d+:.+)$/,
    (repository, digest) => ({
      message: `there is no manifest ${repository}@${digest}`,
      hint: `${copyable(`slipway manifest list ${repository}`)} lists those that are there`
    })
  ],
  [
    /^\/v2\/(.+)\/manifests\/(.+)$/,
    (repository, tag) => ({
      message: `there is no tag ${repository}:${tag}`,
      hint: `${copyable(`slipway tag list ${repository}`)} lists those that are there`
    })
  ],
  [
    /^\/api\/v1\/repositories\/(.+)\/-\/manifests\/(.+)$/,
    (repository, digest) => ({
      message: `there is no manifest ${repository}@${digest}`,
      hint: `${copyable(`slipway manifest list ${repository}`)} lists those that are there`
    })
  ],
  [
    /^\/api\/v1\/repositories\/(.+)\/-\/(?:restore|purge)$/,
    (repository) => ({
      message: `there is no such thing in the trash of ${repository}`,
      hint: `${copyable(`slipway trash list ${repository}`)} lists what is`
    })
  ],
  [
    /^\/api\/v1\/events\/dead\/([^/]+)/,
    (id) => ({
      message: `there is no dead event ${id}`,
      hint: "slipway events dead lists those that there are"
    })
  ],
  [
    /^\/api\/v1\/repositories\/(.+?)(?:\/-\/.*)?$/,
    (repository) => ({
      message: `there is no repository ${repository}, or you may not see it`,
      hint: `${copyable("slipway repo list")} lists those that you can pull from`
    })
  ],
  [
    /^\/api\/v1\/namespaces\/([^/]+)\/robots\/([^/]+)\/tokens\/(.+)$/,
    (namespace, robot, secret) => ({
      message: `the robot ${namespace}+${robot} has no secret ${secret}`,
      hint: `${copyable(`slipway robot list ${namespace}`)} lists the robots with their secrets`
    })
  ],
  [
    /^\/api\/v1\/namespaces\/([^/]+)\/robots\/([^/]+)(?:\/.*)?$/,
    (namespace, robot) => ({
      message: `there is no robot ${namespace}+${robot}`,
      hint: `${copyable(`slipway robot list ${namespace}`)} lists those that are there`
    })
  ],
  [
    /^\/api\/v1\/namespaces\/([^/]+)\/trust-rules\/(.+)$/,
    (namespace, rule) => ({
      message: `there is no trust rule ${namespace}+${rule}`,
      hint: `${copyable(`slipway trust list ${namespace}`)} lists those that are there`
    })
  ],
  [
    /^\/api\/v1\/namespaces\/([^/]+)\/members\/(.+)$/,
    (namespace, user) => ({
      message: `${user} has no such role in ${namespace}`,
      hint: `${copyable(`slipway member list ${namespace}`)} lists who has one`
    })
  ],
  [
    /^\/api\/v1\/namespaces\/([^/]+)(?:\/.*)?$/,
    (namespace) => ({
      message: `there is no namespace ${namespace}`,
      hint: `${copyable("slipway namespace list")} lists those that you have a part in`
    })
  ],
  [
    /^\/api\/v1\/users\/(.+)$/,
    (user) => ({
      message: `there is no user ${user}`,
      hint: `${copyable("slipway user list")} lists all users`
    })
  ],
  [
    /^\/api\/v1\/tokens\/(.+)$/,
    (token) => ({
      message: `you have no token ${token}`,
      hint: `${copyable("slipway token list")} lists those that you have`
    })
  ]
];
function missingAt(path, said) {
  if (!NAMELESS.has(said)) return null;
  for (const [pattern, say2] of THINGS) {
    const match = pattern.exec(path);
    if (match !== null) return say2(...match.slice(1).map(decodeURIComponent));
  }
  return null;
}

// src/cli/network-reason.ts
var REASONS = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no host of that name",
  EAI_AGAIN: "its name cannot be looked up now; is there a network?",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak https there; if it speaks http, write http://HOST",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "it does not speak https there; if it speaks http, write http://HOST"
};
function networkReasonOf(error) {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== void 0) return networkReasonOf(error.cause);
  const { code = "" } = error;
  return REASONS[code] ?? (error.message === "" ? code || error.name : error.message);
}

// src/cli/remote/unreachable.ts
function unreachable(origin, error) {
  const message = `cannot reach ${origin}: ${networkReasonOf(error)}`;
  return new CliError(message, { code: "UNREACHABLE", cause: error });
}

// src/cli/api.ts
var BASE = "/api/v1";
var Api = class {
  /** Such as "https://registry.example.com". */
  registry;
  credentials;
  constructor(registry, credentials) {
    this.registry = registry;
    this.credentials = credentials;
  }
  /** Host and port, with which image names begin. */
  get host() {
    return new URL(this.registry).host;
  }
  async get(path) {
    return this.#parse(await this.request("GET", BASE + path));
  }
  /** Reads a resource with the ETag to change it by. */
  async read(path) {
    const response = await this.request("GET", BASE + path);
    const etag = response.headers.get("etag") ?? void 0;
    return { value: await this.#parse(response), etag };
  }
  async send(method, path, body, ifMatch) {
    const sending = ifMatch === void 0 ? { body } : { body, ifMatch };
    return this.#parse(await this.request(method, BASE + path, sending));
  }
  async remove(path, query = {}) {
    const response = await this.request("DELETE", BASE + path, { query });
    await response.body?.cancel();
  }
  /** Everything in a list, page by page. */
  async *list(path, query = {}) {
    let { after } = query;
    do {
      const response = await this.request("GET", BASE + path, { query: { ...query, after } });
      const page = await this.#parse(response);
      yield* page.items;
      after = page.next ?? void 0;
    } while (after !== void 0);
  }
  /** The same as JSON lines, as long as the list may be. */
  async *export(path, query) {
    const accept = "application/x-ndjson";
    const response = await this.request("GET", BASE + path, { query, accept });
    try {
      if (response.body !== null) yield* response.body;
    } catch (error) {
      throw this.#broken(error);
    }
  }
  /** @throws CliError for every answer that is a refusal, and for none */
  async request(method, path, sending = {}) {
    const url = new URL(this.registry + path);
    for (const [name, value] of Object.entries(sending.query ?? {})) {
      if (value !== void 0) url.searchParams.set(name, value);
    }
    const headers = new Headers({ accept: sending.accept ?? "application/json" });
    headers.set("user-agent", "slipway");
    if (this.credentials !== null) headers.set("authorization", authorization(this.credentials));
    if (sending.ifMatch !== void 0) headers.set("if-match", sending.ifMatch);
    if (sending.body !== void 0) headers.set("content-type", "application/json");
    const body = sending.body === void 0 ? null : JSON.stringify(sending.body);
    const response = await reach(url, { method, headers, body, redirect: "error" });
    if (response.ok) return response;
    throw await this.#refusal(path, response);
  }
  async #parse(response) {
    try {
      const text2 = await response.text();
      return text2 === "" ? null : JSON.parse(text2);
    } catch (error) {
      throw this.#broken(error);
    }
  }
  #broken(error) {
    const { registry } = this;
    if (!(error instanceof SyntaxError)) {
      return new CliError(`${registry} broke off: ${networkReasonOf(error)}`, { cause: error });
    }
    return new CliError(`${registry} answered no JSON: is it a Slipway registry?`, {
      cause: error
    });
  }
  async #refusal(path, response) {
    const { status } = response;
    if (status === 412) {
      const message2 = "it was changed meanwhile: run this again";
      return new CliError(message2, { status, code: "VERSION_MISMATCH" });
    }
    const said = refusalIn(await response.text());
    const { code = `HTTP_${status}`, faults = [] } = said ?? {};
    const missing = status === 404 ? missingAt(path, said?.sentence ?? "") : null;
    const message = missing?.message ?? said?.sentence ?? `${this.registry} answered ${status}`;
    const hint = missing?.hint ?? this.#hint(response, faults);
    return new CliError(message, { code, status, faults, ...hint === null ? {} : { hint } });
  }
  /** The next step, which the registry cannot say as it does not know this command line. */
  #hint({ status, headers }, faults) {
    const wait = headers.get("retry-after");
    if (status === 429 && wait !== null) return `Try again in ${wait} seconds.`;
    if (faults.some(({ needs }) => needs === "password")) return PASSWORD_HINT;
    if (status !== 401) return null;
    const { credentials } = this;
    const login = copyable(`slipway login ${this.host}`);
    if (credentials === null) return `Log in: ${login}`;
    if ("user" in credentials) {
      return `Check the name and the password. If it is forgotten: ${newPasswordOf(credentials.user)}`;
    }
    if (credentials.source === "login") return `Log in again: ${login}`;
    return `SLIPWAY_TOKEN was sent, and is no valid token here. Set another, or unset it and log in: ${login}`;
  }
};
function newPasswordOf(user) {
  return user === "admin" ? "it is the deployment's secret ADMIN_PASSWORD (docs/local.md)" : `an administrator sets another: ${copyable(`slipway user password ${user}`)}`;
}
var PASSWORD_HINT = `Give the password with this command: ${copyable("-u USER")} at a terminal, ${copyable("-u USER --password-stdin")} in a script. Or log in once with ${copyable("--expires never")}.`;
async function reach(url, init) {
  try {
    return await fetch(url, init);
  } catch (error) {
    throw unreachable(url.origin, error);
  }
}
function authorization(credentials) {
  if ("token" in credentials) return `Bearer ${credentials.token}`;
  const { user, password } = credentials;
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}
function refusalIn(body) {
  try {
    const { detail, title, code, errors } = JSON.parse(body);
    const faults = Array.isArray(errors) ? errors : [];
    const [first] = faults;
    const reasons = faults.flatMap(({ field = "", message = "" }) => {
      if (message === "" || detail?.includes(message) === true) return [];
      return field === "" ? message : `${field}: ${message}`;
    });
    const said = [detail ?? [], reasons].flat();
    const sentence = said.length === 0 ? title : said.join("; ");
    return { sentence, code: code ?? first?.code, faults };
  } catch (error) {
    if (error instanceof SyntaxError) return void 0;
    throw error;
  }
}

// src/cli/file.ts
import { readFile } from "node:fs/promises";
var REASONS2 = {
  ENOSPC: "the disk is full",
  EROFS: "the disk can only be read",
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EISDIR: "it is a folder",
  EACCES: "you are not allowed to",
  EPERM: "you are not allowed to"
};
async function readTextFile(file) {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code = "FAILED" } = error;
    throw new CliError(`cannot read ${file}: ${reasonOf(error)}`, { code, cause: error });
  }
}
function reasonOf(error) {
  const { code = "", message } = error;
  return REASONS2[code] ?? message;
}

// src/cli/remote/oidc.ts
var TIMEOUT_MS = 3e4;
var WAITS_MS = [500, 1e3, 2e3];
async function idToken(audience) {
  const { SLIPWAY_ID_TOKEN: given, SLIPWAY_ID_TOKEN_FILE: file } = process.env;
  if (given) return given.trim();
  if (file) return tokenInFile(file);
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret } = process.env;
  if (!url || !secret) throw await noToken(audience);
  return retried(() => requestToken(url, secret, audience));
}
async function exchange(registry, { namespaces, audience }) {
  const token = await idToken(process.env["SLIPWAY_AUDIENCE"] || audience);
  const api = new Api(registry, null);
  const answer = retried(
    () => api.send("POST", "/oidc/exchange", { token, namespaces })
  );
  return hinted(answer, 401, trustHint(namespaces));
}
async function tokenInFile(file) {
  const token = (await readTextFile(file)).trim();
  if (token !== "") return token;
  throw new CliError(`the file of SLIPWAY_ID_TOKEN_FILE is empty: ${file}`, {
    code: "NO_ID_TOKEN"
  });
}
async function requestToken(service, secret, audience) {
  const url = new URL(service);
  url.searchParams.set("audience", audience);
  const headers = { accept: "application/json", authorization: `Bearer ${secret}` };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await reach(url, { headers, redirect: "error", signal });
  const text2 = await response.text();
  const token = response.ok ? valueIn(text2) : null;
  if (token !== null) return token;
  const said = response.ok ? "without an ID token" : `${response.status}`;
  throw new CliError(`the CI's token service at ${url.origin} answered ${said}`, {
    code: "NO_ID_TOKEN",
    status: response.status
  });
}
function valueIn(body) {
  try {
    const { value } = JSON.parse(body);
    return typeof value === "string" && value !== "" ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
async function retried(attempt) {
  for (const wait of WAITS_MS) {
    try {
      return await attempt();
    } catch (error) {
      if (!isPassing(error)) throw error;
      await sleep(wait);
    }
  }
  return attempt();
}
function isPassing(error) {
  if (!(error instanceof CliError)) return false;
  return error.status === void 0 || error.status >= 500;
}
async function noToken(audience) {
  const { GITHUB_ACTIONS } = process.env;
  if (GITHUB_ACTIONS !== "true") {
    return new CliError("there is no ID token to log in with", {
      code: "NO_ID_TOKEN",
      hint: `Give one for the audience ${audience} in SLIPWAY_ID_TOKEN, or in the file that SLIPWAY_ID_TOKEN_FILE names. In GitHub Actions a job with ${copyable("permissions: id-token: write")} needs neither.`
    });
  }
  if (await isOfFork()) {
    return new CliError("GitHub gives no ID token to a pull request from a fork", {
      code: "NO_ID_TOKEN",
      hint: `Build there without a push, such as by ${copyable("if: github.event.pull_request.head.repo.fork != true")} at the step that logs in.`
    });
  }
  return new CliError("this job may not ask for an ID token", {
    code: "NO_ID_TOKEN",
    hint: `Add ${copyable("permissions: { contents: read, id-token: write }")} to the job; a reusable workflow needs it in the workflow that calls it, too. Forgejo has ${copyable("enable-openid-connect: true")} instead.`
  });
}
async function isOfFork() {
  const { GITHUB_EVENT_PATH: file, GITHUB_EVENT_NAME: event = "" } = process.env;
  if (!file || !event.startsWith("pull_request")) return false;
  const { pull_request: pull } = JSON.parse(await readTextFile(file));
  return pull?.head?.repo === null || pull?.head?.repo?.fork === true;
}
function trustHint([namespace = ""]) {
  const { env } = process;
  const push = `--push '${namespace}/*'`;
  const { GITHUB_REPOSITORY: repository, GITHUB_SERVER_URL: forge } = env;
  const { CI_PROJECT_PATH: project, CI_PROJECT_ID: id } = env;
  const command = repository && forge === "https://github.com" ? `slipway trust add github ${repository} ${push}` : project && id ? `slipway trust add gitlab ${project} --project-id ${id} ${push}` : `slipway trust add oidc --issuer URL --claim NAME=GLOB ${push}`;
  return `If ${namespace} has no rule for this job yet, an owner of it adds one: ${copyable(command)}`;
}

// action/src/docker.ts
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
async function requireDocker() {
  await docker(["--version"]);
}
async function logIn(host, user, password) {
  await docker(["login", host, "--username", user, "--password-stdin"], password);
}
async function docker(args, given = "") {
  const child = spawn("docker", args, { stdio: ["pipe", "ignore", "pipe"] });
  child.stdin.on("error", () => {
  });
  child.stdin.end(given);
  const ended = once(child, "close");
  const [said, [code]] = await Promise.all([text(child.stderr), ended]).catch(notThere);
  if (code === 0) return;
  const [command = ""] = args;
  throw new CliError(`docker ${command} failed: ${said.trim() || `exit code ${code}`}`);
}
function notThere(error) {
  if (error.code !== "ENOENT") throw error;
  throw new CliError("docker is not installed on this runner", {
    cause: error,
    hint: "Use a runner that has it, such as ubuntu-latest, or install it in an earlier step. A job in a container needs an image with the docker command."
  });
}

// action/src/proxy.ts
import { spawn as spawn2 } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, openSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep2 } from "node:timers/promises";
var PROGRAM = join(import.meta.dirname, "slipway.mjs");
var PROXY_USER = "slipway";
var POLL_MS = 50;
var START_MS = 6e4;
var SHOWN_LINES = 50;
function startProxy({ registry, namespaces, port }) {
  const folder = mkdtempSync(join(process.env["RUNNER_TEMP"] || tmpdir(), "slipway-proxy-"));
  const log = join(folder, "log");
  const output = openSync(log, "a", 384);
  const secret = randomBytes(24).toString("base64url");
  const args = ["proxy", "--json", "--registry", registry, "--port", port, "--credential", "oidc"];
  const child = spawn2(process.execPath, [PROGRAM, ...args, "--namespace", ...namespaces], {
    detached: true,
    stdio: ["ignore", output, output],
    env: { ...process.env, SLIPWAY_PROXY_SECRET: secret }
  });
  child.unref();
  if (child.pid === void 0) throw new Error(`${process.execPath} could not be started`);
  return { pid: child.pid, log, secret };
}
async function untilReady({ pid, log }) {
  const latest = Date.now() + START_MS;
  while (isRunning(pid) && Date.now() < latest) {
    const url = /"ready":\s*"(http:[^"]+)"/.exec(readFileSync(log, "utf8"))?.[1];
    if (url !== void 0) {
      await (await fetch(`${url}/v2/`)).body?.cancel();
      return new URL(url).host;
    }
    await sleep2(POLL_MS);
  }
  const problem = isRunning(pid) ? "did not start in time" : "ended at its start";
  throw new CliError(`the proxy ${problem}: ${reasonIn(log) || "it said nothing"}`);
}
function linesOf(log) {
  return readFileSync(log, "utf8").trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
}
function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return stateOf(pid) !== "Z";
  } catch (error) {
    if (error.code === "ESRCH") return false;
    throw error;
  }
}
function stateOf(pid) {
  try {
    return /.*\) (\w)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? null;
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}
function reasonIn(log) {
  const [last = ""] = linesOf(log).split("\n").slice(-1);
  try {
    const { error } = JSON.parse(last);
    return [error?.message ?? [], error?.hint ?? []].flat().join(". ");
  } catch (error) {
    if (error instanceof SyntaxError) return linesOf(log);
    throw error;
  }
}

// action/src/runner.ts
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { inspect } from "node:util";
function input(name) {
  return process.env[`INPUT_${name.toUpperCase()}`]?.trim() ?? "";
}
function setOutput(name, value) {
  append("GITHUB_OUTPUT", name, value);
}
var STATE = "slipway";
function saveState(state2) {
  append("GITHUB_STATE", STATE, JSON.stringify(state2));
}
function append(file, name, value) {
  const path = process.env[file];
  if (path === void 0 || path === "") throw new Error(`${file} is not set: is this a job?`);
  const delimiter = `end-${randomUUID()}`;
  appendFileSync(path, `${name}<<${delimiter}
${value}
${delimiter}
`);
}
function mask(secret) {
  say("add-mask", secret);
}
function reportError(error) {
  say("error", wordsOf(error));
}
function warn(error) {
  say("warning", wordsOf(error));
}
function wordsOf(error) {
  if (typeof error === "string") return error;
  if (!(error instanceof CliError)) return inspect(error);
  const { message, hint } = error;
  return unjoined(hint === null ? message : `${message}
${hint}`);
}
function say(command, text2) {
  process.stdout.write(`::${command}::${escaped(text2)}
`);
}
function escaped(text2) {
  return text2.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

// action/src/main.ts
var state = { hosts: [], credential: null, proxy: null };
try {
  await run();
} catch (error) {
  reportError(error);
  process.exitCode = 1;
}
function add(change) {
  state = { ...state, ...change };
  saveState(state);
}
async function run() {
  const registry = registryIn(input("registry"));
  const namespaces = namespacesIn(input("namespaces"));
  const port = input("port") || "5001";
  const withProxy = isTrue("proxy");
  const audience = input("audience");
  if (audience !== "") process.env["SLIPWAY_AUDIENCE"] = audience;
  if (isClear(registry)) warn(`${registry} is not https: credentials travel in clear text`);
  await requireDocker();
  const { username, password, expiresAt } = await exchange(registry, {
    namespaces,
    audience: registry
  });
  mask(password);
  add({ credential: { registry, password } });
  const { host } = new URL(registry);
  await logInTo(host, username, password);
  setOutput("registry", host);
  setOutput("username", username);
  console.log(`Docker is logged in to ${host} as ${username}, until ${expiresAt}.`);
  const proxy = withProxy ? await openProxy({ registry, namespaces, port }) : "";
  setOutput("proxy", proxy);
}
async function openProxy(wanted) {
  const { pid, log, secret } = startProxy(wanted);
  mask(secret);
  add({ proxy: { pid, log } });
  const host = await untilReady({ pid, log });
  await logInTo(host, PROXY_USER, secret);
  console.log(`Push layers of any size to ${host}: it sends them on to ${wanted.registry}.`);
  return host;
}
async function logInTo(host, user, password) {
  await logIn(host, user, password);
  add({ hosts: [...state.hosts, host] });
}
function registryIn(text2) {
  if (text2 !== "") return parseRegistry(text2);
  throw new CliError("the input registry is missing", {
    hint: "Give the registry's host: with: { registry: registry.example.com }"
  });
}
function namespacesIn(text2) {
  const named = text2.split(/[\s,]+/).filter((name) => name !== "");
  if (named.length > 0) return named;
  const owner = process.env["GITHUB_REPOSITORY_OWNER"];
  if (owner) return [owner.toLowerCase()];
  throw new CliError("the input namespaces is missing", {
    hint: "Give the first part of the image's name: with: { namespaces: acme }"
  });
}
function isTrue(name) {
  const text2 = input(name) || "true";
  if (text2 === "true" || text2 === "false") return text2 === "true";
  throw new CliError(`the input ${name} is "${text2}": write true or false`);
}
