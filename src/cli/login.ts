import { hostname } from "node:os";
import type { Command } from "commander";
import { Api } from "./api.ts";
import { configFile, forgetLogin, type Login, readConfig, saveLogin } from "./config.ts";
import { connect, registryOf, warnIfClear } from "./connection.ts";
import { CliError } from "./error.ts";
import { date, details, Output } from "./output.ts";
import { readPassword } from "./prompt.ts";
import { expiry, parseExpiry, type Scope, showScopes } from "./scope.ts";
import type { Issued } from "./token.ts";

export interface Me {
  readonly name: string;
  readonly via: string;
  readonly admin: boolean;
  readonly roles: readonly { readonly repositories: string; readonly role: string }[];
  readonly scopes: readonly Scope[] | null;
  readonly expires: string | null;
}

interface LoginOptions {
  readonly user: string;
  readonly passwordStdin?: true;
  readonly expires?: number | "never";
}

/** What every secret of the registry begins with. */
const SECRET = "slp_";

export function addLoginCommands(program: Command): void {
  program
    .command("login")
    .description("Log in: makes a token for this machine.")
    .argument("[registry]", "its host, as registry.example.com or localhost:8787")
    .requiredOption("-u, --user <name>", "the user, or the robot whose secret is given")
    .option("--password-stdin", "read the password from standard input")
    .option("--expires <days>", "when the token ends: 30d, or never (default: 90d)", parseExpiry)
    .action(logIn);
  program
    .command("logout")
    .description("Delete the token that the login made, and forget it.")
    .argument("[registry]", "the registry (else the last login's)")
    .action(logOut);
  program
    .command("whoami")
    .description("Who the registry takes you for, and what you may do.")
    .action(showMe);
}

async function logIn(argument: string | undefined, options: LoginOptions, command: Command) {
  const registry = await registryOf(command, argument);
  warnIfClear(registry, "password");
  const { user } = options;
  const password = await readPassword({ ...options, registry });
  const api = new Api(registry, { user, password });
  // A secret is a login already; from a robot's no token could be made.
  const { login, answer, expires } = password.startsWith(SECRET)
    ? await keepSecret(api, password)
    : await makeToken(api, options);
  const { logins } = await readConfig();
  await saveLogin(registry, login);
  const before = logins[registry];
  if (before !== undefined && before.token !== login.token) await revoke(registry, before);
  const until = expires === null ? "" : ` until ${date(expires)}`;
  new Output(command).answer(
    answer,
    `Logged in to ${api.host} as ${login.user}${until}. The token is in ${configFile()}.`,
  );
}

interface Made {
  readonly login: Login;
  /** What the API said, without the secret: that is in the file alone. */
  readonly answer: object;
  readonly expires: string | null;
}

async function makeToken(api: Api, { user, expires }: LoginOptions): Promise<Made> {
  const { secret, ...answer } = await api.send<Issued>("POST", "/tokens", {
    description: `slipway on ${hostname()}`,
    ...expiry(expires),
  });
  const login = { user, token: secret, tokenId: answer.id };
  return { login, answer, expires: answer.expiresAt };
}

async function keepSecret(api: Api, token: string): Promise<Made> {
  const answer = await api.get<Me>("/me");
  return { login: { user: answer.name, token, tokenId: null }, answer, expires: answer.expires };
}

async function logOut(argument: string | undefined, _options: object, command: Command) {
  const registry = await registryOf(command, argument);
  const { logins } = await readConfig();
  const login = logins[registry];
  if (login === undefined) throw new CliError(`you are not logged in to ${registry}`);
  await revoke(registry, login);
  await forgetLogin(registry);
  new Output(command).done(`Logged out of ${new URL(registry).host}.`);
}

/** Deletes the token that a login made, unless it has ended by itself. */
async function revoke(registry: string, { token, tokenId }: Login): Promise<void> {
  if (tokenId === null) return;
  try {
    await new Api(registry, { token }).remove(`/tokens/${encodeURIComponent(tokenId)}`);
  } catch (error) {
    const isGone = error instanceof CliError && (error.status === 401 || error.status === 404);
    if (!isGone) throw error;
  }
}

async function showMe(_options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const me = await api.get<Me>("/me");
  const text = details({
    registry: api.host,
    name: me.name,
    "logged in by": me.via,
    administrator: me.admin ? "yes" : "no",
    roles: me.roles.map(({ repositories, role }) => `${role} of ${repositories}`).join("; "),
    "limited to": me.scopes === null ? "" : showScopes(me.scopes),
    "logged in until": me.expires === null ? "" : date(me.expires),
  });
  new Output(command).answer(me, text);
}
