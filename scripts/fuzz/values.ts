/** Values that often break parsers. */
import type { Random } from "./random.ts";

const TEXTS = [
  "",
  " ",
  "0",
  "-0",
  "-1",
  "1e9",
  "NaN",
  "99999999999999999999",
  "null",
  "true",
  "[]",
  "{}",
  '{"a":1}',
  "a".repeat(300),
  "a".repeat(5_000),
  "..",
  "../../etc/passwd",
  "a/../b",
  "a//b",
  "A/B",
  "-",
  "_",
  "a b",
  "a\tb",
  "'; DROP TABLE tags; --",
  "\u{1f433}",
  "e\u0301",
  "\u202egpj.exe",
  "\u0085",
  "constructor",
  "__proto__",
  "toString",
  "*",
  "**",
  "acme/*",
  "[a-z",
  "sha256:",
  "sha256:zz",
  `sha256:${"0".repeat(64)}`,
  `sha256:${"0".repeat(63)}`,
  `sha256:${"A".repeat(64)}`,
  `sha512:${"f".repeat(128)}`,
  `md5:${"0".repeat(32)}`,
  "bytes=0-",
  "bytes=0-0,1-1,2-2",
  "bytes=-9999999999999999999999",
  "bytes=5-1",
  "0-99999999999999",
  "7-3",
  'W/"x"',
  '"',
  "Basic",
  "Basic !!!",
  "Bearer",
  "Bearer a.b.c",
  "application/json",
  "application/vnd.oci.image.manifest.v1+json",
  "2026-01-01T00:00:00Z",
  "1970-01-01",
  "https://issuer.example",
  "javascript:alert(1)",
  "http://[::1]:80",
];

/** Texts that are written into a URL unchanged, since percent-encoding itself may be wrong. */
const ENCODED = ["%", "%0", "%00", "%2e%2e%2f", "%2F", "%ff%fe", "%c0%af", "%u0041", "+", "%20"];

const NUMBERS = [0, -1, 1, 0.5, 1e21, -0, 2 ** 31, 2 ** 53, Number.MAX_SAFE_INTEGER, 1e308];

/** @param good values that are in use, which take a request further than nonsense does */
export function textOf(random: Random, good: readonly string[]): string {
  return random.oneIn(2) ? random.pick(good) : random.pick(TEXTS);
}

export function pathSegmentOf(random: Random, good: readonly string[]): string {
  if (random.oneIn(8)) return random.pick(ENCODED);
  const text = textOf(random, good);
  return random.oneIn(3) ? encodeURIComponent(text) : encodeURI(text).replaceAll(/[?#]/g, "");
}

/** Makes any JSON value, at most `depth` levels deep. */
export function jsonOf(random: Random, good: readonly string[], depth = 3): unknown {
  switch (random.below(depth > 0 ? 8 : 5)) {
    case 0:
      return null;
    case 1:
      return random.oneIn(2);
    case 2:
      return random.pick(NUMBERS);
    case 3:
    case 4:
      return textOf(random, good);
    case 5:
      return Array.from({ length: random.below(4) }, () => jsonOf(random, good, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.below(4) }, () => [
          textOf(random, good),
          jsonOf(random, good, depth - 1),
        ]),
      );
  }
}

/** Makes JSON text that is broken somewhere, or valid but strange: as no serialiser would write it. */
export function damage(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  switch (random.below(9)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + random.pick(TEXTS) + text.slice(at);
    case 2:
      return `\ufeff${text}`;
    case 3:
      return `${text} \n\t{}`;
    case 4:
      return text.replace(/"([^"]*)"/, String.raw`"\ud800$1"`);
    case 5:
      return text.replace(/"(\w+)":/, '"$1":null,"$1":');
    case 6:
      return text.replace(/"(\w)(\w*)":/, (_, first: string, rest: string) => {
        return `"${first.toUpperCase()}${rest}":`;
      });
    case 7:
      return "[".repeat(50_000);
    default:
      return text.replace(/:\s*(\d+)/, random.pick([":1e400", ":-0", ":00", ":1.5", ':"1"']));
  }
}
