/** Returns whether the text is one line without control characters: terminals and logs print it unescaped. */
export function isLine(text: string): boolean {
  return !/[\p{Cc}\p{Cs}]/u.test(text);
}
