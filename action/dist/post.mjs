// src/cli/remote/oidc.ts
import { setTimeout as sleep } from "node:timers/promises";

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

// src/cli/remote/oidc.ts
var WAITS_MS = [500, 1e3, 2e3];
var WORKLOAD = "oidc";
async function revoke(registry, password) {
  const api = new Api(registry, { user: WORKLOAD, password });
  try {
    await retried(() => api.remove("/oidc/credential"));
  } catch (error) {
    if (!(error instanceof CliError) || error.status !== 401) throw error;
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

// action/src/docker.ts
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
async function logOut(host) {
  await docker(["logout", host]);
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
import { mkdtempSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep2 } from "node:timers/promises";
var PROGRAM = join(import.meta.dirname, "slipway.mjs");
var POLL_MS = 50;
var STOP_MS = 3e4;
var SHOWN_LINES = 50;
async function stopProxy(pid) {
  if (!isRunning(pid)) return false;
  process.kill(pid, "SIGTERM");
  const latest = Date.now() + STOP_MS;
  while (isRunning(pid) && Date.now() < latest) await sleep2(POLL_MS);
  if (isRunning(pid)) process.kill(pid, "SIGKILL");
  return true;
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

// action/src/runner.ts
import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
var STATE = "slipway";
function savedState() {
  const text2 = process.env[`STATE_${STATE}`];
  return text2 === void 0 || text2 === "" ? null : JSON.parse(text2);
}
function warn(error) {
  say("warning", wordsOf(error));
}
function showLines(title, lines) {
  const token = randomUUID();
  process.stdout.write(
    `::group::${escaped(title)}
::stop-commands::${token}
${lines}
::${token}::
::endgroup::
`
  );
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

// action/src/post.ts
var { hosts, credential, proxy } = savedState() ?? { hosts: [], credential: null, proxy: null };
if (proxy !== null) {
  await orWarn(async () => {
    const ran = await stopProxy(proxy.pid);
    if (!ran) warn("the proxy had ended before the job did: its log says why");
    showLines("The proxy's last lines", linesOf(proxy.log));
  });
}
for (const host of hosts) await orWarn(() => logOut(host));
if (credential !== null) await orWarn(() => revoke(credential.registry, credential.password));
async function orWarn(undo) {
  try {
    await undo();
  } catch (error) {
    warn(error);
  }
}
