/**
 * Text that others wrote, made safe to look at: a registry's names and messages may steer a terminal, or read in another order than
 * they are written (UAX #9), so that one line looks like another. All that this program prints goes through here.
 */

/** Controls (C0, C1), half surrogates, separators of lines, bidi controls, and what has an effect but no shape. */
const UNSAFE =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u206A-\u206F\uFEFF\uFFF9-\uFFFB\u{E0000}-\u{E007F}]/gu;
/** The same but for a line's end and a tabulator, which text of several lines has. */
const UNSAFE_IN_LINES = new RegExp(String.raw`(?![\n\t])${UNSAFE.source}`, "gu");
const SUBSTITUTE = "\u{FFFD}";

/** One line. A no-break space stays: it joins the words of a command. */
export function plain(text: string): string {
  return text.replaceAll(/[^\S\u00A0]+/g, " ").replaceAll(UNSAFE, SUBSTITUTE);
}

/** Several lines, such as a description. */
export function plainLines(text: string): string {
  return text.replaceAll("\r\n", "\n").replaceAll(UNSAFE_IN_LINES, SUBSTITUTE);
}

/** JSON that means the same: `JSON.stringify` leaves all but C0 as it is. A line's end stands between values, never in a string. */
export function plainJson(json: string): string {
  return json.replaceAll(UNSAFE_IN_LINES, escaped);
}

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}
