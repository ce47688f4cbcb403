/** Formats the Worker's log: as text on a terminal, else unchanged for programs. */
import type { LogEntry } from "../../src/http/log.ts";
import { plain, plainJson, plainLines } from "../../src/cli/terminal.ts";
import type { Environment } from "./checks.ts";
import { StartError } from "./error.ts";

export type LogFormat = "json" | "text";

type Entry = LogEntry & { readonly time: string };

export function readLogFormat(env: Environment, isTerminal: boolean): LogFormat {
  const given = env["LOG_FORMAT"] || (isTerminal ? "text" : "json");
  if (given === "json" || given === "text") return given;
  throw new StartError(`LOG_FORMAT is ${given}: it should be json or text`);
}

/** Formats one line of the Worker's log, without its end. */
export function logLine(message: string, format: LogFormat): string {
  const entry = parse(message);
  if (entry === null) return plainLines(message);
  return format === "json" ? plainJson(message) : forPeople(entry);
}

function forPeople(entry: Entry): string {
  const { time, status, method, route, repository, actor, duration, bytesIn, bytesOut, error } =
    entry;
  const parts = [
    time.slice(11, 19),
    String(status),
    method,
    route === null ? "(no such path)" : repository === null ? route : `${route} of ${repository}`,
    actor === null ? "" : `by ${actor}`,
    `${Math.round(duration)} ms`,
    bytesIn ? `${bytesIn} B in` : "",
    bytesOut ? `${bytesOut} B out` : "",
    error ?? "",
  ];
  return parts.flatMap((part) => (part === "" ? [] : plain(part))).join("  ");
}

/** @returns null for a line that is no request's: a Worker may print anything */
function parse(message: string): Entry | null {
  if (!message.startsWith('{"time":')) return null;
  try {
    return JSON.parse(message) as Entry;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
