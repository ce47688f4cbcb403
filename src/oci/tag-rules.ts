/** A rule for immutable tags: all tags that the glob matches, except those that an exception matches. */
export interface TagRule {
  readonly tags: string;
  readonly except: readonly string[];
}

/**
 * The longest glob, in characters: D1 takes no longer pattern for GLOB (developers.cloudflare.com/d1/platform/limits).
 */
export const MAX_TAG_GLOB = 50;
export const MAX_STARS = 4;
export const MAX_RULES = 20;
export const MAX_EXCEPTIONS = 20;
/**
 * The longest list of rules, in characters of JSON: each move of a tag reads it, and a page of namespaces shows a
 * thousand of them.
 */
export const MAX_RULES_LENGTH = 4096;

/**
 * The only set of characters that is allowed: SQLite's GLOB takes any other bracket for a set too, and "?" for any one
 * character.
 */
const DIGIT = "[0-9]";
const NO_TAG_CHARACTER = /[^\w.*-]/;

/**
 * Finds what is wrong with a glob over tags. It may have tag characters, `*` for any characters and `[0-9]` for a
 * digit. Only a glob that passes may be given to SQLite's GLOB, which knows more syntax than that.
 * @returns null if nothing is wrong
 */
export function faultOfTagGlob(glob: string): string | null {
  if (glob === "") return `write a glob over tags, such as "v*" or "v${DIGIT}*"`;
  if (glob.length > MAX_TAG_GLOB) return `a glob over tags has at most ${MAX_TAG_GLOB} characters`;
  const [stranger] = NO_TAG_CHARACTER.exec(glob.replaceAll(DIGIT, "0")) ?? [];
  if (stranger !== undefined) {
    return `${JSON.stringify(stranger)} is in no tag: a glob over tags is made of letters, digits, "_", ".", "-", "*" (any characters) and "${DIGIT}" (a digit)`;
  }
  if (/^[.-]/.test(glob)) return `no tag begins with "${glob.charAt(0)}": write "*" before it`;
  const stars = glob.split("*").length - 1;
  return stars > MAX_STARS ? `a glob over tags has at most ${MAX_STARS} "*"` : null;
}

const NUMBER = `${DIGIT}*`;
const VERSION = [NUMBER, NUMBER, NUMBER].join(".");

/** Rules that are often wanted, by name: versions (1.2.3 and v1.2.3, also with a suffix), all tags, no tags. */
export const PRESETS: Readonly<Record<string, readonly string[]>> = {
  semver: [`v${VERSION}`, VERSION],
  all: ["*"],
  none: [],
};

/** Formats rules for people: "v* but v*-rc*, 1.*". */
export function showTagRules(rules: readonly TagRule[]): string {
  return rules
    .map(({ tags, except }) => (except.length === 0 ? tags : `${tags} but ${except.join(" ")}`))
    .join(", ");
}
