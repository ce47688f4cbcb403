import type { Command } from "commander";
import { Api, type AskPassword, type Credentials } from "./api.ts";
import { readConfig } from "./config.ts";
import { CliError } from "./error.ts";
import { askHidden, canAsk, readPassword } from "./prompt.ts";
import { isClear, parseRegistry } from "./registry-url.ts";

/** The registry that a command is for: `--registry`, else SLIPWAY_REGISTRY, else where one logged in last. */
export async function registryOf(command: Command, argument?: string): Promise<string> {
  const { registry } = command.optsWithGlobals<{ registry?: string }>();
  const named = argument ?? registry ?? (process.env["SLIPWAY_REGISTRY"] || undefined);
  if (named !== undefined) return parseRegistry(named);
  const { current } = await readConfig();
  if (current !== null) return current;
  throw new CliError(
    "which registry? Log in (slipway login HOST -u USER), or give --registry or SLIPWAY_REGISTRY",
  );
}

/** The API with SLIPWAY_TOKEN, else with the login that is kept for this registry, else without credentials. */
export async function connect(command: Command): Promise<Api> {
  const registry = await registryOf(command);
  return new Api(registry, await credentialsFor(registry), canAsk() ? askAgain(registry) : null);
}

/** For what a token is not enough for. */
function askAgain(registry: string): AskPassword {
  const warning = isClear(registry)
    ? `${registry} is not https: everyone on the way can read it. `
    : "";
  return (user) =>
    askHidden(`What this login's token made would outlast it. ${warning}Password of ${user}: `);
}

export interface PasswordOptions {
  readonly user?: string;
  readonly passwordStdin?: true;
}

/** For commands that make secrets. */
export function passwordOptions(command: Command): Command {
  return command
    .option("-u, --user <name>", "log in with a password, for a secret that outlives the login's")
    .option("--password-stdin", "read that password from standard input");
}

/** What a token makes ends no later than the token itself; a password makes whatever is asked for. */
export async function connectAs(options: PasswordOptions, command: Command): Promise<Api> {
  const { user, passwordStdin } = options;
  if (user !== undefined) {
    const registry = await registryOf(command);
    return new Api(registry, { user, password: await readPassword({ user, passwordStdin }) });
  }
  if (passwordStdin === true) command.error("slipway: whose password? Give -u USER");
  return connect(command);
}

async function credentialsFor(registry: string): Promise<Credentials | null> {
  const token = process.env["SLIPWAY_TOKEN"];
  if (token) return { token: token.trim() };
  const { logins } = await readConfig();
  const login = logins[registry];
  return login === undefined ? null : { token: login.token };
}
