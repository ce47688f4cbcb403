/**
 * Does the whole text match? `*` stands for any characters, also "/" and none; every other character is itself. Each piece
 * between two stars is looked for once, leftmost, which suffices: so no pattern takes longer than pieces × text.
 */
export function matches(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return pattern === text;
  if (!text.startsWith(first)) return false;
  let position = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, position);
    if (found === -1) return false;
    position = found + piece.length;
  }
  return text.length - last.length >= position && text.endsWith(last);
}
