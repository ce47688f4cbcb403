/** Sentences for people: broken between words on a terminal, and left whole in a pipe or a log, so that a search finds them. */
import { widthOf, wrapped } from "./text-width.ts";

/** Joins the words of a command; it prints as a space. */
const JOINT = "\u00A0";

/** A command within a sentence, or lines to be pasted: each stays on one line, so that it can be copied. */
export function copyable(text: string): string {
  return text.replaceAll(" ", JOINT);
}

/** The text as programs read it. */
export function unjoined(text: string): string {
  return text.replaceAll(JOINT, " ");
}

/**
 * Breaks the lines that are too long; an indented one goes on further to the right.
 * @param width null where there is no terminal
 */
export function laidOut(text: string, width: number | null): string {
  if (width === null) return unjoined(text);
  const lines = text.split("\n").flatMap((line) => {
    if (widthOf(line) <= width) return line;
    const [indent = ""] = /^ */.exec(line) ?? [];
    const hanging = indent === "" ? "" : `${indent}  `;
    const [first = "", ...rest] = wrapped(line.slice(indent.length), width - hanging.length);
    return [indent + first, ...rest.map((one) => hanging + one)];
  });
  return unjoined(lines.join("\n"));
}

/** The width of a terminal that does not say it. */
const DEFAULT_COLUMNS = 80;

/** The columns of a stream's terminal; null where it is none. */
export function columnsOf(stream: NodeJS.WriteStream): number | null {
  return stream.isTTY ? stream.columns || DEFAULT_COLUMNS : null;
}
