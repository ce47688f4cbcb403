import type { Command } from "commander";
import { connect, connectAs, type PasswordOptions, passwordOptions } from "./connection.ts";
import { type Columns, date, disabledSince, Output, until } from "./output.ts";
import {
  expiry,
  type MemberName,
  parseExpiry,
  parseMemberName,
  requiredScopes,
  type Scope,
  type ScopeOptions,
  scopeOptions,
  showScopes,
} from "./scope.ts";
import { shownOnce } from "./secret.ts";
import type { Issued, Token } from "./token.ts";

interface Robot {
  readonly name: string;
  readonly description: string;
  readonly scopes: readonly Scope[];
  readonly tokens: readonly Token[];
  readonly disabled: boolean;
  readonly disabledAt: string | null;
  readonly disabledBy: string | null;
  readonly createdAt: string;
}

interface CreateOptions extends ScopeOptions, PasswordOptions {
  readonly description?: string;
  readonly expires?: number | "never";
}

interface RotateOptions extends PasswordOptions {
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
  "SECRETS (ID, END, LAST USE)": ({ tokens }) =>
    tokens.map((t) => `${t.id} ${date(t.expiresAt)} ${date(t.lastUsed)}`).join("; "),
  DISABLED: disabledSince,
};

export function addRobotCommands(program: Command): void {
  const robot = program.command("robot").description("Robots: logins for machines.");
  const create = robot
    .command("create")
    .description("Make a robot and its first secret.")
    .argument("<name>", "as acme+ci", parseMemberName)
    .option("--description <text>", "what it is for")
    .option("--expires <days>", "when its secret ends: 90d, or never", parseExpiry);
  scopeOptions(passwordOptions(create)).action(createRobot);
  robot
    .command("list")
    .description("The robots of a namespace.")
    .argument("<namespace>")
    .action(listRobots);
  const rotate = robot
    .command("rotate")
    .description("Make one more secret; with --remove delete an old one instead.")
    .argument("<name>", "as acme+ci", parseMemberName)
    .option("--expires <days>", "when the new secret ends: 90d, or never", parseExpiry)
    .option("--remove <id>", "the secret to delete, once nothing uses it any more");
  passwordOptions(rotate).action(rotateRobot);
  const set = robot
    .command("set")
    .description("Let a secret end at another time than it was made for.")
    .argument("<name>", "as acme+ci", parseMemberName)
    .requiredOption("--secret <id>", "which one, of robot list")
    .requiredOption("--expires <days>", "when it ends, from now: 90d, or never", parseExpiry);
  passwordOptions(set).action(setSecret);
  robot
    .command("disable")
    .description("Shut a robot out until it is enabled again; nothing is deleted.")
    .argument("<name>", "as acme+ci", parseMemberName)
    .action(disableRobot);
  const enable = robot
    .command("enable")
    .description("Let a disabled robot in again.")
    .argument("<name>", "as acme+ci", parseMemberName);
  passwordOptions(enable).action(enableRobot);
  robot
    .command("delete")
    .description("Delete a robot with all of its secrets.")
    .argument("<name>", "as acme+ci", parseMemberName)
    .action(deleteRobot);
}

async function createRobot(name: MemberName, options: CreateOptions, command: Command) {
  const scopes = requiredScopes(options, command);
  const api = await connectAs(options, command);
  const made = await api.send<Robot & Issued>("POST", robotsPath(name.namespace), {
    name: name.short,
    scopes,
    ...(options.description === undefined ? {} : { description: options.description }),
    ...expiry(options.expires),
  });
  const end = until(made.tokens[0]?.expiresAt ?? null);
  const title = `Robot ${made.name} was made: ${showScopes(made.scopes)}. Its secret holds ${end}.`;
  const usage = { title, kind: "secret", host: api.host, user: made.name } as const;
  new Output(command).answer(made, shownOnce(made.secret, usage));
}

async function listRobots(namespace: string, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const items = api.list<Robot>(robotsPath(namespace));
  await new Output(command).list({ items, columns: COLUMNS, none: `${namespace} has no robots.` });
}

async function rotateRobot(name: MemberName, options: RotateOptions, command: Command) {
  const api = await connectAs(options, command);
  const output = new Output(command);
  const full = `${name.namespace}+${name.short}`;
  const path = `${robotPath(name)}/tokens`;
  if (options.remove !== undefined) {
    await api.remove(`${path}/${encodeURIComponent(options.remove)}`);
    return output.done(`Secret ${options.remove} of ${full} was deleted.`);
  }
  const made = await api.send<Issued>("POST", path, expiry(options.expires));
  const title = `Robot ${full} has one more secret, ${made.id}, which holds ${until(made.expiresAt)}.`;
  const usage = { title, kind: "secret", host: api.host, user: full } as const;
  const next = "Once nothing uses the old one any more, delete it with --remove ID (robot list).";
  output.answer(made, `${shownOnce(made.secret, usage)}\n\n${next}`);
}

async function setSecret(name: MemberName, options: SetOptions, command: Command): Promise<void> {
  const api = await connectAs(options, command);
  const path = `${robotPath(name)}/tokens/${encodeURIComponent(options.secret)}`;
  const secret = await api.send<Token>("PATCH", path, expiry(options.expires));
  const whose = `${name.namespace}+${name.short}`;
  new Output(command).answer(
    secret,
    `Secret ${secret.id} of ${whose} holds ${until(secret.expiresAt)}.`,
  );
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
  const api = await connectAs(options, command);
  const robot = await api.send<Robot>("PATCH", robotPath(name), { disabled: false });
  new Output(command).answer(robot, `Robot ${robot.name} can log in again.`);
}

async function deleteRobot(name: MemberName, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  await api.remove(robotPath(name));
  new Output(command).done(`Robot ${name.namespace}+${name.short} was deleted.`);
}

function robotsPath(namespace: string): string {
  return `/namespaces/${encodeURIComponent(namespace)}/robots`;
}

function robotPath({ namespace, short }: MemberName): string {
  return `${robotsPath(namespace)}/${encodeURIComponent(short)}`;
}
