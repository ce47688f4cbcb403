import { invalid } from "./input.ts";

/** A time in RFC 3339, or its day alone; seconds may be left out. */
const TIME =
  /^(\d{4}-\d{2}-\d{2})(?:[Tt ]([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]([01]\d|2[0-3]):[0-5]\d))?$/;
const DAY = 86_400_000;

/** Parses a time to milliseconds since 1970; a day alone is its start in UTC. @throws FIELD_INVALID */
export function parseTime(text: string, field: string): number {
  const day = TIME.exec(text)?.[1];
  const time = Date.parse(text.toUpperCase().replace(" ", "T"));
  // V8 reads the 30th of February as the 2nd of March.
  if (day !== undefined && isDay(day) && !Number.isNaN(time)) return Math.max(0, time);
  throw invalid(field, 'write a time like "2026-11-23" or "2026-11-23T12:30:00Z"');
}

/** Parses a day to days since 1970. @throws FIELD_INVALID */
export function parseDay(text: string, field: string): number {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text) && isDay(text)) return Date.parse(text) / DAY;
  throw invalid(field, 'write a day like "2026-11-23"');
}

export function formatDay(day: number): string {
  return new Date(day * DAY).toISOString().slice(0, 10);
}

function isDay(day: string): boolean {
  const time = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day);
}
