/**
 * What the runner gives an action, and takes from it: inputs, outputs, state, and commands in the log
 * (docs.github.com, "Workflow commands for GitHub Actions").
 */
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { inspect } from "node:util";
import { CliError } from "../../src/cli/error.ts";
import { unjoined } from "../../src/cli/sentence.ts";

/** Returns an input without spaces around it; "" where it is not given. */
export function input(name: string): string {
  return process.env[`INPUT_${name.toUpperCase()}`]?.trim() ?? "";
}

export function setOutput(name: string, value: string): void {
  append("GITHUB_OUTPUT", name, value);
}

/** The state that `main` leaves for `post`: what has to be undone. */
export interface State {
  /** The hosts that Docker was logged in to. */
  readonly hosts: readonly string[];
  readonly credential: { readonly registry: string; readonly password: string } | null;
  readonly proxy: { readonly pid: number; readonly log: string } | null;
}

const STATE = "slipway";

export function saveState(state: State): void {
  append("GITHUB_STATE", STATE, JSON.stringify(state));
}

/** @returns what was saved last; null where nothing was */
export function savedState(): State | null {
  const text = process.env[`STATE_${STATE}`];
  return text === undefined || text === "" ? null : (JSON.parse(text) as State);
}

/** Adds to a file of the runner's. The delimiter cannot be in the value, so no value makes another variable. */
function append(file: "GITHUB_OUTPUT" | "GITHUB_STATE", name: string, value: string): void {
  const path = process.env[file];
  if (path === undefined || path === "") throw new Error(`${file} is not set: is this a job?`);
  const delimiter = `end-${randomUUID()}`;
  appendFileSync(path, `${name}<<${delimiter}\n${value}\n${delimiter}\n`);
}

/** Has the runner show *** for this text from now on. */
export function mask(secret: string): void {
  say("add-mask", secret);
}

/** Reports what ended the step, as an annotation of the run. */
export function reportError(error: unknown): void {
  say("error", wordsOf(error));
}

export function warn(error: unknown): void {
  say("warning", wordsOf(error));
}

/** Shows lines that can be unfolded in the log. No line of them is taken for a command. */
export function showLines(title: string, lines: string): void {
  const token = randomUUID();
  process.stdout.write(
    `::group::${escaped(title)}\n::stop-commands::${token}\n${lines}\n::${token}::\n::endgroup::\n`,
  );
}

function wordsOf(error: unknown): string {
  if (typeof error === "string") return error;
  // Anything else is a fault of this program, and a trace says where.
  if (!(error instanceof CliError)) return inspect(error);
  const { message, hint } = error;
  return unjoined(hint === null ? message : `${message}\n${hint}`);
}

function say(command: string, text: string): void {
  process.stdout.write(`::${command}::${escaped(text)}\n`);
}

function escaped(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}
