/** Retry-After in seconds or as a date (RFC 9110 § 10.2.3), in milliseconds; null where there is none. */
export function retryAfterMs(header: string | undefined): number | null {
  if (header === undefined) return null;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}
