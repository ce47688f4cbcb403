import type { Command } from "commander";
import { connect, connectAs, type PasswordOptions, passwordOptions } from "./connection.ts";
import { confirmDestruction, undoText, yesOption, type YesOption } from "./destroy.ts";
import { type Columns, date, disabledSince, Output, until } from "./output.ts";
import {
  expiry,
  type MemberName,
  parseExpiry,
  parseMemberName,
  requiredScopes,
  type ScopeOptions,
  scopeOptions,
  showScopes,
} from "./scope.ts";
import { shownOnce } from "./secret.ts";
import type { MadeRobot, MadeRobotToken, Robot, RobotToken } from "../api/schema/accounts.ts";
import { copyable } from "./sentence.ts";

interface CreateOptions extends ScopeOptions, PasswordOptions {
  readonly description?: string;
  readonly expires?: number | "never";
}

interface RotateOptions extends PasswordOptions, YesOption {
  readonly expires?: number | "never";
  readonly remove?: string;
}

interface SetOptions extends PasswordOptions {
  readonly secret: string;
  readonly expires: number | "never";
}

const COLUMNS: Columns<Robot> = {
  NAME: ({ name }) => name,
  DESCRIPTION: ({ description }) => description,
  SCOPES: ({ scopes }) => showScopes(scopes),
  "SECRETS (ID, END, LAST USE)": {
    value: ({ tokens }) =>
      tokens.map((t) => `${t.id} ${date(t.expiresAt)} ${date(t.lastUsed)}`).join("; "),
    isDetail: true,
  },
  DISABLED: disabledSince,
};

const SECRETS: Columns<RobotToken> = {
  "SECRET (ID)": ({ id }) => id,
  DESCRIPTION: ({ description }) => description,
  CREATED: ({ createdAt }) => date(createdAt),
  EXPIRES: ({ expiresAt }) => date(expiresAt),
  "LAST USED": ({ lastUsed }) => date(lastUsed),
};

export function addRobotCommands(program: Command): void {
  const robot = program.command("robot").description("Robots: accounts for machines.");
  const named = (verb: string, description: string) =>
    robot
      .command(verb)
      .description(description)
      .argument("<name>", "such as acme+ci", parseMemberName);
  const create = named("create", "Create a robot and its first secret.")
    .option("--description <text>", "what it is for")
    .option("--expires <days>", "when its secret ends: 90d, or never", parseExpiry);
  scopeOptions(passwordOptions(create)).action(createRobot);
  robot
    .command("list")
    .description("List the robots of a namespace.")
    .argument("<namespace>")
    .action(listRobots);
  named("show", "Show a robot, with its secrets' ids and ends.").action(showRobot);
  const rotate = named("rotate", "Create one more secret; with --remove delete an old one instead.")
    .option("--expires <days>", "when the new secret ends: 90d, or never", parseExpiry)
    .option("--remove <id>", "the secret to delete, once nothing uses it any more");
  yesOption(passwordOptions(rotate)).action(rotateRobot);
  const set = named("set", "Change when a secret ends.")
    .requiredOption("--secret <id>", "which one: an id of slipway robot show")
    .requiredOption("--expires <days>", "when it ends, from now: 90d, or never", parseExpiry);
  passwordOptions(set).action(setSecret);
  named("disable", "Shut a robot out until it is enabled again; nothing is deleted.").action(
    disableRobot,
  );
  passwordOptions(named("enable", "Let a disabled robot in again.")).action(enableRobot);
  yesOption(named("delete", "Delete a robot with all of its secrets.")).action(deleteRobot);
}

async function createRobot(name: MemberName, options: CreateOptions, command: Command) {
  const scopes = requiredScopes(options, command);
  const api = await connectAs(options, command, options.expires);
  const made = await api.send<MadeRobot>("POST", robotsPath(name.namespace), {
    name: name.short,
    scopes,
    ...(options.description === undefined ? {} : { description: options.description }),
    ...expiry(options.expires),
  });
  const end = until(made.tokens[0]?.expiresAt ?? null);
  const title = `Robot ${made.name} was created: ${showScopes(made.scopes)}. Its secret holds ${end}.`;
  const usage = { title, kind: "secret", host: api.host, user: made.name } as const;
  new Output(command).answer(made, shownOnce(made.secret, usage));
}

async function listRobots(namespace: string, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const items = api.list<Robot>(robotsPath(namespace));
  await new Output(command).list({ items, columns: COLUMNS, none: `${namespace} has no robots.` });
}

async function showRobot(name: MemberName, _options: object, command: Command): Promise<void> {
  const robot = await (await connect(command)).get<Robot>(robotPath(name));
  const output = new Output(command);
  const summary = output.details({
    name: robot.name,
    description: robot.description,
    scopes: showScopes(robot.scopes),
    created: date(robot.createdAt),
    disabled: disabledSince(robot),
  });
  output.answer(robot, summary, output.table(robot.tokens, SECRETS));
}

async function rotateRobot(name: MemberName, options: RotateOptions, command: Command) {
  const { remove } = options;
  if (remove !== undefined) return removeSecret(name, remove, { options, command });
  const api = await connectAs(options, command, options.expires);
  const full = fullName(name);
  const made = await api.send<MadeRobotToken>(
    "POST",
    `${robotPath(name)}/tokens`,
    expiry(options.expires),
  );
  const title = `Robot ${full} has one more secret, ${made.id}, which holds ${until(made.expiresAt)}.`;
  const usage = { title, kind: "secret", host: api.host, user: full } as const;
  const next = `The old secret holds on. Once nothing uses it any more, delete it:

  ${copyable(`slipway robot show ${full}                  # lists the ids`)}
  ${copyable(`slipway robot rotate ${full} --remove ID`)}`;
  new Output(command).answer(made, shownOnce(made.secret, usage), next);
}

async function removeSecret(
  name: MemberName,
  id: string,
  { options, command }: { readonly options: RotateOptions; readonly command: Command },
): Promise<void> {
  const full = fullName(name);
  const destruction = { action: `delete the secret ${id} of ${full}`, undo: null };
  await confirmDestruction(destruction, options, command);
  const api = await connectAs(options, command);
  await api.remove(`${robotPath(name)}/tokens/${encodeURIComponent(id)}`);
  const text = `Secret ${id} of ${full} was deleted. ${undoText(destruction)}`;
  new Output(command).answer({ deleted: "secret", id, name: full }, text);
}

async function setSecret(name: MemberName, options: SetOptions, command: Command): Promise<void> {
  const api = await connectAs(options, command, options.expires);
  const path = `${robotPath(name)}/tokens/${encodeURIComponent(options.secret)}`;
  const secret = await api.send<RobotToken>("PATCH", path, expiry(options.expires));
  const text = `Secret ${secret.id} of ${fullName(name)} holds ${until(secret.expiresAt)}.`;
  new Output(command).answer(secret, text);
}

async function disableRobot(name: MemberName, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const robot = await api.send<Robot>("PATCH", robotPath(name), { disabled: true });
  new Output(command).answer(
    robot,
    `Robot ${robot.name} is disabled; what was logged in ends in a minute.`,
  );
}

async function enableRobot(name: MemberName, options: PasswordOptions, command: Command) {
  const api = await connectAs(options, command, "endless");
  const robot = await api.send<Robot>("PATCH", robotPath(name), { disabled: false });
  new Output(command).answer(robot, `Robot ${robot.name} can log in again.`);
}

async function deleteRobot(name: MemberName, options: YesOption, command: Command): Promise<void> {
  const full = fullName(name);
  const destruction = { action: `delete the robot ${full} with all of its secrets`, undo: null };
  await confirmDestruction(destruction, options, command);
  const api = await connect(command);
  await api.remove(robotPath(name));
  const text = `Robot ${full} was deleted. ${undoText(destruction)}`;
  new Output(command).answer({ deleted: "robot", name: full }, text);
}

function fullName({ namespace, short }: MemberName): string {
  return `${namespace}+${short}`;
}

function robotsPath(namespace: string): string {
  return `/namespaces/${encodeURIComponent(namespace)}/robots`;
}

function robotPath({ namespace, short }: MemberName): string {
  return `${robotsPath(namespace)}/${encodeURIComponent(short)}`;
}
