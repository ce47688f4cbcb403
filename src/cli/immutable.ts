/** Rules of immutable tags, as the command line takes and shows them. */
import { type Command, InvalidArgumentError } from "commander";
import { faultOfTagGlob, PRESETS, showTagRules, type TagRule } from "../oci/tag-rules.ts";
import { closest } from "../oci/near.ts";
import { doubt } from "./near.ts";

export interface ImmutableOptions {
  readonly immutable?: readonly string[];
  readonly mutable?: readonly string[];
}

export function immutableOptions(command: Command): Command {
  return command
    .option(
      "--immutable <glob>",
      "the tags that nobody can move or delete: semver, all, none, or a glob such as 'v*'; replaces the rules from before; repeatable",
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
    return command.error("--mutable makes exceptions: give --immutable too");
  }
  const isNone = immutable.includes("none");
  if (isNone && (immutable.length > 1 || mutable !== undefined)) {
    return command.error("--immutable none stands alone");
  }
  const globs = new Set(immutable.flatMap((glob) => presetOf(glob) ?? glob));
  return { immutableTags: [...globs].map((tags) => ({ tags, except: mutable ?? [] })) };
}

/** Doubts a word that is taken as a tag's whole name, and is nearly a preset. */
export async function doubtRules({ immutable = [] }: ImmutableOptions): Promise<void> {
  for (const word of immutable) {
    const near = presetOf(word) === undefined && isLiteral(word) ? nearPreset(word) : null;
    if (near === null) continue;
    await doubt(
      `--immutable ${word} protects only a tag called ${word}. Did you mean the preset ${near}?`,
    );
  }
}

/** The rules as sentences have them: a word without a wildcard is said to be one tag. */
export function sayTagRules(rules: readonly TagRule[]): string {
  if (rules.length === 0) return "none";
  return rules
    .map((rule) => `${showTagRules([rule])}${isLiteral(rule.tags) ? " (only this tag)" : ""}`)
    .join(", ");
}

function nearPreset(word: string): string | null {
  return closest(word.toLowerCase(), Object.keys(PRESETS));
}

function isLiteral(glob: string): boolean {
  return !/[*[]/.test(glob);
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
