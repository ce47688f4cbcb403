import type { Command } from "commander";
import { Api, type AskPassword, type Credentials } from "./api.ts";
import { readConfig } from "./config.ts";
import { CliError } from "./error.ts";
import { canAsk, readPassword } from "./prompt.ts";
import { isClear, parseRegistry } from "./registry-url.ts";

/** The registry that a command is for: `--registry`, else SLIPWAY_REGISTRY, else where one logged in last. */
export async function registryOf(command: Command, argument?: string): Promise<string> {
  const { registry } = command.optsWithGlobals<{ registry?: string }>();
  const named = argument ?? registry;
  if (named !== undefined) return parseRegistry(named);
  const given = namedByEnvironment();
  if (given !== undefined) return given;
  const { current } = await readConfig();
  if (current !== null) return current;
  throw new CliError(
    "which registry? Log in (slipway login HOST -u USER), or give --registry or SLIPWAY_REGISTRY",
  );
}

/**
 * The API with SLIPWAY_TOKEN, else with the login that is kept for this registry, else without credentials. The token is for one
 * registry, so another that `--registry` names, by a slip or somebody's advice, does not get it.
 */
export async function connect(command: Command): Promise<Api> {
  const registry = await registryOf(command);
  const credentials = await credentialsFor(registry);
  // A registry that one has no login at has no say in what is asked here: any could want a password of somebody.
  const ask = credentials !== null && canAsk() ? askAgain(registry) : null;
  return new Api(registry, credentials, ask);
}

/** For what a token is not enough for. */
function askAgain(registry: string): AskPassword {
  return (user) => {
    console.error(
      "slipway: what this makes lasts longer than this login: give your password again",
    );
    warnIfClear(registry, "password");
    return readPassword({ registry, user });
  };
}

export interface PasswordOptions {
  readonly user?: string;
  readonly passwordStdin?: true;
}

/** For commands that make what may outlast the login. */
export function passwordOptions(command: Command): Command {
  return userOption(command).option("--password-stdin", "read that password from standard input");
}

/** Where --password-stdin has another sense as well. */
export function userOption(command: Command): Command {
  return command.option(
    "-u, --user <name>",
    "do this with a password, as what outlasts the login takes one",
  );
}

/** What a token makes ends no later than the token itself; a password makes whatever is asked for. */
export async function connectAs(options: PasswordOptions, command: Command): Promise<Api> {
  const { user, passwordStdin } = options;
  if (user !== undefined) {
    const registry = await registryOf(command);
    warnIfClear(registry, "password");
    const password = await readPassword({ registry, user, passwordStdin });
    return new Api(registry, { user, password });
  }
  if (passwordStdin === true) command.error("slipway: whose password? Give -u USER");
  return connect(command);
}

/** Credentials that travel in clear text are sent all the same: a registry in one's own network may have nothing else. */
export function warnIfClear(registry: string, what: "password" | "token"): void {
  if (!isClear(registry)) return;
  console.error(
    `slipway: warning: ${registry} is not https: the ${what} travels in clear text, and everyone on the way can read it`,
  );
}

async function credentialsFor(registry: string): Promise<Credentials | null> {
  const { current, logins } = await readConfig();
  const token = process.env["SLIPWAY_TOKEN"]?.trim();
  const login = logins[registry];
  if (!token) return login === undefined ? null : { token: login.token };
  const owner = namedByEnvironment() ?? current;
  if (owner === registry) {
    warnIfClear(registry, "token");
    return { token };
  }
  if (login !== undefined) return { token: login.token };
  const whose = owner === null ? "it is not said which registry it is for" : `it is for ${owner}`;
  throw new CliError(
    `SLIPWAY_TOKEN was not sent to ${registry}, as ${whose}: set SLIPWAY_REGISTRY=${registry}, or log in there`,
  );
}

function namedByEnvironment(): string | undefined {
  const named = process.env["SLIPWAY_REGISTRY"];
  return named ? parseRegistry(named) : undefined;
}
