/** The command line of the registry's management API. */
import { makeProgram } from "./program.ts";
import { run } from "./run.ts";

await run(makeProgram());
