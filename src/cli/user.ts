import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { Api } from "./api.ts";
import {
  connect,
  connectAs,
  type Lasting,
  outlasting,
  type PasswordOptions,
  passwordOptions,
  registryOf,
  userOption,
  warnIfClear,
} from "./connection.ts";
import { confirmDestruction, undoText, yesOption, type YesOption } from "./destroy.ts";
import { unlessLastOwner, withQuery } from "./last-owner.ts";
import { whoAmI } from "./me.ts";
import { type Columns, date, disabledSince, Output } from "./output.ts";
import { askHidden, askNewPassword, canAsk, linesOfStdin } from "./prompt.ts";
import { shownOnce } from "./secret.ts";
import type { User } from "../api/schema/accounts.ts";

interface CreateOptions extends PasswordOptions {
  readonly admin?: true;
}

const COLUMNS: Columns<User> = {
  NAME: ({ name }) => name,
  ADMINISTRATOR: ({ admin }) => (admin ? "yes" : "no"),
  // The built-in administrator was never made.
  CREATED: ({ createdAt }) => (Date.parse(createdAt) === 0 ? "built in" : date(createdAt)),
  DISABLED: disabledSince,
};

export function addUserCommands(program: Command): void {
  const user = program.command("user").description("Users: the people who log in.");
  const named = (verb: string, description: string) =>
    user.command(verb).description(description).argument("<name>");
  const create = named("create", "Create a user. Without a password one is generated and shown.")
    .option("--admin", "an administrator")
    .option(
      "--password-stdin",
      "read the new user's password from standard input, after that of -u",
    );
  userOption(create).action(createUser);
  user.command("list").description("List all users.").action(listUsers);
  const disable = "Shut a user out, tokens included, until enabled again; nothing is deleted.";
  yesOption(named("disable", disable), ", even if a namespace loses its last owner").action(
    disableUser,
  );
  passwordOptions(named("enable", "Let a disabled user in again.")).action(enableUser);
  const remove = named("delete", "Delete a user, with the tokens and memberships.");
  yesOption(remove, ", even if a namespace loses its last owner").action(deleteUser);
  const password = user
    .command("password")
    .description("Change your own password, or as an administrator that of a user.")
    .argument("[name]", "the user (else yourself)")
    .option(
      "--password-stdin",
      "read it from standard input, after that of -u or your current one",
    );
  userOption(password).action(changePassword);
}

async function createUser(name: string, options: CreateOptions, command: Command): Promise<void> {
  const api = await connectBy(options, command);
  const given = await newPassword(options, `Password of ${name}`);
  const password = given === "" ? randomBytes(18).toString("base64url") : given;
  const admin = options.admin === true;
  const user = await api.send<User>("POST", "/users", { name, password, admin });
  const title = `${admin ? "Administrator" : "User"} ${name} was created.`;
  const output = new Output(command);
  if (given !== "") return output.answer(user, title);
  const usage = { title, kind: "password", host: api.host, user: name } as const;
  output.answer({ ...user, password }, shownOnce(password, usage));
}

/** Without -u, --password-stdin says the new password alone. */
async function connectBy(options: PasswordOptions, command: Command): Promise<Api> {
  const lasting: Lasting = "endless";
  if (options.user !== undefined) return connectAs(options, command, lasting);
  return outlasting(await connect(command), lasting);
}

/** @returns "" where nobody said one */
async function newPassword(options: PasswordOptions, whose: string): Promise<string> {
  if (options.passwordStdin !== true) {
    return canAsk() ? askNewPassword(whose, "one is generated") : "";
  }
  const [password = ""] = await linesOfStdin(["new password"]);
  return password;
}

async function listUsers(_options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const items = api.list<User>("/users");
  await new Output(command).list({ items, columns: COLUMNS, none: "There are no users." });
}

async function disableUser(name: string, options: YesOption, command: Command): Promise<void> {
  const api = await connect(command);
  const user = await unlessLastOwner(name, options, (query) =>
    api.send<User>("PATCH", withQuery(userPath(name), query), { disabled: true }),
  );
  new Output(command).answer(
    user,
    `User ${name} is disabled; what was logged in ends in a minute.`,
  );
}

async function enableUser(name: string, options: PasswordOptions, command: Command) {
  const api = await connectAs(options, command, "endless");
  const user = await api.send<User>("PATCH", userPath(name), { disabled: false });
  new Output(command).answer(user, `User ${name} can log in again.`);
}

async function deleteUser(name: string, options: YesOption, command: Command): Promise<void> {
  const destruction = { action: `delete the user ${name}, with all tokens and roles`, undo: null };
  await confirmDestruction(destruction, options, command);
  const api = await connect(command);
  await unlessLastOwner(name, options, (query) => api.remove(userPath(name), query));
  const text = `User ${name} was deleted. ${undoText(destruction)}`;
  new Output(command).answer({ deleted: "user", name }, text);
}

async function changePassword(
  name: string | undefined,
  options: PasswordOptions,
  command: Command,
): Promise<void> {
  if (name === undefined) return changeOwnPassword(options, command);
  const api = await connectBy(options, command);
  const [password = ""] =
    options.passwordStdin === true
      ? await linesOfStdin(["new password"])
      : [await askNewPassword(`New password of ${name}`)];
  const user = await api.send<User>("PATCH", userPath(name), { password });
  new Output(command).answer(user, `The password of ${name} was changed.`);
}

function userPath(name: string): string {
  return `/users/${encodeURIComponent(name)}`;
}

/** A token is not enough for that: who found one could lock its owner out. */
async function changeOwnPassword(options: PasswordOptions, command: Command): Promise<void> {
  const registry = await registryOf(command);
  const name = options.user ?? (await whoAmI(await connect(command))).name;
  warnIfClear(registry, "password");
  const [current = "", password = ""] =
    options.passwordStdin === true
      ? await linesOfStdin(["current password", "new password"])
      : [await askHidden("Current password: "), await askNewPassword("New password")];
  const byPassword = new Api(registry, { user: name, password: current });
  const answer = await byPassword.send("PUT", "/me/password", { current, password });
  new Output(command).answer(answer ?? { changed: "password", name }, "Your password was changed.");
}
