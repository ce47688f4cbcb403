/** `slipway copy` and `slipway push`. What does the work is loaded when one of them runs. */
import { type Command, InvalidArgumentError } from "commander";
import { Output } from "../output.ts";

export interface CopyOptions {
  readonly platform?: readonly string[];
  readonly referrers?: true;
  readonly parallel: number;
}

const MAX_PARALLEL = 16;
const DEFAULT_PARALLEL = 4;

export function addCopyCommands(program: Command): void {
  const push = program
    .command("push")
    .description(
      "Push an image of any size: from the docker daemon, an archive or an OCI layout. Goes on where an earlier run stopped.",
    )
    .argument(
      "<image>",
      "a name in the docker daemon, docker-archive:FILE, oci-archive:FILE or oci:FOLDER",
    )
    .argument("[target]", "HOST/REPOSITORY:TAG (else the image's own name)")
    .action(
      async (image: string, target: string | undefined, options: CopyOptions, command: Command) => {
        const { push: run } = await import("./run.ts");
        await run(image, target ?? null, { ...options, output: new Output(command) });
      },
    );
  copyOptions(push);
  const copy = program
    .command("copy")
    .description(
      "Copy an image between registries and OCI layouts, with all its platforms and without changing it. Goes on where an earlier run stopped.",
    )
    .argument("<source>", "HOST/REPOSITORY:TAG, oci:FOLDER:TAG, or what push takes")
    .argument("<target>", "HOST/REPOSITORY:TAG or oci:FOLDER:TAG")
    .action(async (source: string, target: string, options: CopyOptions, command: Command) => {
      const { copy: run } = await import("./run.ts");
      await run(source, target, { ...options, output: new Output(command) });
    });
  copyOptions(copy).option("--referrers", "also copy signatures, attestations and SBOMs");
}

function copyOptions(command: Command): Command {
  return parallelOption(
    command.option(
      "--platform <os/arch>",
      "copy only this platform, such as linux/amd64; may be given several times",
      (one: string, before: readonly string[] | undefined) => [...(before ?? []), one],
    ),
  );
}

export function parallelOption(command: Command): Command {
  return command.option(
    "--parallel <count>",
    `how many layers are sent at a time, 1 to ${MAX_PARALLEL}`,
    parseParallel,
    DEFAULT_PARALLEL,
  );
}

function parseParallel(text: string): number {
  const count = Number(text);
  if (/^\d{1,2}$/.test(text) && count >= 1 && count <= MAX_PARALLEL) return count;
  throw new InvalidArgumentError(`Give a number from 1 to ${MAX_PARALLEL}.`);
}
