
import { createRequire as requireOf } from "node:module";
const require = requireOf(import.meta.url);

// src/cli/remote/oidc.ts
import { text as textOf } from "node:stream/consumers";

// node_modules/valibot/dist/index.mjs
var store$4;
var DEFAULT_CONFIG = {
  lang: void 0,
  message: void 0,
  abortEarly: void 0,
  abortPipeEarly: void 0
};
// @__NO_SIDE_EFFECTS__
function getGlobalConfig(config$1) {
  if (!config$1 && !store$4) return DEFAULT_CONFIG;
  return {
    lang: config$1?.lang ?? store$4?.lang,
    message: config$1?.message,
    abortEarly: config$1?.abortEarly ?? store$4?.abortEarly,
    abortPipeEarly: config$1?.abortPipeEarly ?? store$4?.abortPipeEarly
  };
}
var store$3;
// @__NO_SIDE_EFFECTS__
function getGlobalMessage(lang) {
  return store$3?.get(lang);
}
var store$2;
// @__NO_SIDE_EFFECTS__
function getSchemaMessage(lang) {
  return store$2?.get(lang);
}
var store$1;
// @__NO_SIDE_EFFECTS__
function getSpecificMessage(reference, lang) {
  return store$1?.get(reference)?.get(lang);
}
// @__NO_SIDE_EFFECTS__
function _stringify(input) {
  const type = typeof input;
  if (type === "string") return `"${input}"`;
  if (type === "number" || type === "bigint" || type === "boolean") return `${input}`;
  if (type === "object" || type === "function") return (input && Object.getPrototypeOf(input)?.constructor?.name) ?? "null";
  return type;
}
function _addIssue(context, label, dataset, config$1, other) {
  const input = other && "input" in other ? other.input : dataset.value;
  const expected = other?.expected ?? context.expects ?? null;
  const received = other?.received ?? /* @__PURE__ */ _stringify(input);
  const issue = {
    kind: context.kind,
    type: context.type,
    input,
    expected,
    received,
    message: `Invalid ${label}: ${expected ? `Expected ${expected} but r` : "R"}eceived ${received}`,
    requirement: context.requirement,
    path: other?.path,
    issues: other?.issues,
    lang: config$1.lang,
    abortEarly: config$1.abortEarly,
    abortPipeEarly: config$1.abortPipeEarly
  };
  const isSchema = context.kind === "schema";
  const message$1 = other?.message ?? context.message ?? /* @__PURE__ */ getSpecificMessage(context.reference, issue.lang) ?? (isSchema ? /* @__PURE__ */ getSchemaMessage(issue.lang) : null) ?? config$1.message ?? /* @__PURE__ */ getGlobalMessage(issue.lang);
  if (message$1 !== void 0) issue.message = typeof message$1 === "function" ? message$1(issue) : message$1;
  if (isSchema) dataset.typed = false;
  if (dataset.issues) dataset.issues.push(issue);
  else dataset.issues = [issue];
}
function _standardSchema(schema) {
  schema["~standard"] = {
    version: 1,
    vendor: "valibot",
    validate: (value$1) => schema["~run"]({ value: value$1 }, /* @__PURE__ */ getGlobalConfig())
  };
  return schema;
}
var EMOJI_REGEX = new RegExp("^(?:[\\u{1F1E6}-\\u{1F1FF}]{2}|\\u{1F3F4}[\\u{E0061}-\\u{E007A}]{2}[\\u{E0030}-\\u{E0039}\\u{E0061}-\\u{E007A}]{1,3}\\u{E007F}|(?:\\p{Emoji}\\uFE0F\\u20E3?|\\p{Emoji_Modifier_Base}\\p{Emoji_Modifier}?|(?![\\p{Emoji_Modifier_Base}\\u{1F1E6}-\\u{1F1FF}])\\p{Emoji_Presentation})(?:\\u200D(?:\\p{Emoji}\\uFE0F\\u20E3?|\\p{Emoji_Modifier_Base}\\p{Emoji_Modifier}?|(?![\\p{Emoji_Modifier_Base}\\u{1F1E6}-\\u{1F1FF}])\\p{Emoji_Presentation}))*)+$", "u");
// @__NO_SIDE_EFFECTS__
function minLength(requirement, message$1) {
  return {
    kind: "validation",
    type: "min_length",
    reference: minLength,
    async: false,
    expects: `>=${requirement}`,
    requirement,
    message: message$1,
    "~run"(dataset, config$1) {
      if (dataset.typed && dataset.value.length < this.requirement) _addIssue(this, "length", dataset, config$1, { received: `${dataset.value.length}` });
      return dataset;
    }
  };
}
// @__NO_SIDE_EFFECTS__
function parseJson(config$1, message$1) {
  return {
    kind: "transformation",
    type: "parse_json",
    reference: parseJson,
    config: config$1,
    message: message$1,
    async: false,
    "~run"(dataset, config$2) {
      try {
        dataset.value = JSON.parse(dataset.value, this.config?.reviver);
      } catch (error) {
        if (error instanceof Error) {
          _addIssue(this, "JSON", dataset, config$2, { received: `"${error.message}"` });
          dataset.typed = false;
        } else throw error;
      }
      return dataset;
    }
  };
}
// @__NO_SIDE_EFFECTS__
function getFallback(schema, dataset, config$1) {
  return typeof schema.fallback === "function" ? schema.fallback(dataset, config$1) : schema.fallback;
}
// @__NO_SIDE_EFFECTS__
function getDefault(schema, dataset, config$1) {
  return typeof schema.default === "function" ? schema.default(dataset, config$1) : schema.default;
}
// @__NO_SIDE_EFFECTS__
function object(entries$1, message$1) {
  return _standardSchema({
    kind: "schema",
    type: "object",
    reference: object,
    expects: "Object",
    async: false,
    entries: entries$1,
    message: message$1,
    "~run"(dataset, config$1) {
      const input = dataset.value;
      if (input && typeof input === "object") {
        dataset.typed = true;
        dataset.value = {};
        for (const key in this.entries) {
          const valueSchema = this.entries[key];
          if (key in input || (valueSchema.type === "exact_optional" || valueSchema.type === "optional" || valueSchema.type === "nullish") && valueSchema.default !== void 0) {
            const value$1 = key in input ? input[key] : /* @__PURE__ */ getDefault(valueSchema);
            const valueDataset = valueSchema["~run"]({ value: value$1 }, config$1);
            if (valueDataset.issues) {
              const pathItem = {
                type: "object",
                origin: "value",
                input,
                key,
                value: value$1
              };
              for (const issue of valueDataset.issues) {
                if (issue.path) issue.path.unshift(pathItem);
                else issue.path = [pathItem];
                dataset.issues?.push(issue);
              }
              if (!dataset.issues) dataset.issues = valueDataset.issues;
              if (config$1.abortEarly) {
                dataset.typed = false;
                break;
              }
            }
            if (!valueDataset.typed) dataset.typed = false;
            dataset.value[key] = valueDataset.value;
          } else if (valueSchema.fallback !== void 0) dataset.value[key] = /* @__PURE__ */ getFallback(valueSchema);
          else if (valueSchema.type !== "exact_optional" && valueSchema.type !== "optional" && valueSchema.type !== "nullish") {
            _addIssue(this, "key", dataset, config$1, {
              input: void 0,
              expected: `"${key}"`,
              path: [{
                type: "object",
                origin: "key",
                input,
                key,
                value: input[key]
              }]
            });
            if (config$1.abortEarly) break;
          }
        }
      } else _addIssue(this, "type", dataset, config$1);
      return dataset;
    }
  });
}
// @__NO_SIDE_EFFECTS__
function string(message$1) {
  return _standardSchema({
    kind: "schema",
    type: "string",
    reference: string,
    expects: "string",
    async: false,
    message: message$1,
    "~run"(dataset, config$1) {
      if (typeof dataset.value === "string") dataset.typed = true;
      else _addIssue(this, "type", dataset, config$1);
      return dataset;
    }
  });
}
// @__NO_SIDE_EFFECTS__
function pipe(...pipe$1) {
  return _standardSchema({
    ...pipe$1[0],
    pipe: pipe$1,
    "~run"(dataset, config$1) {
      for (const item of pipe$1) if (item.kind !== "metadata") {
        if (dataset.issues && (item.kind === "schema" || item.kind === "transformation")) {
          dataset.typed = false;
          break;
        }
        if (!dataset.issues || !config$1.abortEarly && !config$1.abortPipeEarly) dataset = item["~run"](dataset, config$1);
      }
      return dataset;
    }
  });
}

// src/cli/error.ts
var CliError = class extends Error {
  code;
  hint;
  /** The status of the registry's answer, if there was one. */
  status;
  faults;
  exitCode;
  constructor(message, options = {}) {
    super(message, { cause: options.cause });
    this.name = "CliError";
    this.code = options.code ?? "FAILED";
    this.hint = options.hint ?? null;
    this.status = options.status;
    this.faults = options.faults ?? [];
    this.exitCode = options.exitCode ?? null;
  }
};

// src/cli/text-width.ts
var WIDE = /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303E\uFF01-\uFF60\uFFE0-\uFFE6]/u;
var ZERO = /^[\p{Mn}\p{Me}\p{Cf}]/u;
var graphemes = new Intl.Segmenter();
function widthOf(text2) {
  let width = 0;
  for (const { segment } of graphemes.segment(text2)) width += widthOfGrapheme(segment);
  return width;
}
function wrapped(text2, width) {
  const lines = [];
  let line = "";
  for (const word of text2.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && widthOf(longer) > width) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}
function widthOfGrapheme(grapheme) {
  if (ZERO.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}

// src/cli/sentence.ts
var JOINT = " ";
function copyable(text2) {
  return text2.replaceAll(" ", JOINT);
}
function unjoined(text2) {
  return text2.replaceAll(JOINT, " ");
}
function laidOut(text2, width) {
  if (width === null) return unjoined(text2);
  const lines = text2.split("\n").flatMap((line) => {
    if (widthOf(line) <= width) return line;
    const [indent = ""] = /^ */.exec(line) ?? [];
    const hanging = indent === "" ? "" : `${indent}  `;
    const [first = "", ...rest] = wrapped(line.slice(indent.length), width - hanging.length);
    return [indent + first, ...rest.map((one) => hanging + one)];
  });
  return unjoined(lines.join("\n"));
}
var DEFAULT_COLUMNS = 80;
function columnsOf(stream) {
  return stream.isTTY ? stream.columns || DEFAULT_COLUMNS : null;
}

// src/cli/remote/basic.ts
function basic({
  user,
  password
}) {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

// src/cli/network-reason.ts
var NO_TLS = "it does not speak https there; if it speaks http, write http://HOST";
var REASONS = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no host of that name",
  EAI_AGAIN: "its name cannot be looked up now; is there a network?",
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS
};
function networkReasonOf(error) {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== void 0) return networkReasonOf(error.cause);
  const { code = "" } = error;
  if (code === "EPROTO" && /wrong version number|packet length/.test(error.message)) return NO_TLS;
  return REASONS[code] ?? (error.message === "" ? code || error.name : error.message);
}

// src/cli/remote/unreachable.ts
function unreachable(origin, error) {
  const message = `cannot reach ${origin}: ${networkReasonOf(error)}`;
  return new CliError(message, { code: "UNREACHABLE", cause: error });
}

// src/cli/api.ts
var PASSWORD_HINT = `Give the password with this command: ${copyable("-u USER")} at a terminal, ${copyable("-u USER --password-stdin")} in a script. Or log in once with ${copyable("--expires never")}.`;
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

// src/cli/remote/backoff.ts
import { setTimeout as sleep } from "node:timers/promises";

// src/cli/table.ts
import { styleText } from "node:util";

// src/cli/terminal.ts
var UNSAFE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u206A-\u206F\uFEFF\uFFF9-\uFFFB\u{E0000}-\u{E007F}]/gu;
var UNSAFE_IN_LINES = new RegExp(String.raw`(?![\n\t])${UNSAFE.source}`, "gu");
var SUBSTITUTE = "�";
function plain(text2) {
  return text2.replaceAll(/[^\S\u00A0]+/g, " ").replaceAll(UNSAFE, SUBSTITUTE);
}
function plainJson(json2) {
  return json2.replaceAll(UNSAFE_IN_LINES, escaped);
}
function escaped(character) {
  const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

// src/cli/table.ts
function styled(style, text2) {
  return styleText(style, text2, { validateStream: false });
}

// src/cli/report.ts
var isJson = wantsJson(process.argv.slice(2));
function wantsJson(args) {
  const end = args.indexOf("--");
  return args.slice(0, end === -1 ? args.length : end).includes("--json");
}
var write = console.error;
function warn(text2) {
  if (isJson) writeJson({ warning: unjoined(text2) });
  else say("slipway: warning:", plain(text2), "yellow");
}
function writeJson(value) {
  process.stderr.write(`${plainJson(JSON.stringify(value))}
`);
}
function say(label, text2, style) {
  const { stderr } = process;
  const shown = laidOut(`${label} ${text2}`.trimStart(), columnsOf(stderr));
  const isColoured = style !== void 0 && stderr.isTTY && stderr.hasColors();
  write(isColoured ? styled(style, label) + shown.slice(label.length) : shown);
}

// src/cli/remote/retry-after.ts
function retryAfterMs(header) {
  if (header === void 0) return null;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1e3;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}

// src/cli/remote/backoff.ts
var FIRST_WAIT_MS = 250;
var MAX_WAIT_MS = 2e4;
var MAX_RETRY_AFTER_MS = 6e4;
var RETRYABLE = /* @__PURE__ */ new Set([408, 429]);
var LASTING = /* @__PURE__ */ new Set([501, 505]);
function isRetryable({ status }) {
  return RETRYABLE.has(status) || status >= 500 && !LASTING.has(status);
}
async function waitToRetry(failed, signal) {
  const { result, failures } = failed;
  const ownMs = grownMs(failures) * (0.5 + Math.random() / 2);
  const asked = result instanceof Error ? void 0 : result.headers["retry-after"];
  const waitMs = Math.max(ownMs, Math.min(retryAfterMs(asked) ?? 0, MAX_RETRY_AFTER_MS));
  tell(failed, waitMs);
  await sleep(waitMs, void 0, { signal });
}
function grownMs(failures) {
  return Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), MAX_WAIT_MS);
}
var LEAST_TOLD_MS = 1500;
var toldUntil = /* @__PURE__ */ new Map();
function tell({ origin, result, failures, maxTries }, waitMs) {
  const now = Date.now();
  if (waitMs < LEAST_TOLD_MS || now < (toldUntil.get(origin) ?? 0)) return;
  toldUntil.set(origin, now + waitMs);
  let leftMs = waitMs;
  for (let next = failures + 1; next < maxTries; next++) leftMs += grownMs(next) * 0.75;
  const what = result instanceof Error ? `does not answer (${networkReasonOf(result)})` : `answered ${result.status}`;
  const [wait, left] = [waitMs, leftMs].map((ms) => Math.round(ms / 1e3));
  const end = failures + 1 === maxTries ? "for the last time" : `giving up in about ${left} s`;
  warn(`${origin} ${what}; trying again in ${wait} s, ${end}`);
}

// src/cli/remote/retry.ts
var TRIES = 6;
var PASSING = /* @__PURE__ */ new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "ENETUNREACH"
]);
async function retried(origin, send2, { signal, maxRetryAfterMs = Infinity } = {}) {
  for (let failures = 1; ; failures++) {
    const result = await attempt(send2);
    signal?.throwIfAborted();
    if (result instanceof Error) {
      if (failures === TRIES || !isPassing(result)) throw result;
    } else {
      const asked = retryAfterMs(result.headers["retry-after"]) ?? 0;
      if (failures === TRIES || !isRetryable(result) || asked > maxRetryAfterMs) return result;
      result.body.resume();
    }
    await waitToRetry({ origin, result, failures, maxTries: TRIES }, signal);
  }
}
async function reached(origin, send2, signal) {
  try {
    return await retried(origin, send2, { signal });
  } catch (error) {
    throw isNetworkError(error) ? unreachable(origin, error) : error;
  }
}
async function attempt(send2) {
  try {
    return await send2();
  } catch (error) {
    if (isNetworkError(error)) return error;
    throw error;
  }
}
function isNetworkError(error) {
  const { code, name } = error;
  if (!(error instanceof Error) || name === "CliError" || name === "AbortError") return false;
  return code !== void 0;
}
function isPassing(error) {
  return PASSING.has(error.code ?? "");
}

// src/cli/remote/upstream.ts
import http from "node:http";
import https from "node:https";
import { Readable } from "node:stream";

// src/cli/remote/pieces.ts
function lengthOf(pieces) {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

// src/cli/remote/upstream.ts
var IDLE_MS = 12e4;
var Upstream = class _Upstream {
  /** Such as "https://registry.example.com". */
  origin;
  #url;
  #authorize;
  #agent;
  /** @param agent the connections of another one for the same registry */
  constructor(origin, authorize = null, agent) {
    this.origin = origin;
    this.#url = new URL(origin);
    this.#authorize = authorize;
    const { Agent } = this.#url.protocol === "https:" ? https : http;
    this.#agent = agent ?? new Agent({ keepAlive: true, proxyEnv: process.env });
  }
  /** The same registry with this header, as it was given by somebody else, over the same connections. */
  as(authorization) {
    const given = (_, challenge) => Promise.resolve(challenge === null ? authorization : null);
    return new _Upstream(this.origin, given, this.#agent);
  }
  /**
   * Sends a request, and once more with fresh credentials where the first try got 401. Follows no redirect.
   * @throws the system's error where no answer came
   */
  async request(asked) {
    const { scopes = [] } = asked;
    const first = await this.#send(asked, await this.#authorize?.(scopes, null) ?? null);
    const challenge = first.headers["www-authenticate"];
    if (this.#authorize === null || first.status !== 401 || !challenge) return first;
    if (!isReplayable(asked)) return first;
    const fresh = await this.#authorize(scopes, challenge);
    if (fresh === null) return first;
    first.body.resume();
    return this.#send(asked, fresh);
  }
  /** Closes the connections that are idle. */
  close() {
    this.#agent.destroy();
  }
  async #send(asked, authorization) {
    const sent = this.#open(asked, authorization);
    try {
      return await answered(sent, asked.body ?? null);
    } catch (error) {
      const isStale = sent.reusedSocket && error.code === "ECONNRESET";
      if (!isStale || !isReplayable(asked) || asked.signal?.aborted === true) throw error;
      return answered(this.#open(asked, authorization), asked.body ?? null);
    }
  }
  #open({ method, path, headers, body, signal }, authorization) {
    const { protocol, hostname, port } = this.#url;
    const { request } = protocol === "https:" ? https : http;
    return request({
      agent: this.#agent,
      // An IPv6 address has brackets in a URL, and none here.
      hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
      port,
      method,
      path,
      headers: {
        ...headers,
        ...framing(body ?? null),
        ...authorization === null ? {} : { authorization }
      },
      timeout: IDLE_MS,
      ...signal === void 0 ? {} : { signal }
    });
  }
};
function framing(body) {
  if (body === null) return {};
  if (!("stream" in body)) return { "content-length": lengthOf(body) };
  return body.bytes === null ? { "transfer-encoding": "chunked" } : { "content-length": body.bytes };
}
function answered(sent, body) {
  const { promise, resolve, reject } = Promise.withResolvers();
  let response = null;
  sent.once("response", (answer) => {
    response = answer;
    const { statusCode: status = 0, headers } = answer;
    answer.once("end", () => sent.writableFinished || sent.destroy());
    resolve({ status, headers, body: answer });
  });
  sent.on("error", reject);
  sent.on("timeout", () => {
    if ((response?.readableLength ?? 0) > 0) sent.setTimeout(IDLE_MS);
    else sent.destroy(timedOut());
  });
  if (body === null) sent.end();
  else {
    const source = "stream" in body ? body.stream : Readable.from(body, { objectMode: false });
    source.once("error", (error) => sent.destroy(error));
    source.pipe(sent);
  }
  return promise;
}
function timedOut() {
  return Object.assign(new Error(`nothing moved for ${IDLE_MS / 1e3} s`), { code: "ETIMEDOUT" });
}
function isReplayable({ body }) {
  return body == null || !("stream" in body);
}

// src/cli/remote/oidc.ts
var WORKLOAD = "oidc";
var some = pipe(string(), minLength(1));
var json = pipe(string(), parseJson());
var IdToken = pipe(json, object({ value: some }));
var Exchanged = pipe(json, object({ username: some, password: some, expiresAt: some }));
async function revoke(registry, password) {
  const headers = { authorization: basic({ user: WORKLOAD, password }) };
  try {
    await ask(registry, { method: "DELETE", path: "/api/v1/oidc/credential", headers });
  } catch (error) {
    if (!(error instanceof CliError) || error.status !== 401) throw error;
  }
}
async function ask(registry, asked) {
  const said = await send(registry, asked);
  const { status, text: text2 } = said;
  if (status < 300) return said;
  const { sentence, code = `HTTP_${status}` } = refusalIn(text2) ?? {};
  throw new CliError(sentence ?? `${registry} answered ${status}`, { code, status });
}
async function send(origin, asked) {
  const upstream = new Upstream(origin);
  const headers = { accept: "application/json", "user-agent": "slipway", ...asked.headers };
  try {
    const { status, body } = await reached(origin, () => upstream.request({ ...asked, headers }));
    return { status, text: await textOf(body) };
  } finally {
    upstream.close();
  }
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
function warn2(error) {
  say2("warning", wordsOf(error));
}
function showLines(title, lines) {
  const token = randomUUID();
  process.stdout.write(
    `::group::${escaped2(title)}
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
function say2(command, text2) {
  process.stdout.write(`::${command}::${escaped2(text2)}
`);
}
function escaped2(text2) {
  return text2.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

// action/src/post.ts
var { hosts, credential, proxy } = savedState() ?? { hosts: [], credential: null, proxy: null };
if (proxy !== null) {
  await orWarn(async () => {
    const ran = await stopProxy(proxy.pid);
    if (!ran) warn2("the proxy had ended before the job did: its log says why");
    showLines("The proxy's last lines", linesOf(proxy.log));
  });
}
for (const host of hosts) await orWarn(() => logOut(host));
if (credential !== null) await orWarn(() => revoke(credential.registry, credential.password));
async function orWarn(undo) {
  try {
    await undo();
  } catch (error) {
    warn2(error);
  }
}
