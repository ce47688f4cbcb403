import { hostname } from "node:os";
import type { Command } from "commander";
import { Api } from "./api.ts";
import { configFile, forgetLogin, type Login, readConfig, saveLogin } from "./config.ts";
import { connect, namedRegistry, registryOf, warnIfClear } from "./connection.ts";
import { CliError } from "./error.ts";
import { whoAmI } from "./me.ts";
import { date, Output } from "./output.ts";
import { askLine, canAsk, readPassword } from "./prompt.ts";
import { parseRegistry } from "./registry-url.ts";
import { expiry, parseExpiry, showScopes } from "./scope.ts";
import type { MadeToken, Me } from "../api/schema/accounts.ts";

interface LoginOptions {
  readonly user?: string;
  readonly passwordStdin?: true;
  readonly expires?: number | "never";
}

/** The beginning of every secret of the registry. */
const SECRET = "slp_";

export function addLoginCommands(program: Command): void {
  program
    .command("login")
    .description("Log in: creates a token for this machine. Asks for what is not given.")
    .argument("[registry]", "its host, such as registry.example.com or localhost:8787")
    .option("-u, --user <name>", "the user, or the robot whose secret is given")
    .option("--password-stdin", "read the password from standard input")
    .option("--expires <days>", "when the token ends: 30d, or never (default: 90d)", parseExpiry)
    .action(logIn);
  program
    .command("logout")
    .description("Log out: deletes the token that the login created.")
    .argument("[registry]", "the registry (else the last login's)")
    .action(logOut);
  program
    .command("whoami")
    .description("Show who you are to the registry, and what you may do.")
    .action(showMe);
}

async function logIn(argument: string | undefined, options: LoginOptions, command: Command) {
  const registry = await registryToLogInTo(argument, command);
  const { logins } = await readConfig();
  const before = logins[registry];
  const user = options.user ?? (await askUser(before, command));
  warnIfClear(registry, "password");
  const password = await readPassword({ ...options, user, registry });
  const api = new Api(registry, { user, password });
  // A secret is a login already; from a robot's no token could be made.
  const { login, answer, expires } = password.startsWith(SECRET)
    ? await keepSecret(api, password)
    : await makeToken(api, user, options);
  await saveLogin(registry, login);
  if (before !== undefined && before.token !== login.token) await revoke(registry, before);
  const until = expires === null ? "" : ` until ${date(expires)}`;
  new Output(command).answer(
    answer,
    `Logged in to ${api.host} as ${login.user}${until}. The token is in ${configFile()}.`,
  );
}

async function registryToLogInTo(argument: string | undefined, command: Command): Promise<string> {
  const named = await namedRegistry(command, argument);
  if (named !== null || !canAsk()) return named ?? registryOf(command, argument);
  return parseRegistry(await askLine("Registry, such as registry.example.com: "));
}

async function askUser(before: Login | undefined, command: Command): Promise<string> {
  if (!canAsk()) command.error("whose login? Give -u USER");
  const usual = before === undefined ? "" : ` [${before.user}]`;
  const user = (await askLine(`User${usual}: `)) || before?.user;
  return user ?? command.error("whose login? Give -u USER");
}

interface Made {
  readonly login: Login;
  /** The API's answer without the secret: that is in the file alone. */
  readonly answer: object;
  readonly expires: string | null;
}

async function makeToken(api: Api, user: string, { expires }: LoginOptions): Promise<Made> {
  const { secret, ...answer } = await api.send<MadeToken>("POST", "/tokens", {
    description: `slipway on ${hostname()}`,
    ...expiry(expires),
  });
  const login = { user, token: secret, tokenId: answer.id };
  return { login, answer, expires: answer.expiresAt };
}

async function keepSecret(api: Api, token: string): Promise<Made> {
  const answer: Me = await whoAmI(api);
  return { login: { user: answer.name, token, tokenId: null }, answer, expires: answer.expires };
}

async function logOut(argument: string | undefined, _options: object, command: Command) {
  const registry = await registryOf(command, argument);
  const { logins } = await readConfig();
  const login = logins[registry];
  if (login === undefined) throw new CliError(`you are not logged in to ${registry}`);
  await revoke(registry, login);
  await forgetLogin(registry);
  const { host } = new URL(registry);
  new Output(command).answer({ loggedOut: registry }, `Logged out of ${host}.`);
}

/** Deletes the token that a login made, unless it has ended by itself. */
async function revoke(registry: string, { token, tokenId }: Login): Promise<void> {
  if (tokenId === null) return;
  try {
    await new Api(registry, { token, source: "login" }).remove(
      `/tokens/${encodeURIComponent(tokenId)}`,
    );
  } catch (error) {
    const isGone = error instanceof CliError && (error.status === 401 || error.status === 404);
    if (!isGone) throw error;
  }
}

async function showMe(_options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const me = await whoAmI(api);
  const output = new Output(command);
  const text = output.details({
    registry: api.host,
    name: me.name,
    "logged in by": me.via,
    administrator: me.admin ? "yes" : "no",
    roles: me.roles.map(({ repositories, role }) => `${role} of ${repositories}`).join("; "),
    "limited to": me.scopes === null ? "" : showScopes(me.scopes),
    "logged in until": me.expires === null ? "" : date(me.expires),
  });
  output.answer(me, text);
}
