/** The command line of the registry's management API. */
import { inspect } from "node:util";
import { Command, CommanderError } from "commander";
import { addAuditCommand } from "./audit.ts";
import { addCollectionCommands } from "./collection.ts";
import { CliError } from "./error.ts";
import { addExportCommands } from "./export.ts";
import { addFsckCommand } from "./fsck.ts";
import { addHistoryCommands } from "./history.ts";
import { addLoginCommands } from "./login.ts";
import { addManifestCommands } from "./manifest.ts";
import { addMemberCommands } from "./member.ts";
import { addNamespaceCommands } from "./namespace.ts";
import { addRepositoryCommands } from "./repository.ts";
import { addRetentionCommands } from "./retention.ts";
import { addRobotCommands } from "./robot.ts";
import { addTagCommands } from "./tag.ts";
import { plain, plainLines } from "./terminal.ts";
import { addTokenCommands } from "./token.ts";
import { addTrustCommands } from "./trust.ts";
import { addUndoCommands } from "./undo.ts";
import { addUserCommands } from "./user.ts";

const USAGE = 2;

const program = new Command("slipway")
  .description("Manages a Slipway registry: who may do what, and what is in it.")
  .option("--registry <host>", "the registry (else SLIPWAY_REGISTRY, else the last login's)")
  .option("--json", "print the API's answer")
  .exitOverride()
  .showHelpAfterError("Add --help to see how it is used.")
  .configureHelp({ showGlobalOptions: true })
  .configureOutput({
    outputError: (text, write) =>
      write(plainLines(text).replace(/^(error: )?(slipway: )?/, "slipway: ")),
  })
  .addHelpText(
    "after",
    `
Credentials: the token in SLIPWAY_TOKEN, for the registry that SLIPWAY_REGISTRY names (else the last login's)
and no other; else that of slipway login, else none.
A glob is quoted ('acme/*'), so that the shell leaves it alone; * stands for any characters.`,
  );

addLoginCommands(program);
addUserCommands(program);
addTokenCommands(program);
addNamespaceCommands(program);
addMemberCommands(program);
addRobotCommands(program);
addTrustCommands(program);
addRepositoryCommands(program);
addTagCommands(program);
addManifestCommands(program);
addHistoryCommands(program);
addUndoCommands(program);
addRetentionCommands(program);
addExportCommands(program);
addFsckCommand(program);
addAuditCommand(program);
addCollectionCommands(program);

// Who reads a table with `head` has read enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  // commander has said it already; its help is a success only where it was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  // It may be what the registry answered; anything else is a fault of this program, and a trace says where.
  const text = error instanceof CliError ? plain(error.message) : plainLines(inspect(error));
  console.error(`slipway: ${text}`);
  return 1;
}
