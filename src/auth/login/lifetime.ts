/** The longest that secrets may hold, in milliseconds from when they were made; null for no limit. */
export interface LongestLives {
  readonly token: number | null;
  readonly robotToken: number | null;
}

/**
 * When a secret ends, in milliseconds since 1970, or null for never: as was asked for when it was made, and no later than the
 * longest life that the settings allow now. So a limit also holds for secrets that are older than the limit.
 */
export function endOf(
  { createdAt, expiresAt }: { readonly createdAt: number; readonly expiresAt: number | null },
  longest: number | null,
): number | null {
  if (longest === null) return expiresAt;
  return Math.min(expiresAt ?? Number.POSITIVE_INFINITY, createdAt + longest);
}
