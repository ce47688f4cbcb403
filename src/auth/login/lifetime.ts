/** The longest lifetimes of secrets, in milliseconds from their creation; null for no limit. */
export interface LongestLives {
  readonly token: number | null;
  readonly robotToken: number | null;
}

/**
 * Returns when a secret ends, in milliseconds since 1970, or null for never. It ends when its creator said, but no
 * later than the longest lifetime that the settings allow now: a limit also applies to secrets that are older than the
 * limit.
 */
export function endOf(
  { createdAt, expiresAt }: { readonly createdAt: number; readonly expiresAt: number | null },
  longest: number | null,
): number | null {
  if (longest === null) return expiresAt;
  return Math.min(expiresAt ?? Number.POSITIVE_INFINITY, createdAt + longest);
}
