/** The command line against a malicious registry, and who gets the user's token. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { plain, plainJson, plainLines } from "../../src/cli/terminal.ts";
import { CommandLine, type Finished, LAUNCHER } from "./harness.ts";

/** One of each kind: C0, C1, bidi embeddings, overrides, isolates and marks, separators, tags. */
const HOSTILE = [
  "\u{1B}]0;title\u{7}",
  "\u{9B}2J",
  "\u{85}",
  "\u{7F}",
  "\u{202A}\u{202B}\u{202C}\u{202D}\u{202E}",
  "\u{2066}\u{2067}\u{2068}\u{2069}",
  "\u{200E}\u{200F}\u{61C}",
  "\u{2028}\u{2029}",
  "\u{FEFF}\u{E0041}",
].join("x");
/** Control characters that must not reach a terminal: any but a line end, and all for text direction. */
const STEERS = /(?!\n)[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\u{FEFF}\u{E0000}-\u{E007F}]/u;

const commandLine = new CommandLine();
const { home } = commandLine;
let registry: Server;
let url: string;
/** Whether its answer claims that the token's owner is logged in. */
let isPhishing = false;
/** The credentials of each request. */
let asked: (string | undefined)[] = [];

beforeAll(async () => {
  registry = createServer((request, response) => {
    asked.push(request.headers.authorization);
    const { status = 200, body } = answerTo(request.method ?? "", request.url ?? "");
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  registry.listen(0, "127.0.0.1");
  await once(registry, "listening");
  url = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`;
});

afterAll(async () => {
  registry.close();
});

function answerTo(method: string, path: string): { status?: number; body: string } {
  if (path.startsWith("/api/v1/audit")) {
    // JSON.stringify escapes the C0 controls, and nothing else.
    const line = JSON.stringify({ time: "2026-11-02T10:00:00Z", detail: HOSTILE, actor: HOSTILE });
    return { body: `${line}\n${line}\n` };
  }
  if (path.startsWith("/api/v1/namespaces/acme")) {
    const errors = [{ needs: "password" }];
    return { status: 403, body: JSON.stringify({ detail: "no", errors }) };
  }
  if (path === "/api/v1/me") {
    if (isPhishing)
      return {
        body: JSON.stringify({
          name: "alice at bank.example",
          via: "token",
          expires: "2026-12-01T00:00:00Z",
        }),
      };
    const roles = [{ repositories: HOSTILE, role: HOSTILE }];
    const me = { name: HOSTILE, via: HOSTILE, admin: false, roles, scopes: null, expires: null };
    return { body: JSON.stringify(me) };
  }
  if (path === "/api/v1/repositories/acme/app") {
    const repository = {
      name: HOSTILE,
      visibility: HOSTILE,
      description: HOSTILE,
      readme: `${HOSTILE}\n  ${HOSTILE}`,
      labels: { [HOSTILE]: HOSTILE },
      immutableTags: [{ tags: HOSTILE, except: [HOSTILE] }],
      inheritedImmutableTags: [],
      size: 1,
      tags: 1,
      manifests: 1,
      createdAt: HOSTILE,
    };
    return { body: JSON.stringify(repository) };
  }
  return { status: 400, body: JSON.stringify({ detail: `${method} ${HOSTILE}` }) };
}

function slipway(line: string, env: Record<string, string> = {}, input = ""): Promise<Finished> {
  asked = [];
  return commandLine.slipway(line, { env, input });
}

describe("nothing that a registry says steers the terminal", () => {
  test.each([
    ["whoami", 0],
    ["whoami --json", 0],
    ["audit --json", 0],
    ["repo show acme/app", 0],
    ["repo show acme/app --json", 0],
    // Status 400: what was typed is wrong, says the registry.
    ["user list", 2],
    ["user create alice", 2],
    ["repo show acme/other", 2],
  ])("%s", async (line, code) => {
    const ended = await slipway(`${line} --registry ${url}`);
    expect(ended.code).toBe(code);
    expect(ended.stdout + ended.stderr).not.toBe("");
    expect(ended.stdout).not.toMatch(STEERS);
    expect(ended.stderr).not.toMatch(STEERS);
  });

  test("login, whose answer has another name", async () => {
    const env = { XDG_CONFIG_HOME: join(home, "login") };
    const { stdout, code } = await slipway(`login ${url} -u a --password-stdin`, env, "slp_x\n");
    expect([code, stdout.slice(0, 13)]).toEqual([0, "Logged in to "]);
    expect(stdout).not.toMatch(STEERS);
  });

  test("JSON is escaped, not changed", async () => {
    const { stdout } = await slipway(`whoami --json --registry ${url}`);
    expect(JSON.parse(stdout)).toMatchObject({ name: HOSTILE });
    const lines = (await slipway(`audit --json --registry ${url}`)).stdout.trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { detail: string }).detail)).toEqual([
      HOSTILE,
      HOSTILE,
    ]);
  });

  test("what is no danger stays: other scripts, accents, emoji of several parts", () => {
    const harmless = "نام می‌خواهم — שלום, déjà vu, 👩‍👩‍👧";
    expect([plain, plainLines, plainJson].map((safe) => safe(harmless))).toEqual([
      harmless,
      harmless,
      harmless,
    ]);
    expect(plainLines("a\r\nb\tc")).toBe("a\nb\tc");
    expect(plain("a\r\nb\tc")).toBe("a b c");
    expect(plainJson('"\u{D800}"')).toBe('"\\ud800"');
  });
});

// util-linux's `script` gives a terminal; elsewhere its arguments are others.
describe.runIf(process.platform === "linux")("a registry that wants a password", () => {
  const set = "member set acme bob owner";
  const list = "member list acme";

  beforeAll(() => {
    isPhishing = true;
  });
  afterAll(() => {
    isPhishing = false;
  });

  test.each([
    ["without a login there gets none", set, false],
    ["for what is only read gets none", list, true],
  ])("%s", async (_what, line, isLoggedIn) => {
    const shown = await atTerminal(line, isLoggedIn ? await keptLogin() : home);
    // The warning's colour is the program's own.
    const [said] = stripVTControlCharacters(shown).split("\r\n");
    expect(said).toBe("slipway: no");
    expect(shown).not.toContain("Password");
    expect(asked).toEqual([isLoggedIn ? "Bearer slp_kept" : undefined]);
  });

  test("with a login there is named before whatever name it says", async () => {
    const shown = await atTerminal(set, await keptLogin());
    expect(shown).toContain(
      `\nPassword for ${new URL(url).host}, user alice at bank.example: \r\n`,
    );
    const basic = `Basic ${Buffer.from("alice at bank.example:typed").toString("base64")}`;
    expect(asked).toEqual(["Bearer slp_kept", basic]);
  });
});

async function keptLogin(): Promise<string> {
  const folder = join(home, "kept");
  await mkdir(join(folder, "slipway"), { recursive: true });
  const login = { user: "a", token: "slp_kept", tokenId: null };
  const config = { current: url, logins: { [url]: login } };
  await writeFile(join(folder, "slipway", "config.json"), JSON.stringify(config));
  return folder;
}

/** Returns what the terminal shows when a user types a password as soon as it is asked for. */
async function atTerminal(line: string, folder: string): Promise<string> {
  asked = [];
  const command = `'${process.execPath}' '${LAUNCHER}' ${line} --registry ${url}`;
  const env = { PATH: process.env["PATH"], XDG_CONFIG_HOME: folder };
  const terminal = spawn("script", ["-qec", command, "/dev/null"], { env });
  let shown = "";
  for await (const chunk of terminal.stdout.setEncoding("utf8")) {
    shown += chunk;
    if (shown.endsWith(": ")) terminal.stdin.write("typed\r");
  }
  return shown;
}
describe("SLIPWAY_TOKEN", () => {
  const SLIPWAY_TOKEN = "slp_a-secret";

  test("goes to the registry that SLIPWAY_REGISTRY names", async () => {
    const { code } = await slipway("whoami", { SLIPWAY_TOKEN, SLIPWAY_REGISTRY: url });
    expect([code, asked]).toEqual([0, [`Bearer ${SLIPWAY_TOKEN}`]]);
  });

  test("goes to no other one that --registry names: it is said how to say so", async () => {
    const other = "https://registry.invalid";
    const { code, stderr } = await slipway(`whoami --registry ${url}`, {
      SLIPWAY_TOKEN,
      SLIPWAY_REGISTRY: other,
    });
    expect([code, asked]).toEqual([1, []]);
    expect(stderr).toBe(
      `slipway: SLIPWAY_TOKEN was not sent to ${url}, as it is for ${other}\nSet SLIPWAY_REGISTRY=${url}, or log in there: slipway login ${url}\n`,
    );
    const nobody = await slipway(`whoami --registry ${url}`, { SLIPWAY_TOKEN });
    expect([nobody.code, asked]).toEqual([1, []]);
    expect(nobody.stderr).toContain("it is not said which registry it is for");
  });

  test("without SLIPWAY_REGISTRY is for the last login's registry, and where --registry names another, that one's login goes", async () => {
    const XDG_CONFIG_HOME = join(home, "two");
    await mkdir(join(XDG_CONFIG_HOME, "slipway"), { recursive: true });
    const login = { user: "a", token: "slp_kept", tokenId: null };
    const config = { current: "https://registry.invalid", logins: { [url]: login } };
    await writeFile(join(XDG_CONFIG_HOME, "slipway", "config.json"), JSON.stringify(config));
    await slipway(`whoami --registry ${url}`, { XDG_CONFIG_HOME, SLIPWAY_TOKEN });
    expect(asked).toEqual(["Bearer slp_kept"]);
    await writeFile(
      join(XDG_CONFIG_HOME, "slipway", "config.json"),
      JSON.stringify({ ...config, current: url }),
    );
    await slipway("whoami", { XDG_CONFIG_HOME, SLIPWAY_TOKEN });
    expect(asked).toEqual([`Bearer ${SLIPWAY_TOKEN}`]);
  });

  test.each([
    ["whoami", "token", ""],
    ["token create -u a --password-stdin", "password", "a password\n"],
  ])("over http to another host is warned of, as a password is: %s", async (line, what, input) => {
    // Nothing ever answers there (RFC 2606).
    const SLIPWAY_REGISTRY = "http://registry.invalid";
    const { stderr } = await slipway(line, { SLIPWAY_TOKEN, SLIPWAY_REGISTRY }, input);
    expect(stderr.split("\n")[0]).toBe(
      `slipway: warning: ${SLIPWAY_REGISTRY} is not https: the ${what} travels in clear text, and everyone on the way can read it`,
    );
  });
});
