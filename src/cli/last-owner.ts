import type { Command } from "commander";
import type { Query } from "./api.ts";
import { CliError } from "./error.ts";
import { canAsk, confirm } from "./prompt.ts";

export interface YesOption {
  readonly yes?: true;
}

const CONFIRMED: Query = { confirm: "last-owner" };

/** For commands by which a namespace may lose its last owner. */
export function yesOption(command: Command): Command {
  return command.option("-y, --yes", "do not ask, even if a namespace loses its last owner");
}

/**
 * Makes a change, and asks first where a namespace would lose its last owner by it: the registry says so.
 * @param change takes what the query is to say
 */
export async function unlessLastOwner<T>(
  user: string,
  { yes }: YesOption,
  change: (query: Query) => Promise<T>,
): Promise<T> {
  if (yes === true) return change(CONFIRMED);
  try {
    return await change({});
  } catch (error) {
    const fault =
      error instanceof CliError && error.faults.find((one) => one.confirm === "last-owner");
    if (!fault) throw error;
    const what = `${user} is the last owner of ${fault.namespaces?.join(", ") ?? "a namespace"}`;
    if (!canAsk()) {
      const message = `${what}: make somebody else an owner first, or add --yes`;
      throw new CliError(message, { status: 409, cause: error });
    }
    if (await confirm(`${what}; only administrators decide there then. Go on?`)) {
      return change(CONFIRMED);
    }
    throw new CliError("nothing was changed", { cause: error });
  }
}

/** A path with what its query says. */
export function withQuery(path: string, query: Query): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) given.set(name, value);
  }
  return given.size === 0 ? path : `${path}?${given.toString()}`;
}
