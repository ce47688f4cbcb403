/** Standard error: lines for people, or with --json one JSON object a line. */
import { inspect } from "node:util";
import { CliError, UsageError } from "./error.ts";
import { styled } from "./table.ts";
import { plain, plainJson, plainLines } from "./terminal.ts";

const USAGE_EXIT = 2;

/** Looked up before the arguments are parsed, as what is wrong with them is reported, too. */
const isJson = wantsJson(process.argv.slice(2));

function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end === -1 ? args.length : end).includes("--json");
}

/** Warns of what happens all the same. */
export function warn(text: string): void {
  if (isJson) writeJson({ warning: text });
  else console.error(`${coloured("yellow", "slipway: warning:")} ${plain(text)}`);
}

/** Says something to whoever sits at the terminal. */
export function note(text: string): void {
  console.error(`slipway: ${plain(text)}`);
}

/** Reports what ended the command. @returns the exit code */
export function report(error: unknown): number {
  if (isJson) writeJson({ error: jsonOf(error) });
  else {
    const { message, hint } = textOf(error);
    console.error(`${coloured("red", "slipway:")} ${message}`);
    if (hint !== null) console.error(plain(hint));
  }
  return error instanceof UsageError ? USAGE_EXIT : 1;
}

function textOf(error: unknown): { message: string; hint: string | null } {
  const known = knownError(error);
  if (known !== null) return { message: plain(known.message), hint: known.hint };
  // Anything else is a fault of this program, and a trace says where.
  return { message: plainLines(inspect(error)), hint: null };
}

function jsonOf(error: unknown): object {
  const known = knownError(error);
  if (known === null) return { code: "BUG", message: inspect(error), hint: null, status: null };
  const { code, message, hint, status, faults } = known;
  const errors = faults.length === 0 ? {} : { errors: faults };
  return { code, message, hint, status: status ?? null, ...errors };
}

/** Takes a refusal of the system, such as a write to a full disk, for no fault of this program. */
function knownError(error: unknown): CliError | null {
  if (error instanceof CliError) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (!(error instanceof Error) || code === undefined || syscall === undefined) return null;
  return new CliError(error.message, { code, cause: error });
}

function writeJson(value: object): void {
  process.stderr.write(`${plainJson(JSON.stringify(value))}\n`);
}

function coloured(style: "red" | "yellow", text: string): string {
  const { stderr } = process;
  return stderr.isTTY && stderr.hasColors() ? styled(style, text) : text;
}
