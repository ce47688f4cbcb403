/** `slipway sync`. What does the work is loaded when it runs. */
import type { Command } from "commander";
import { parallelOption } from "../copy/command.ts";
import { Output } from "../output.ts";

export interface SyncOptions {
  readonly dryRun?: true;
  readonly scoped?: true;
  readonly parallel: number;
}

export function addSyncCommand(program: Command): void {
  const sync = program
    .command("sync")
    .description(
      "Copy what a file of regsync's or skopeo's lists. What is there already is left alone.",
    )
    .argument("<file>", "YAML; - is standard input")
    .argument("[target]", "for a file of skopeo's: HOST/PATH that the images go to")
    .option("--dry-run", "say what would be copied, and copy nothing")
    .option("--scoped", "with skopeo's file: keep the source's host and path below the target")
    .action(
      async (file: string, target: string | undefined, options: SyncOptions, command: Command) => {
        const { sync: run } = await import("./run.ts");
        await run(file, target ?? null, { ...options, output: new Output(command) });
      },
    );
  parallelOption(sync);
}
