import type { Command } from "commander";
import { connect } from "./connection.ts";
import { confirmDestruction, type YesOption, yesOption } from "./destroy.ts";
import { UsageError } from "./error.ts";
import { type Columns, Output, print, time } from "./output.ts";
import type { DeadEvent } from "../events/schema.ts";

const DEAD = "/events/dead";

const COLUMNS: Columns<DeadEvent> = {
  ID: { value: ({ id }) => id, isFixed: true },
  ACTION: ({ event }) => event.action,
  OF: ({ event }) => event.repository ?? event.namespace ?? "",
  "SINCE (UTC)": ({ since }) => time(since),
  ERROR: { value: ({ error }) => error, isDetail: true },
};

export function addEventCommands(program: Command): void {
  const events = program
    .command("events")
    .description("Events that a part of the registry failed to receive.");
  events
    .command("dead")
    .description("List them: who failed to receive what, and why.")
    .action(showDead);
  events
    .command("retry")
    .description("Send one again, or all of them.")
    .argument("[id]", "an id of slipway events dead, such as jobs-41")
    .option("--all", "all that there are now")
    .action(retry);
  const dropping = events
    .command("drop")
    .description("Drop one: it is never received.")
    .argument("<id>", "an id of slipway events dead, such as jobs-41");
  yesOption(dropping).action(drop);
}

async function showDead(_options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const items = api.list<DeadEvent>(DEAD);
  await new Output(command).list({ items, columns: COLUMNS, none: "Every event was received." });
}

async function retry(
  id: string | undefined,
  { all = false }: { all?: boolean },
  command: Command,
): Promise<void> {
  if ((id === undefined) !== all) {
    throw new UsageError("name one event, or give --all", "slipway events dead lists them");
  }
  const api = await connect(command);
  const output = new Output(command);
  const ids =
    id === undefined
      ? (await Array.fromAsync(api.list<DeadEvent>(DEAD))).map((dead) => dead.id)
      : [id];
  for (const one of ids) {
    await api.send("POST", `${DEAD}/${encodeURIComponent(one)}/retry`, {});
    if (!output.isJson) print(`${one} is sent again.`);
  }
  if (output.isJson) output.answer({ sent: ids });
  else if (ids.length === 0) print("Every event was received.");
}

async function drop(id: string, options: YesOption, command: Command): Promise<void> {
  const api = await connect(command);
  await confirmDestruction({ action: `drop the event ${id}`, undo: null }, options, command);
  await api.remove(`${DEAD}/${encodeURIComponent(id)}`);
  const output = new Output(command);
  if (output.isJson) output.answer({ dropped: id });
  else print(`${id} is dropped.`);
}
