/** The patterns of sync files, which are Go's. */
import semver from "semver";
import { CliError } from "../error.ts";

/** A regular expression of Go's. @param isWhole whether it has to match all of a text */
export function regexp(text: string, isWhole: boolean): RegExp {
  const [, flags = "", rest = text] = /^\(\?([ims]+)\)(.*)$/s.exec(text) ?? [];
  try {
    return new RegExp(isWhole ? `^(?:${rest})$` : rest, flags);
  } catch (cause) {
    throw new CliError(`"${text}" is no regular expression`, { code: "USAGE", cause });
  }
}

/** Takes what an allowing pattern matches (all, if there is none) and no denying one. */
export function rule(allow: readonly string[], deny: readonly string[]): (text: string) => boolean {
  const allowed = allow.map((one) => regexp(one, true));
  const denied = deny.map((one) => regexp(one, true));
  return (text) =>
    (allowed.length === 0 || allowed.some((one) => one.test(text))) &&
    !denied.some((one) => one.test(text));
}

/** Takes tags that are versions within a range, such as ">= 1.20, < 2"; "1.27" is 1.27.0. */
export function versions(range: string): (tag: string) => boolean {
  // A comma means "and", which npm writes as a space.
  const parsed = semver.validRange(range.replaceAll(",", " "));
  if (parsed === null) {
    throw new CliError(`"${range}" is no range of versions`, { code: "USAGE" });
  }
  return (tag) => {
    const version = versionOf(tag);
    return version !== null && semver.satisfies(version, parsed);
  };
}

function versionOf(tag: string): string | null {
  const [, major, minor = "0", patch = "0", rest = ""] =
    /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?([-+].*)?$/.exec(tag) ?? [];
  return major === undefined ? null : semver.valid(`${major}.${minor}.${patch}${rest}`);
}
