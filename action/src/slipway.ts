/** The part of the command line that the action needs: `slipway proxy`. */
import { SlipwayCommand } from "../../src/cli/command.ts";
import { addProxyCommand } from "../../src/cli/proxy/command.ts";
import { run } from "../../src/cli/run.ts";

const program = new SlipwayCommand("slipway")
  .option("--registry <host>", "the registry")
  .option("--json", "print JSON")
  .exitOverride();
addProxyCommand(program);
await run(program);
