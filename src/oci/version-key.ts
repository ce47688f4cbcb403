import { parseVersion } from "./semver.ts";

/**
 * Returns a text by which tags sort as versions, byte by byte: first what is no version, then the versions from low to
 * high. A version of semver.org has its precedence; one with fewer or more numbers, such as "1.25-alpine", sorts among
 * them by its numbers; of everything else digits sort as numbers.
 */
export function versionKey(tag: string): string {
  const exact = parseVersion(tag);
  if (exact !== null) {
    const pre = exact.pre.map((part) => (/^\d+$/.test(part) ? `1${numberKey(part)}` : `2${part}!`));
    return VERSION + coreKey(exact.core) + (pre.length === 0 ? RELEASE : `${PRE}${pre.join("")}`);
  }
  const [, core, rest = ""] = /^v?(\d+(?:\.\d+)*)(?![\d.])(.*)$/.exec(tag) ?? [];
  if (core === undefined || /^[0-9A-Za-z]/.test(rest)) return OTHER + naturalKey(tag);
  const key = VERSION + coreKey(core.split("."));
  return rest === "" ? key + RELEASE : `${key}${PRE}${naturalKey(rest)}`;
}

const OTHER = "0";
const VERSION = "1";
/** What follows the numbers: a pre-release or variant, then the release, then versions with one more number. */
const PRE = "0";
const RELEASE = "1";
const NUMBER = "2";

function coreKey(numbers: readonly string[]): string {
  return numbers.map((number) => NUMBER + numberKey(number)).join("");
}

function naturalKey(text: string): string {
  return text.replaceAll(/\d+/g, numberKey);
}

/** A longer number is higher, so its length comes first. No tag has more than 128 characters. */
function numberKey(digits: string): string {
  const number = digits.replace(/^0+(?=.)/, "");
  return String(number.length).padStart(3, "0") + number;
}
