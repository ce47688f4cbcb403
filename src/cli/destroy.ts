/** One rule for whatever destroys: it asks first, takes --yes where nobody can be asked, and says whether it can be undone. */
import type { Command } from "commander";
import type { Api } from "./api.ts";
import { CliError } from "./error.ts";
import { whoAmI } from "./me.ts";
import { date } from "./output.ts";
import { canAsk, confirm } from "./prompt.ts";
import { copyable } from "./sentence.ts";

export interface YesOption {
  readonly yes?: true | undefined;
}

export interface Destruction {
  /** An order, such as "delete the robot acme+ci". */
  readonly action: string;
  readonly undo: Undo | null;
}

export interface Undo {
  readonly command: string;
  /** Days for which it can be undone, if they are limited. */
  readonly days?: number;
}

const DAY_MS = 86_400_000;

export function yesOption(command: Command, also = ""): Command {
  return command.option("-y, --yes", `do not ask${also}`);
}

/**
 * The way back of something that goes to the trash.
 * @param command restores it
 * @returns null if this registry's trash keeps nothing
 */
export async function fromTrash(api: Api, command: string): Promise<Undo | null> {
  const { trashDays: days } = await whoAmI(api);
  return days === 0 ? null : { command, days };
}

/** @throws UsageError where nobody can be asked, for commands that do much before they ask */
export function requireConsent(action: string, { yes }: YesOption, command: Command): void {
  if (yes === true || canAsk()) return;
  command.error(`there is no terminal to ask at: add --yes to ${action}`);
}

/** @throws CliError unless somebody agrees */
export async function confirmDestruction(
  destruction: Destruction,
  { yes }: YesOption,
  command: Command,
): Promise<void> {
  if (yes === true) return;
  const { action } = destruction;
  requireConsent(action, { yes }, command);
  const order = action.charAt(0).toUpperCase() + action.slice(1);
  if (await confirm(`${order}? ${undoText(destruction)}`)) return;
  throw new CliError("nothing was changed", { code: "CANCELLED" });
}

export function undoText({ undo }: Pick<Destruction, "undo">): string {
  if (undo === null) return "This cannot be undone.";
  return `To undo${windowOf(undo)}: ${copyable(undo.command)}`;
}

function windowOf({ days }: Undo): string {
  if (days === undefined) return "";
  const end = date(new Date(Date.now() + days * DAY_MS).toISOString());
  return `, within ${days} ${days === 1 ? "day" : "days"} (until ${end})`;
}
