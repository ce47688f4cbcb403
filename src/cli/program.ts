/** All commands of the command line, with nothing run yet. */
import { addAuditCommand } from "./audit.ts";
import { addGcCommands } from "./gc.ts";
import { SlipwayCommand } from "./command.ts";
import { addCompletionCommand } from "./completion.ts";
import { addCopyCommands } from "./copy/command.ts";
import { addExamples } from "./examples.ts";
import { addEventCommands } from "./events.ts";
import { addExportCommands } from "./export.ts";
import { addFsckCommand } from "./fsck.ts";
import { addInspectCommand } from "./inspect.ts";
import { addLoginCommands } from "./login.ts";
import { addManifestCommands } from "./manifest.ts";
import { addMemberCommands } from "./member.ts";
import { addNamespaceCommands } from "./namespace.ts";
import manifest from "./package.json" with { type: "json" };
import { addProxyCommand } from "./proxy/command.ts";
import { addRepositoryCommands } from "./repository.ts";
import { addRetentionCommands } from "./retention.ts";
import { addRobotCommands } from "./robot.ts";
import { addExceptionCommands } from "./scan/exception.ts";
import { addPackageCommands } from "./scan/packages.ts";
import { addPolicyCommands } from "./scan/policy.ts";
import { addScanCommand } from "./scan/scan.ts";
import { addVulnerabilityCommands } from "./scan/vulnerabilities.ts";
import { addSearchCommand } from "./search.ts";
import { addSessionCommands } from "./session.ts";
import { addSignerCommands } from "./signer.ts";
import { addSyncCommand } from "./sync/command.ts";
import { addTagCommands } from "./tag.ts";
import { addTokenCommands } from "./token.ts";
import { addTrustCommands } from "./trust.ts";
import { addTrashCommands } from "./trash.ts";
import { addUserCommands } from "./user.ts";

export function makeProgram(): SlipwayCommand {
  const program = new SlipwayCommand("slipway");
  program
    .description("Manages a Slipway registry: who may do what, and what is in it.")
    .version(manifest.version, "-V, --version", "print the version of this program")
    .option("--registry <host>", "the registry (else SLIPWAY_REGISTRY, else the last login's)")
    .option("--json", "print JSON: the API's answer, or on standard error what went wrong")
    .option("--wide", "print tables whole, even if they are wider than the terminal")
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .addHelpText(
      "after",
      `
Credentials: the token in SLIPWAY_TOKEN, for the registry that SLIPWAY_REGISTRY
names (else the last login's) and no other; else that of slipway login.
Quote a glob ('acme/*'), so that the shell leaves it alone.`,
    );
  program.commandsGroup("Login:");
  addLoginCommands(program);
  program.commandsGroup("Access:");
  addUserCommands(program);
  addTokenCommands(program);
  addSessionCommands(program);
  addNamespaceCommands(program);
  addMemberCommands(program);
  addRobotCommands(program);
  addTrustCommands(program);
  program.commandsGroup("Images:");
  addSearchCommand(program);
  addRepositoryCommands(program);
  addTagCommands(program);
  addManifestCommands(program);
  addInspectCommand(program);
  addTrashCommands(program);
  program.commandsGroup("Vulnerabilities:");
  addScanCommand(program);
  addVulnerabilityCommands(program);
  addPackageCommands(program);
  addPolicyCommands(program);
  addExceptionCommands(program);
  addSignerCommands(program);
  program.commandsGroup("Transfer:");
  addProxyCommand(program);
  addCopyCommands(program);
  addSyncCommand(program);
  program.commandsGroup("Operation:");
  addRetentionCommands(program);
  addExportCommands(program);
  addFsckCommand(program);
  addAuditCommand(program);
  addEventCommands(program);
  addGcCommands(program);
  program.commandsGroup("Commands:");
  addCompletionCommand(program);
  addExamples(program);
  return program;
}
