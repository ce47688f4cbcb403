import { Command } from "commander";
import { UsageError } from "./error.ts";

/** A command whose mistakes in usage are thrown, so that one place reports them, as text or as JSON. */
export class SlipwayCommand extends Command {
  override createCommand(name?: string): SlipwayCommand {
    return new SlipwayCommand(name);
  }

  override error(message: string): never {
    const text = message
      .replace(/^error: /, "")
      .replace(
        /^command-argument value '(.*?)' is invalid for argument '(.*?)'\. /,
        '<$2> cannot be "$1". ',
      );
    throw new UsageError(text, `${pathOf(this)} --help says how it is used`);
  }
}

/** "slipway robot create" */
export function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}
