import { Command, type HelpContext } from "commander";
import { UsageError } from "./error.ts";
import { copyable } from "./sentence.ts";

/** A command whose mistakes in usage are thrown, so that one place reports them, as text or as JSON. */
export class SlipwayCommand extends Command {
  override createCommand(name?: string): SlipwayCommand {
    return new SlipwayCommand(name);
  }

  /** A group without a command says which ones it has; the whole program shows its help. */
  override help(context?: HelpContext | ((help: string) => string)): never {
    if (typeof context === "function") return super.help(context);
    if (context?.error !== true || this.parent === null) return super.help(context);
    const names = this.commands.map((command) => command.name()).filter((name) => name !== "help");
    const hint = `${copyable(`${pathOf(this)} --help`)} says what each does`;
    throw new UsageError(`which command of ${pathOf(this)}? ${names.join(", ")}`, hint);
  }

  override error(message: string): never {
    const text = message
      .replace(/^error: /, "")
      .replace(
        /^command-argument value '(.*?)' is invalid for argument '(.*?)'\. /,
        '<$2> cannot be "$1". ',
      );
    throw new UsageError(text, `${copyable(`${pathOf(this)} --help`)} says how it is used`);
  }
}

/** "slipway robot create" */
export function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}
