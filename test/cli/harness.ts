/** The command line as it is used: a process, with a home of its own. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { stripVTControlCharacters } from "node:util";
import { afterAll, expect } from "vitest";
import type { Server } from "../../scripts/server.ts";

const ROOT = join(import.meta.dirname, "../..");
export const LAUNCHER = join(ROOT, "src/cli/slipway.js");
const OWN_NODE = join(ROOT, "node_modules/.bin/node");
/** The project's own Node, where there is one: with an older one the launcher would begin another process, each time. */
const NODE = existsSync(OWN_NODE) ? OWN_NODE : process.execPath;

export interface Running {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Sitting {
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
  /** Lines that somebody types, each once the screen ends so. */
  readonly typing?: readonly (readonly [end: string, typed: string])[];
}

/** What a terminal shows, as if it were endlessly wide. */
export function unwrapped(shown: string): string {
  return stripVTControlCharacters(shown).replaceAll(/\s+/g, " ");
}

/** The day on which the trash lets go of what is deleted now, by UTC. */
export function inAWeek(): string {
  return new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
}

export class CommandLine {
  /** Where its configuration is; it goes when the file's tests are over. */
  readonly home = mkdtempSync(join(tmpdir(), "slipway-cli-"));

  constructor() {
    afterAll(() => rm(this.home, { recursive: true, force: true }));
  }

  /** Runs a command. @param line its arguments, none of which has a space in it */
  readonly slipway = async (line: string, running: Running = {}): Promise<Finished> => {
    const child = this.start(line, running);
    const closed = once(child, "close") as Promise<[number]>;
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      closed,
    ]);
    return { code, stdout, stderr };
  };

  /** Starts a command that may be killed. */
  start(line: string, { env, input }: Running = {}): ChildProcessWithoutNullStreams {
    const child = spawn(NODE, [LAUNCHER, ...line.split(" ")], {
      env: { ...this.#env(), ...env },
    });
    child.stdin.end(input ?? "");
    return child;
  }

  /** Runs a command that succeeds, without a warning. @returns what it prints */
  readonly ok = async (line: string, running?: Running): Promise<string> => {
    const { code, stdout, stderr } = await this.slipway(line, running);
    expect([line, code, stderr]).toEqual([line, 0, ""]);
    return stdout;
  };

  readonly json = async <T = unknown>(line: string, running?: Running): Promise<T> =>
    JSON.parse(await this.ok(`${line} --json`, running)) as T;

  /** Logs in as the administrator, for as long as the tests take. */
  async logIn({ url, password }: Pick<Server, "url" | "password">): Promise<void> {
    const line = `login ${url} -u admin --password-stdin --expires never`;
    await this.ok(line, { input: password });
  }

  /** Runs a command at a terminal, by util-linux's `script`. @returns what the terminal shows, with a file's line ends */
  async atTerminal(
    line: string,
    { env, columns = 80, typing = [] }: Sitting = {},
  ): Promise<string> {
    const command = `stty cols ${columns} rows 50 -echo; '${NODE}' '${LAUNCHER}' ${line}`;
    const terminal = spawn("script", ["-qec", command, "/dev/null"], {
      env: { ...this.#env(), TERM: "xterm-256color", ...env },
    });
    const left = [...typing];
    let shown = "";
    for await (const chunk of terminal.stdout.setEncoding("utf8")) {
      shown += chunk;
      const [next] = left;
      if (next === undefined || !stripVTControlCharacters(shown).trimEnd().endsWith(next[0]))
        continue;
      left.shift();
      terminal.stdin.write(`${next[1]}\r`);
    }
    return shown.replaceAll("\r\n", "\n");
  }

  #env(): Record<string, string> {
    const { home } = this;
    return {
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      XDG_CONFIG_HOME: home,
      XDG_CACHE_HOME: join(home, "cache"),
    };
  }
}
