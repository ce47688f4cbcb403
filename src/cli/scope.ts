/** Scopes and lifetimes of tokens, robots and trust rules, as the command line takes them. */
import { type Command, InvalidArgumentError } from "commander";

const ACTIONS = ["pull", "push", "delete", "admin"] as const;
type Action = (typeof ACTIONS)[number];

export interface Scope {
  readonly repositories: string;
  readonly actions: readonly Action[];
}

/** The globs given for each action. */
export type ScopeOptions = { readonly [action in Action]?: readonly string[] };

const MEANING: Record<Action, string> = {
  pull: "may pull from the repositories that the glob names",
  push: "may push to them, and pull",
  delete: "may delete from them, and pull",
  admin: "may do everything with them",
};

/** Adds `--pull GLOB` and its like, each of which can be given several times. */
export function scopeOptions(command: Command): Command {
  for (const action of ACTIONS) command.option(`--${action} <glob>`, MEANING[action], collectGlobs);
  return command;
}

function collectGlobs(glob: string, others: readonly string[] = []): string[] {
  if (glob.length <= 255 && /^[a-z0-9._\-/*]+$/.test(glob) && !glob.includes("**")) {
    return [...others, glob];
  }
  throw new InvalidArgumentError("Write a glob over repository names, such as 'acme/*'.");
}

/** One scope for each glob, with all of its actions. */
export function scopesOf(options: ScopeOptions): Scope[] {
  const actions = new Map<string, Action[]>();
  for (const action of ACTIONS) {
    for (const glob of options[action] ?? []) {
      const others = actions.get(glob) ?? [];
      if (!others.includes(action)) actions.set(glob, [...others, action]);
    }
  }
  return [...actions].map(([repositories, allowed]) => ({ repositories, actions: allowed }));
}

/** The scopes of what is worth nothing without one. */
export function requiredScopes(options: ScopeOptions, command: Command): Scope[] {
  const scopes = scopesOf(options);
  if (scopes.length > 0) return scopes;
  const flags = ACTIONS.map((action) => `--${action}`).join(", ");
  return command.error(`what may it do? Give one of ${flags}, such as --push 'acme/*'`);
}

/** Scopes in a table: "pull,push acme/*; pull base". */
export function showScopes(scopes: readonly Scope[]): string {
  return scopes
    .map(({ repositories, actions }) => `${actions.join(",")} ${repositories}`)
    .join("; ");
}

/** "90d" → 90 */
export function parseExpiry(text: string): number | "never" {
  if (text === "never") return text;
  const days = /^([1-9]\d{0,4})d$/.exec(text)?.[1];
  if (days === undefined) throw new InvalidArgumentError("Give days, such as 90d, or never.");
  return Number(days);
}

/** The API's field; it has a default of its own. */
export function expiry(expires: number | "never" | undefined): { expiresInDays?: number | null } {
  if (expires === undefined) return {};
  return { expiresInDays: expires === "never" ? null : expires };
}

const SECONDS = { s: 1, m: 60, h: 3600 };

/** "15m" → 900 */
export function parseLifetime(text: string): number {
  const [, count, unit] = /^([1-9]\d{0,4})([smh])$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError("Give a time, such as 15m, 900s or 1h.");
  return Number(count) * SECONDS[unit as keyof typeof SECONDS];
}

/** "acme+ci" → its namespace and the short name in it. */
export interface MemberName {
  readonly namespace: string;
  readonly short: string;
}

export function parseMemberName(text: string): MemberName {
  const [namespace = "", short = "", ...more] = text.split("+");
  if (namespace !== "" && short !== "" && more.length === 0) return { namespace, short };
  const example = /^[a-z0-9._-]+$/.test(text) ? `acme+${text}` : "acme+ci";
  throw new InvalidArgumentError(
    `It lies in a namespace: write NAMESPACE+NAME, such as ${example}.`,
  );
}
