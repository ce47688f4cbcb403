import { hostname } from "node:os";
import type { Command } from "commander";
import { Api } from "./api.ts";
import { connect, registryOf } from "./connection.ts";
import type { Me } from "./login.ts";
import { type Columns, date, Output, until } from "./output.ts";
import {
  expiry,
  parseExpiry,
  type Scope,
  type ScopeOptions,
  scopeOptions,
  scopesOf,
  showScopes,
} from "./scope.ts";
import { readPassword } from "./prompt.ts";
import { shownOnce } from "./secret.ts";

export interface Token {
  readonly id: string;
  readonly description: string;
  readonly expiresAt: string | null;
  readonly lastUsed: string | null;
  readonly createdAt: string;
}

interface UserToken extends Token {
  readonly scopes: readonly Scope[];
}

/** As it is answered once, when it is made. */
export interface Issued extends Token {
  readonly secret: string;
}

interface CreateOptions extends ScopeOptions {
  readonly description: string;
  readonly expires?: number | "never";
  readonly user?: string;
  readonly passwordStdin?: true;
}

const COLUMNS: Columns<UserToken> = {
  ID: ({ id }) => id,
  DESCRIPTION: ({ description }) => description,
  SCOPES: ({ scopes }) => showScopes(scopes),
  EXPIRES: ({ expiresAt }) => date(expiresAt),
  "LAST USED": ({ lastUsed }) => date(lastUsed),
};

export function addTokenCommands(program: Command): void {
  const token = program.command("token").description("Your own tokens: passwords with limits.");
  const create = token
    .command("create")
    .description("Make a token. Without a limit it may do all that you may.")
    .option("--description <text>", "what it is for", `made on ${hostname()}`)
    .option("--expires <days>", "90d, or never", parseExpiry)
    .option("-u, --user <name>", "log in with a password, for a token that outlives the login's")
    .option("--password-stdin", "read that password from standard input");
  scopeOptions(create).action(createToken);
  token.command("list").description("The tokens that you have.").action(listTokens);
  token
    .command("delete")
    .description("Delete a token; what uses it is refused from then on.")
    .argument("<id>")
    .action(deleteToken);
}

async function createToken(options: CreateOptions, command: Command): Promise<void> {
  const api = await issuer(options, command);
  const scopes = scopesOf(options);
  const { name } = await api.get<Me>("/me");
  const made = await api.send<Issued>("POST", "/tokens", {
    description: options.description,
    ...(scopes.length === 0 ? {} : { scopes }),
    ...expiry(options.expires),
  });
  new Output(command).answer(
    made,
    shownOnce(made.secret, {
      title: `Token ${made.id} was made; it holds ${until(made.expiresAt)}.`,
      kind: "secret",
      host: api.host,
      user: name,
    }),
  );
}

/** What a token makes ends no later than the token itself; a password makes whatever is asked for. */
async function issuer(options: CreateOptions, command: Command): Promise<Api> {
  const { user, passwordStdin } = options;
  if (user !== undefined) {
    const registry = await registryOf(command);
    return new Api(registry, { user, password: await readPassword({ user, passwordStdin }) });
  }
  if (passwordStdin === true) command.error("slipway: whose password? Give -u USER");
  return connect(command);
}

async function listTokens(_options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const items = api.list<UserToken>("/tokens");
  await new Output(command).list({ items, columns: COLUMNS, none: "You have no tokens." });
}

async function deleteToken(id: string, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  await api.remove(`/tokens/${encodeURIComponent(id)}`);
  new Output(command).done(`Token ${id} was deleted.`);
}
