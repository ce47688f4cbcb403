import type { Command } from "commander";
import { Api, type Credentials, PASSWORD_HINT } from "./api.ts";
import { readConfig } from "./config.ts";
import { CliError } from "./error.ts";
import { whoAmI } from "./me.ts";
import { date } from "./output.ts";
import { canAsk, readPassword } from "./prompt.ts";
import { isClear, parseRegistry } from "./registry-url.ts";
import { note, warn } from "./report.ts";
import { copyable } from "./sentence.ts";

/** The registry that a command is for: `--registry`, else SLIPWAY_REGISTRY, else where one logged in last. */
export async function registryOf(command: Command, argument?: string): Promise<string> {
  const registry = await namedRegistry(command, argument);
  if (registry !== null) return registry;
  throw new CliError("which registry?", {
    code: "NO_REGISTRY",
    hint: `Log in (${copyable("slipway login HOST")}), or give --registry or SLIPWAY_REGISTRY.`,
  });
}

/** @returns null where none was named, and there was no login */
export async function namedRegistry(command: Command, argument?: string): Promise<string | null> {
  const { registry } = command.optsWithGlobals<{ registry?: string }>();
  const named = argument ?? registry;
  if (named !== undefined) return parseRegistry(named);
  return namedByEnvironment() ?? (await readConfig()).current;
}

/**
 * The API with SLIPWAY_TOKEN, else with the login that is kept for this registry, else without credentials. The token is for one
 * registry, so another that `--registry` names, by a slip or somebody's advice, does not get it.
 */
export async function connect(command: Command): Promise<Api> {
  const registry = await registryOf(command);
  return new Api(registry, await credentialsFor(registry));
}

export interface PasswordOptions {
  readonly user?: string;
  readonly passwordStdin?: true;
}

/** Adds the options to commands that create what may last longer than the login. */
export function passwordOptions(command: Command): Command {
  return userOption(command).option("--password-stdin", "read that password from standard input");
}

/** Adds -u alone, for commands whose --password-stdin reads another password as well. */
export function userOption(command: Command): Command {
  return command.option(
    "-u, --user <name>",
    "do this with the password of this user, not with the login",
  );
}

/**
 * How long something lasts that a command makes: "endless" for what does not end by itself, such as a role; for a secret the days
 * that it is to hold, undefined for as long as is usual. The registry makes a secret without days end with the credentials.
 */
export type Lasting = "endless" | number | "never" | undefined;

const DAY_MS = 86_400_000;

/**
 * The API with a password where one is needed: a token makes nothing that lasts longer than itself (docs/access.md, "What
 * credentials can make"). It is asked for before anything is sent, as each refusal is an entry of the audit log.
 */
export async function connectAs(
  options: PasswordOptions,
  command: Command,
  lasting?: Lasting,
): Promise<Api> {
  const { user, passwordStdin } = options;
  if (user !== undefined) {
    const registry = await registryOf(command);
    warnIfClear(registry, "password");
    const password = await readPassword({ registry, user, passwordStdin });
    return new Api(registry, { user, password });
  }
  if (passwordStdin === true) command.error("whose password? Give -u USER");
  const api = await connect(command);
  return lasting === undefined ? api : outlasting(api, lasting);
}

/** @returns the same where its credentials suffice */
export async function outlasting(api: Api, lasting: Lasting): Promise<Api> {
  // A registry that one has no login at has no say in what is asked here: any could want a password of somebody.
  if (api.credentials === null || "user" in api.credentials) return api;
  const { name, via, expires } = await whoAmI(api);
  if (via !== "token" || expires === null) return api;
  const end = typeof lasting === "number" ? Date.now() + lasting * DAY_MS : Infinity;
  if (end <= Date.parse(expires)) return api;
  const why = `what this makes lasts longer than your login, which ends on ${date(expires)}`;
  if (!canAsk()) throw new CliError(why, { code: "NEEDS_PASSWORD", hint: PASSWORD_HINT });
  note(`${why}: give your password`);
  warnIfClear(api.registry, "password");
  const password = await readPassword({ registry: api.registry, user: name });
  return new Api(api.registry, { user: name, password });
}

/** Credentials that travel in clear text are sent all the same: a registry in one's own network may have nothing else. */
export function warnIfClear(registry: string, what: "password" | "token"): void {
  if (!isClear(registry)) return;
  warn(
    `${registry} is not https: the ${what} travels in clear text, and everyone on the way can read it`,
  );
}

async function credentialsFor(registry: string): Promise<Credentials | null> {
  const { current, logins } = await readConfig();
  const token = process.env["SLIPWAY_TOKEN"]?.trim();
  const login = logins[registry];
  if (!token) return login === undefined ? null : { token: login.token, source: "login" };
  const owner = namedByEnvironment() ?? current;
  if (owner === registry) {
    warnIfClear(registry, "token");
    return { token, source: "SLIPWAY_TOKEN" };
  }
  if (login !== undefined) return { token: login.token, source: "login" };
  const whose = owner === null ? "it is not said which registry it is for" : `it is for ${owner}`;
  throw new CliError(`SLIPWAY_TOKEN was not sent to ${registry}, as ${whose}`, {
    code: "TOKEN_NOT_SENT",
    hint: `Set SLIPWAY_REGISTRY=${registry}, or log in there: ${copyable(`slipway login ${registry}`)}`,
  });
}

export function namedByEnvironment(): string | undefined {
  const named = process.env["SLIPWAY_REGISTRY"];
  return named ? parseRegistry(named) : undefined;
}
