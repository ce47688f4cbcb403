/** Which tags are immutable, as it is said on the command line. */
import { type Command, InvalidArgumentError } from "commander";
import { faultOfTagGlob, PRESETS, type TagRule } from "../oci/tag-rules.ts";

export interface ImmutableOptions {
  readonly immutable?: readonly string[];
  readonly mutable?: readonly string[];
}

export function immutableOptions(command: Command): Command {
  return command
    .option(
      "--immutable <glob>",
      "the tags that nobody moves or deletes, instead of those before: semver, all, none, or a glob such as 'v*'; repeatable",
      collectRule,
    )
    .option("--mutable <glob>", "except these, such as 'v*-rc*'; repeatable", collectGlob);
}

/** The API's field; the rules are one value, so these replace all. */
export function immutableTags(
  { immutable, mutable }: ImmutableOptions,
  command: Command,
): { immutableTags?: readonly TagRule[] } {
  if (immutable === undefined) {
    if (mutable === undefined) return {};
    return command.error("slipway: --mutable makes exceptions: give --immutable too");
  }
  const isNone = immutable.includes("none");
  if (isNone && (immutable.length > 1 || mutable !== undefined)) {
    return command.error("slipway: --immutable none stands alone");
  }
  const globs = new Set(immutable.flatMap((glob) => presetOf(glob) ?? glob));
  return { immutableTags: [...globs].map((tags) => ({ tags, except: mutable ?? [] })) };
}

function presetOf(name: string): readonly string[] | undefined {
  return Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
}

function collectRule(text: string, others: readonly string[] = []): string[] {
  return presetOf(text) === undefined ? collectGlob(text, others) : [...others, text];
}

function collectGlob(glob: string, others: readonly string[] = []): string[] {
  const fault = faultOfTagGlob(glob);
  if (fault === null) return [...others, glob];
  throw new InvalidArgumentError(`${fault.charAt(0).toUpperCase()}${fault.slice(1)}.`);
}
