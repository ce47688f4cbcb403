import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { Writable } from "node:stream";
import { CliError } from "./error.ts";
import { note } from "./report.ts";
import { columnsOf, copyable, laidOut } from "./sentence.ts";
import { plain } from "./terminal.ts";

/** Says whether there is a terminal to ask at. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

let stdin: Promise<string[]> | null = null;
let linesTaken = 0;

/** The next lines of standard input, one for each thing that is wanted. */
export async function linesOfStdin(wanted: readonly string[]): Promise<string[]> {
  stdin ??= text(process.stdin).then((all) => all.split(/\r?\n/));
  const lines = (await stdin).slice(linesTaken, linesTaken + wanted.length);
  const missing = wanted.findIndex((_, i) => (lines[i] ?? "") === "");
  if (missing !== -1) {
    const at = linesTaken + missing + 1;
    throw new CliError(`standard input has no ${wanted[missing]}: it belongs on line ${at}`);
  }
  linesTaken += wanted.length;
  return lines;
}

/** Asks without showing what is typed. */
export function askHidden(question: string): Promise<string> {
  return ask(question, "hidden");
}

/** The password of a user, as the options want it. The host comes first: the registry itself may have said the name. */
export async function readPassword(options: {
  readonly registry: string;
  readonly user: string;
  readonly passwordStdin?: true | undefined;
}): Promise<string> {
  const { registry, user, passwordStdin } = options;
  if (passwordStdin !== true) {
    return askHidden(`Password for ${new URL(registry).host}, user ${user}: `);
  }
  const [password = ""] = await linesOfStdin([`password of ${user}`]);
  return password;
}

/** The registry takes no shorter password. */
const MIN_PASSWORD_CHARACTERS = 12;

/**
 * A new password, typed twice as nobody sees it.
 * @param whose as the question begins, such as "New password of alice"
 * @param empty what an empty one means; null where there has to be one
 */
export async function askNewPassword(whose: string, empty: string | null = null): Promise<string> {
  const also = empty === null ? "" : `, or empty: ${empty}`;
  for (;;) {
    const password = await askHidden(
      `${whose} (${MIN_PASSWORD_CHARACTERS} characters or more${also}): `,
    );
    if (password === "" && empty !== null) return password;
    if (password.length < MIN_PASSWORD_CHARACTERS) {
      note(`that has ${password.length} characters, fewer than ${MIN_PASSWORD_CHARACTERS}`);
    } else if ((await askHidden("The same again: ")) === password) {
      return password;
    } else {
      note("the two differ");
    }
  }
}

/** Asks for one line. */
export async function askLine(question: string): Promise<string> {
  return (await ask(question, "shown")).trim();
}

export async function confirm(question: string): Promise<boolean> {
  const answer = await ask(`${question} [y/N] `, "shown");
  return /^y(es)?$/i.test(answer.trim());
}

async function ask(asked: string, typing: "shown" | "hidden"): Promise<string> {
  if (!canAsk()) {
    throw new CliError("there is no terminal to ask at", {
      code: "NO_TERMINAL",
      hint: `A password can come from standard input: ${copyable("-u USER --password-stdin")}`,
    });
  }
  // It may name what others have named. Only the last line is the prompt: an editor of one line knows no other.
  const laid = laidOut(plain(asked).trimEnd(), columnsOf(process.stderr)).split("\n");
  const question = `${laid.at(-1) ?? ""} `;
  for (const line of laid.slice(0, -1)) process.stderr.write(`${line}\n`);
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
    throw new CliError("cancelled; nothing was changed", { code: "CANCELLED", cause: error });
  } finally {
    lines.close();
    if (typing === "hidden") process.stderr.write("\n");
  }
}
