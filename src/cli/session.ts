import type { Command } from "commander";
import { connect } from "./connection.ts";
import { type Columns, Output, timeColumn } from "./output.ts";
import type { Session } from "../api/schema/sessions.ts";

const COLUMNS: Columns<Session> = {
  ID: { value: ({ id }) => id, isFixed: true },
  ADDRESS: ({ address }) => address,
  "SIGNED IN (UTC)": timeColumn("SIGNED IN", ({ createdAt }) => createdAt),
  "LAST SEEN (UTC)": timeColumn("LAST SEEN", ({ lastSeenAt }) => lastSeenAt),
  BROWSER: ({ agent }) => agent ?? "",
};

export function addSessionCommands(program: Command): void {
  const session = program
    .command("session")
    .description("Sessions: the browsers in which you are signed in.");
  session.command("list").description("List your sessions.").action(listSessions);
  session
    .command("revoke")
    .description("End a session; its browser has to sign in again.")
    .argument("<id>")
    .action(revokeSession);
}

async function listSessions(_options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const items = api.list<Session>("/sessions");
  const none = "No browser is signed in as you.";
  await new Output(command).list({ items, columns: COLUMNS, none });
}

async function revokeSession(id: string, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  await api.remove(`/sessions/${encodeURIComponent(id)}`);
  new Output(command).answer({ revoked: "session", id }, `Session ${id} has ended.`);
}
