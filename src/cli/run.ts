/** Runs a command line, and reports how it ended. */
import { CommanderError } from "commander";
import type { SlipwayCommand } from "./command.ts";
import { UsageError } from "./error.ts";
import { report } from "./report.ts";
import { copyable } from "./sentence.ts";

export async function run(program: SlipwayCommand): Promise<void> {
  // Who reads a table with `head` has read enough.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? 0 : report(error));
  });
  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

function exitCodeOf(error: unknown): number {
  if (!(error instanceof CommanderError)) return report(error);
  // Help and version were printed already; help is a success only where it was asked for.
  return error.exitCode === 0
    ? 0
    : report(new UsageError("which command?", `${copyable("slipway --help")} lists all`));
}
