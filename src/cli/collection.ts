import type { Command } from "commander";
import { connect } from "./connection.ts";
import { CliError } from "./error.ts";
import { details, Output, table, time } from "./output.ts";

interface Run {
  readonly blobs: number;
  readonly objects: number;
  readonly failed: number;
  readonly manifests: number;
  readonly pastTags: number;
  readonly repositories: number;
  readonly more: boolean;
  readonly endedAt: string;
  readonly milliseconds: number;
}

interface Queue {
  readonly waiting: number;
  readonly due: number;
  readonly failing?: number;
  readonly firstDueAt: string | null;
}

interface Overview {
  readonly blobs: Queue;
  readonly objects: Queue;
  readonly manifests: Queue;
  readonly repositories: Queue;
  readonly lastRun: Run | null;
  readonly failedAt: string | null;
}

/** What waits in each queue. */
const QUEUES = [
  ["blobs", "blobs that no manifest names"],
  ["objects", "objects to delete from R2"],
  ["manifests", "deleted manifests"],
  ["repositories", "deleted repositories"],
] as const;

/** The overview counts no further. */
const MAX_COUNTED = 10_000;

export function addCollectionCommands(program: Command): void {
  const gc = program
    .command("gc")
    .description("Collection: it runs by itself, and nobody waits for it.");
  gc.command("status").description("What waits to be collected, and the last run.").action(status);
  gc.command("run").description("Collect now what is due, until nothing is.").action(run);
}

async function status(_options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const overview = await api.get<Overview>("/collection");
  const rows = QUEUES.map(([name, what]) => ({ what, ...overview[name] }));
  const columns = {
    WAITING: ({ what }: { what: string }) => what,
    COUNT: ({ waiting }: Queue) => count(waiting),
    DUE: ({ due }: Queue) => count(due),
    FAILING: ({ failing }: Queue) => (failing === undefined ? "" : count(failing)),
    "FIRST DUE (UTC)": ({ firstDueAt }: Queue) => (firstDueAt === null ? "" : time(firstDueAt)),
  };
  const { lastRun, failedAt } = overview;
  const last = lastRun === null ? "never" : `${time(lastRun.endedAt)}: ${said(lastRun)}`;
  const text = `${table(rows, columns)}\n\n${details({
    "last run (UTC)": last,
    "failed since (UTC)": failedAt === null ? "" : `${time(failedAt)}: the Worker's log says why`,
  })}`;
  new Output(command).answer(overview, text);
}

async function run(_options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const output = new Output(command);
  for (;;) {
    const answer = await api.send<{ run: Run | null }>("POST", "/collection", {});
    if (answer.run === null) {
      throw new CliError("a run is under way already: see slipway gc status");
    }
    output.answer(answer, said(answer.run));
    if (!answer.run.more) return;
  }
}

function said(done: Run): string {
  const failed = done.failed === 0 ? "" : `, ${done.failed} objects failed and are tried again`;
  const gone = `${done.manifests} manifests, ${done.pastTags} past tags and ${done.repositories} repositories`;
  return `${done.blobs} blobs let go, ${done.objects} objects deleted${failed}; made final: ${gone} (${done.milliseconds} ms)`;
}

function count(number: number): string {
  return number >= MAX_COUNTED ? `${MAX_COUNTED} or more` : String(number);
}
