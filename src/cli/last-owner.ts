/** A question before a namespace loses its last owner. */
import type { Query } from "./api.ts";
import type { YesOption } from "./destroy.ts";
import { CliError } from "./error.ts";
import { canAsk, confirm } from "./prompt.ts";

const CONFIRMED: Query = { confirm: "last-owner" };

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
      const hint = "Make somebody else an owner first, or add --yes.";
      throw new CliError(what, { code: "LAST_OWNER", status: 409, hint, cause: error });
    }
    if (await confirm(`${what}; only administrators decide there then. Go on?`)) {
      return change(CONFIRMED);
    }
    throw new CliError("nothing was changed", { code: "CANCELLED", cause: error });
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
