/** Compares texts by their UTF-16 units, as C compares ASCII by its bytes. */
export function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Compares numbers of any length, written in decimal digits; leading zeros do not count, and no digit is 0. */
export function compareDigits(a: string, b: string): number {
  const [x, y] = [withoutZeros(a), withoutZeros(b)];
  return x.length === y.length ? compareTexts(x, y) : Math.sign(x.length - y.length);
}

function withoutZeros(digits: string): string {
  let zeros = 0;
  while (digits[zeros] === "0") zeros++;
  return digits.slice(zeros);
}

/** Returns the first order that is not 0. The items are compared one by one; `a` may be longer than `b` or shorter. */
export function compareLists<T>(
  a: readonly T[],
  b: readonly T[],
  end: T,
  compare: (x: T, y: T) => number,
): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const order = compare(a[i] ?? end, b[i] ?? end);
    if (order !== 0) return order;
  }
  return 0;
}
