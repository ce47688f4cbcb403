import { Argument, type Command } from "commander";
import { connect, connectAs, type PasswordOptions, passwordOptions } from "./connection.ts";
import { confirmDestruction, undoText, yesOption, type YesOption } from "./destroy.ts";
import { unlessLastOwner, withQuery } from "./last-owner.ts";
import { type Columns, date, Output } from "./output.ts";
import type { Member } from "../api/schema/namespaces.ts";

interface MemberOptions extends YesOption {
  readonly repositories?: string;
}

type SetOptions = MemberOptions & PasswordOptions;

const COLUMNS: Columns<Member> = {
  USER: ({ user }) => user,
  ROLE: ({ role }) => role,
  REPOSITORIES: ({ repositories }) => repositories,
  SINCE: ({ createdAt }) => date(createdAt),
};

const LAST_OWNER = ", even if the namespace loses its last owner";

export function addMemberCommands(program: Command): void {
  const member = program
    .command("member")
    .description("Members: which users may do what in a namespace.");
  const set = member
    .command("set")
    .description("Give a user a role in a namespace, or on the repositories that a glob names.")
    .argument("<namespace>")
    .argument("<user>")
    .addArgument(
      new Argument(
        "<role>",
        "reader: pull; writer: push; maintainer: delete; owner: decide",
      ).choices(["reader", "writer", "maintainer", "owner"]),
    )
    .option("--repositories <glob>", "of which repositories (default: all in the namespace)");
  yesOption(passwordOptions(set), LAST_OWNER).action(
    async (namespace: string, user: string, role: Member["role"], ...rest) =>
      setMember({ namespace, user, role }, ...(rest as [SetOptions, Command])),
  );
  member
    .command("list")
    .description("List who has a role in a namespace.")
    .argument("<namespace>")
    .action(listMembers);
  const remove = member
    .command("remove")
    .description("Take a user's roles in a namespace away.")
    .argument("<namespace>")
    .argument("<user>")
    .option("--repositories <glob>", "only the role of this glob");
  yesOption(remove, LAST_OWNER).action(removeMember);
}

async function setMember(
  { namespace, user, role }: Pick<Member, "user" | "role"> & { readonly namespace: string },
  options: SetOptions,
  command: Command,
): Promise<void> {
  const api = await connectAs(options, command, "endless");
  const { repositories } = options;
  const body = repositories === undefined ? { role } : { role, repositories };
  const path = memberPath(namespace, user);
  const member = await unlessLastOwner(user, options, (query) =>
    api.send<Member>("PUT", withQuery(path, query), body),
  );
  new Output(command).answer(member, `${user} is now ${role} of ${member.repositories}.`);
}

async function listMembers(namespace: string, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const items = api.list<Member>(`/namespaces/${encodeURIComponent(namespace)}/members`);
  await new Output(command).list({ items, columns: COLUMNS, none: `${namespace} has no members.` });
}

async function removeMember(
  namespace: string,
  user: string,
  options: MemberOptions,
  command: Command,
): Promise<void> {
  const { repositories } = options;
  const again = `slipway member set ${namespace} ${user} ROLE${repositories === undefined ? "" : ` --repositories '${repositories}'`}`;
  const destruction = {
    action: `take from ${user} ${repositories === undefined ? `all roles in ${namespace}` : `the role of ${repositories}`}`,
    undo: { command: again },
  };
  await confirmDestruction(destruction, options, command);
  const api = await connect(command);
  await unlessLastOwner(user, options, (query) =>
    api.remove(memberPath(namespace, user), { repositories, ...query }),
  );
  const text = `${user} no longer has a role of ${repositories ?? namespace}. ${undoText(destruction)}`;
  const done = { deleted: "role", user, repositories: repositories ?? `${namespace}/*` };
  new Output(command).answer(done, text);
}

function memberPath(namespace: string, user: string): string {
  return `/namespaces/${encodeURIComponent(namespace)}/members/${encodeURIComponent(user)}`;
}
