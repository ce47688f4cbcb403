/** Sentences for people: broken between words on a terminal, and left whole in a pipe or a log, so that a search finds them. */
import { widthOf, wrapped } from "./text-width.ts";

/** Joins the words of a command; it prints as a space. */
const JOINT = "\u00A0";

/** A command within a sentence: it stays on one line, so that it can be copied. */
export function copyable(command: string): string {
  return command.replaceAll(" ", JOINT);
}

/** The text as programs read it. */
export function unjoined(text: string): string {
  return text.replaceAll(JOINT, " ");
}

/**
 * Breaks the lines that are too long; an indented one goes on indented.
 * @param width null where there is no terminal
 */
export function laidOut(text: string, width: number | null): string {
  if (width === null) return unjoined(text);
  const lines = text.split("\n").flatMap((line) => {
    if (widthOf(line) <= width) return line;
    const [indent = ""] = /^ */.exec(line) ?? [];
    const room = width - indent.length;
    return wrapped(line.slice(indent.length), room).map((one) => indent + one);
  });
  return unjoined(lines.join("\n"));
}

/** The width of a terminal that does not say it. */
const DEFAULT_COLUMNS = 80;

/** The columns of a stream's terminal; null where it is none. */
export function columnsOf(stream: NodeJS.WriteStream): number | null {
  return stream.isTTY ? stream.columns || DEFAULT_COLUMNS : null;
}
