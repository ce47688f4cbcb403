/**
 * Returns whether the whole text matches. `*` stands for any characters, also "/" and none; every other character
 * stands for itself. Each piece between two stars is looked for once, at its leftmost place, which is sufficient: no
 * pattern takes longer than pieces × text.
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
