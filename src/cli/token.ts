import { hostname } from "node:os";
import type { Command } from "commander";
import { connect, connectAs, type PasswordOptions, passwordOptions } from "./connection.ts";
import { confirmDestruction, undoText, yesOption, type YesOption } from "./destroy.ts";
import { whoAmI } from "./me.ts";
import { doubtNamespaces } from "./near.ts";
import { type Columns, date, Output, until } from "./output.ts";
import {
  expiry,
  parseExpiry,
  type ScopeOptions,
  scopeOptions,
  scopesOf,
  showScopes,
} from "./scope.ts";
import { shownOnce } from "./secret.ts";
import type { MadeToken, Token } from "../api/schema/accounts.ts";

interface CreateOptions extends ScopeOptions, PasswordOptions {
  readonly description: string;
  readonly expires?: number | "never";
}

interface SetOptions extends PasswordOptions {
  readonly expires: number | "never";
}

const COLUMNS: Columns<Token> = {
  ID: ({ id }) => id,
  DESCRIPTION: ({ description }) => description,
  SCOPES: ({ scopes }) => showScopes(scopes),
  EXPIRES: ({ expiresAt }) => date(expiresAt),
  "LAST USED": ({ lastUsed }) => date(lastUsed),
};

export function addTokenCommands(program: Command): void {
  const token = program.command("token").description("Tokens: your own passwords with limits.");
  const create = token
    .command("create")
    .description("Create a token. Without a limit it may do all that you may.")
    .option("--description <text>", "what it is for", `made on ${hostname()}`)
    .option("--expires <days>", "90d, or never", parseExpiry);
  scopeOptions(passwordOptions(create)).action(createToken);
  token.command("list").description("List your tokens.").action(listTokens);
  const set = token
    .command("set")
    .description("Change when a token ends.")
    .argument("<id>")
    .requiredOption("--expires <days>", "when it ends, from now: 90d, or never", parseExpiry);
  passwordOptions(set).action(setToken);
  const remove = token
    .command("delete")
    .description("Delete a token; what uses it is refused from then on.")
    .argument("<id>");
  yesOption(remove).action(deleteToken);
}

async function createToken(options: CreateOptions, command: Command): Promise<void> {
  const api = await connectAs(options, command, options.expires);
  const scopes = scopesOf(options);
  const namespaces = scopes.map(({ repositories }) => repositories.split("/")[0] ?? "");
  await doubtNamespaces(api, namespaces, ", so the token gives no rights there");
  const { name } = await whoAmI(api);
  const made = await api.send<MadeToken>("POST", "/tokens", {
    description: options.description,
    ...(scopes.length === 0 ? {} : { scopes }),
    ...expiry(options.expires),
  });
  const rights = scopes.length === 0 ? "all that you may" : showScopes(scopes);
  const title = `Token ${made.id} was created: ${rights}. It holds ${until(made.expiresAt)}.`;
  const usage = { title, kind: "secret", host: api.host, user: name } as const;
  new Output(command).answer(made, shownOnce(made.secret, usage));
}

async function listTokens(_options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const items = api.list<Token>("/tokens");
  await new Output(command).list({ items, columns: COLUMNS, none: "You have no tokens." });
}

async function setToken(id: string, options: SetOptions, command: Command): Promise<void> {
  const api = await connectAs(options, command, options.expires);
  const path = `/tokens/${encodeURIComponent(id)}`;
  const token = await api.send<Token>("PATCH", path, expiry(options.expires));
  new Output(command).answer(token, `Token ${token.id} holds ${until(token.expiresAt)}.`);
}

async function deleteToken(id: string, options: YesOption, command: Command): Promise<void> {
  const destruction = { action: `delete the token ${id}`, undo: null };
  await confirmDestruction(destruction, options, command);
  const api = await connect(command);
  await api.remove(`/tokens/${encodeURIComponent(id)}`);
  const text = `Token ${id} was deleted. ${undoText(destruction)}`;
  new Output(command).answer({ deleted: "token", id }, text);
}
