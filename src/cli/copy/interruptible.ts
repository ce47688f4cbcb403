import { constants } from "node:os";
import { CliError } from "../error.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs what a signal may end: it gets the chance to remove its temporary files. The second signal ends the process at once.
 * @param hint the next step
 * @throws CliError with the code INTERRUPTED
 */
export async function interruptible<T>(
  run: (signal: AbortSignal) => Promise<T>,
  hint = "Run it again: it goes on where it stopped.",
): Promise<T> {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals) =>
    controller.abort(
      new CliError("stopped", {
        code: "INTERRUPTED",
        // As a shell has it for what a signal ends (POSIX, "Exit Status for Commands").
        exitCode: 128 + constants.signals[name],
        hint,
      }),
    );
  for (const name of SIGNALS) process.once(name, stop);
  try {
    return await run(controller.signal);
  } catch (error) {
    controller.signal.throwIfAborted();
    throw error;
  } finally {
    for (const name of SIGNALS) process.off(name, stop);
  }
}
