import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { Writable } from "node:stream";
import { CliError } from "./error.ts";
import { plain } from "./terminal.ts";

/** Whether there is somebody to ask. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** The lines of standard input, at least as many as are needed. */
export async function linesOfStdin(wanted: readonly string[]): Promise<string[]> {
  const lines = (await text(process.stdin)).split(/\r?\n/);
  const missing = wanted.find((_, i) => (lines[i] ?? "") === "");
  if (missing === undefined) return lines.slice(0, wanted.length);
  throw new CliError(
    `standard input has no ${missing}: it should be ${wanted.join(", then ")}, a line each`,
  );
}

/** Asks without showing what is typed. */
export function askHidden(question: string): Promise<string> {
  return ask(question, "hidden");
}

/** The password of a user, as the options want it. */
export async function readPassword(options: {
  readonly user: string;
  readonly passwordStdin?: true | undefined;
}): Promise<string> {
  if (options.passwordStdin !== true) return askHidden(`Password of ${options.user}: `);
  const [password = ""] = await linesOfStdin(["password"]);
  return password;
}

/** A password that nobody sees is typed twice. */
export async function askNewPassword(question: string): Promise<string> {
  const password = await askHidden(question);
  if (password === "" || (await askHidden("The same again: ")) === password) return password;
  throw new CliError("the two differ; nothing was changed");
}

export async function confirm(question: string): Promise<boolean> {
  const answer = await ask(`${question} [y/N] `, "shown");
  return /^y(es)?$/i.test(answer.trim());
}

async function ask(asked: string, typing: "shown" | "hidden"): Promise<string> {
  if (!canAsk()) throw new CliError("there is no terminal to ask at; see --help for another way");
  // It may name what others have named.
  const question = `${plain(asked).trimEnd()} `;
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({
    input: process.stdin,
    output: typing === "hidden" ? silent : process.stderr,
    prompt: question,
    terminal: true,
    historySize: 0,
  });
  const closed = new AbortController();
  lines.once("close", () => closed.abort());
  lines.once("SIGINT", () => lines.close());
  if (typing === "hidden") process.stderr.write(question);
  lines.prompt();
  try {
    const [line] = (await once(lines, "line", { signal: closed.signal })) as [string];
    return line;
  } catch (error) {
    throw new CliError("cancelled; nothing was changed", { cause: error });
  } finally {
    lines.close();
    if (typing === "hidden") process.stderr.write("\n");
  }
}
