/** Standard error: lines for people, or with --json one JSON object a line. */
import { inspect } from "node:util";
import { CliError } from "./error.ts";
import { reasonOf } from "./file.ts";
import { columnsOf, laidOut, unjoined } from "./sentence.ts";
import { styled } from "./table.ts";
import { plain, plainJson, plainLines } from "./terminal.ts";

/** What was typed is wrong, whether this program finds it or the registry does, by status 400. */
const USAGE_EXIT = 2;

/** Looked up before the arguments are parsed, as what is wrong with them is reported, too. */
const isJson = wantsJson(process.argv.slice(2));

function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end === -1 ? args.length : end).includes("--json");
}

/** Writes whole lines to standard error; what draws over itself there has them above. */
let write: (text: string) => void = console.error;

/** Has the lines written by what draws on the terminal, as long as it does; null ends that. */
export function writeBy(drawer: ((text: string) => void) | null): void {
  write = drawer ?? console.error;
}

/** Warns of what happens all the same. */
export function warn(text: string): void {
  if (isJson) writeJson({ warning: unjoined(text) });
  else say("slipway: warning:", plain(text), "yellow");
}

/** Says something to whoever sits at the terminal. */
export function note(text: string): void {
  say("slipway:", plain(text));
}

/** Reports what ended the command. @returns the exit code */
export function report(error: unknown): number {
  if (isJson) writeJson({ error: jsonOf(error) });
  else {
    const { message, hint } = textOf(error);
    say("slipway:", message, "red");
    if (hint !== null) say("", plain(hint));
  }
  if (!(error instanceof CliError)) return 1;
  const { code, status, exitCode } = error;
  return exitCode ?? (code === "USAGE" || status === 400 ? USAGE_EXIT : 1);
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
  const words = { message: unjoined(message), hint: hint === null ? null : unjoined(hint) };
  return { code, ...words, status: status ?? null, ...errors };
}

/** Takes a refusal of the system, such as a write to a full disk, for no fault of this program. */
function knownError(error: unknown): CliError | null {
  if (error instanceof CliError) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (!(error instanceof Error) || code === undefined || syscall === undefined) return null;
  return new CliError(`cannot ${syscall}: ${reasonOf(error)}`, { code, cause: error });
}

function writeJson(value: object): void {
  process.stderr.write(`${plainJson(JSON.stringify(value))}\n`);
}

/** @param label begins the first line, in colour where the terminal has colours */
function say(label: string, text: string, style?: "red" | "yellow"): void {
  const { stderr } = process;
  const shown = laidOut(`${label} ${text}`.trimStart(), columnsOf(stderr));
  const isColoured = style !== undefined && stderr.isTTY && stderr.hasColors();
  write(isColoured ? styled(style, label) + shown.slice(label.length) : shown);
}
