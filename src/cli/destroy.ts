/** One rule for whatever destroys: it asks first, takes --yes where nobody can be asked, and says whether it can be undone. */
import type { Command } from "commander";
import { CliError } from "./error.ts";
import { canAsk, confirm } from "./prompt.ts";

export interface YesOption {
  readonly yes?: true;
}

export interface Destruction {
  /** An order, such as "delete the robot acme+ci". */
  readonly action: string;
  /** The command that undoes it; null where nothing does. */
  readonly undo: string | null;
}

export function yesOption(command: Command, also = ""): Command {
  return command.option("-y, --yes", `do not ask${also}`);
}

/** @throws CliError unless somebody agrees */
export async function confirmDestruction(
  destruction: Destruction,
  { yes }: YesOption,
  command: Command,
): Promise<void> {
  if (yes === true) return;
  const { action } = destruction;
  if (!canAsk()) {
    command.error(`there is no terminal to ask at: add --yes to ${action}`);
  }
  const order = action.charAt(0).toUpperCase() + action.slice(1);
  if (await confirm(`${order}? ${undoText(destruction)}`)) return;
  throw new CliError("nothing was changed", { code: "CANCELLED" });
}

export function undoText({ undo }: Destruction): string {
  if (undo === null) return "This cannot be undone.";
  const window = undo.startsWith("slipway trash ") ? ", within UNDO_DAYS" : "";
  return `To undo${window}: ${undo}`;
}
