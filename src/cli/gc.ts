import type { Command } from "commander";
import { connect } from "./connection.ts";
import { CliError } from "./error.ts";
import { type Columns, Output, print, time } from "./output.ts";
import type { GcRun, GcState } from "../gc/schema.ts";
import { copyable } from "./sentence.ts";

type Run = NonNullable<GcRun["run"]>;

/** The queues, each with what waits in it. */
const QUEUES = [
  ["blobs", "blobs without manifest"],
  ["objects", "objects to delete"],
  ["manifests", "deleted manifests"],
  ["repositories", "deleted repositories"],
] as const;

/** The overview counts no further. */
const MAX_COUNTED = 10_000;

interface Row extends Partial<Pick<GcState["objects"], "failing">> {
  readonly waiting: number;
  readonly due: number;
  readonly firstDueAt: string | null;
  readonly what: string;
}

const COLUMNS: Columns<Row> = {
  WAITING: ({ what }) => what,
  COUNT: ({ waiting }) => count(waiting),
  DUE: ({ due }) => count(due),
  FAILING: {
    value: ({ failing }) => (failing === undefined ? "" : count(failing)),
    style: ({ failing = 0 }) => (failing > 0 ? "red" : null),
  },
  "FIRST DUE (UTC)": ({ firstDueAt }) => (firstDueAt === null ? "" : time(firstDueAt)),
};

export function addGcCommands(program: Command): void {
  const gc = program
    .command("gc")
    .description("Garbage collection: it runs by itself, and nobody waits for it.");
  gc.command("status").description("Show what waits for gc, and its last run.").action(status);
  gc.command("run").description("Run gc now, until nothing is due.").action(run);
}

async function status(_options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const overview = await api.get<GcState>("/gc");
  const rows = QUEUES.map(([name, what]) => ({ what, ...overview[name] }));
  const { lastRun, failedAt } = overview;
  const output = new Output(command);
  const last = output.details({
    "last run (UTC)": lastRun === null ? "never" : `${time(lastRun.endedAt)}: ${said(lastRun)}`,
    "failing since (UTC)": failedAt === null ? "" : `${time(failedAt)}; the Worker's log says why`,
  });
  output.answer(overview, output.table(rows, COLUMNS), last);
}

async function run(_options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const output = new Output(command);
  const runs: Run[] = [];
  do {
    const answer = await api.send<GcRun>("POST", "/gc", {});
    if (answer.run === null) {
      const hint = `${copyable("slipway gc status")} shows how far it is`;
      throw new CliError("a run is under way already", { code: "CONFLICT", hint });
    }
    runs.push(answer.run);
    if (!output.isJson) print(said(answer.run));
  } while (runs.at(-1)?.more === true);
  if (output.isJson) output.answer({ runs });
}

function said(done: Run): string {
  const failed = done.failed === 0 ? "" : `; ${done.failed} objects failed and are tried again`;
  const gone = `${done.manifests} manifests, ${done.pastTags} entries of tag history and ${done.repositories} repositories`;
  return `${done.blobs} blobs and ${done.objects} objects deleted${failed}; purged: ${gone} (${done.milliseconds} ms)`;
}

function count(number: number): string {
  return number >= MAX_COUNTED ? `${MAX_COUNTED.toLocaleString("en")} or more` : String(number);
}
