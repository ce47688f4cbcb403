import { setTimeout } from "node:timers/promises";
import type { Command } from "commander";
import type { Api } from "./api.ts";
import { connect } from "./connection.ts";
import { bytes, digestColumn, Output, time, timeColumn } from "./output.ts";
import { copyable } from "./sentence.ts";
import type { Shown } from "./table.ts";
import { progress } from "./progress.ts";
import type { Exports, FoundObjects, Import } from "../backup/schema.ts";

type Full = Exports["finished"][number];
type Found = FoundObjects["items"][number];

interface ImportOptions {
  readonly from?: string;
  readonly relink?: true;
}

/** Somebody else may be at a step: it is looked at again a little later. */
const PAUSE = 1_000;

export function addExportCommands(program: Command): void {
  program
    .command("export")
    .description("Back the index up into the bucket, from which import rebuilds it.")
    .option("--status", "only show which exports there are")
    .action(runExport);
  program
    .command("import")
    .description("Rebuild the index of an empty database from the bucket.")
    .option("--from <export>", "the backup or full export to begin with, where there are several")
    .option("--relink", "link the blobs that were pushed after the export")
    .addHelpText(
      "after",
      `
The tokens of the lost database are unknown to a new one: log in first, as admin with its password. An import that
broke off goes on where it stood when this is run again; nobody can push meanwhile.`,
    )
    .action(runImport);
}

async function runExport(options: { readonly status?: true }, command: Command): Promise<void> {
  const api = await connect(command);
  const output = new Output(command);
  if (options.status === true) {
    const state = await api.get<Exports>("/exports");
    return output.answer(state, ...shown(state, output));
  }
  let state = await api.send<Exports>("POST", "/exports", {});
  const id = state.running?.id;
  while (state.running !== null && state.running.id === id) {
    progress(`${state.running.rows} rows in ${state.running.objects} objects`);
    const next = await api.send<Exports>("POST", "/exports/steps", {});
    await pauseIf(isSame(state.running, next.running));
    state = next;
  }
  progress("");
  const [done] = state.finished;
  const text = `Exported ${done?.rows ?? 0} rows as ${done?.id ?? ""}; what changes from now on is added by itself.`;
  output.answer(state, text);
}

function shown(
  { backupId, pending, exportedAt, running, finished }: Exports,
  output: Output,
): (string | Shown)[] {
  const state = output.details({
    backup: backupId,
    "last changes (UTC)": exportedAt === null ? "none yet" : time(exportedAt),
    waiting: `${pending} changes`,
    running: running === null ? "" : `${running.id}: ${running.rows} rows so far`,
  });
  if (finished.length === 0)
    return [state, `There is no full export: ${copyable("slipway export")}`];
  const columns = {
    "FULL EXPORT": ({ id }: Full) => id,
    "STARTED (UTC)": ({ startedAt }: Full) => time(startedAt),
    ROWS: ({ rows }: Full) => String(rows),
  };
  return [state, output.table(finished, columns)];
}

async function runImport(options: ImportOptions, command: Command): Promise<void> {
  const api = await connect(command);
  const body = options.from === undefined ? {} : { from: options.from };
  let state = await api.send<Import>("POST", "/import", body);
  while (state.phase !== "done") {
    progress(`${state.read} of ${state.toRead} objects read, ${state.rows} rows written`);
    const next = await api.send<Import>("POST", "/import", body);
    await pauseIf(isSame(state, next));
    state = next;
  }
  progress("");
  const objects = await search(api, options.relink === true);
  const output = new Output(command);
  output.answer({ import: state, objects }, said(state), ...offer(objects, output));
}

function said(state: Import): string {
  const { rows, lost, examples, backupId, full, exportedAt, endedAt } = state;
  const source = full === null ? `backup ${backupId}` : `full export ${full}`;
  const known = exportedAt === null ? "" : ` and what changed until ${time(exportedAt)} UTC`;
  const ended = endedAt === null ? "" : `, ended ${time(endedAt)} UTC`;
  const lines = [`Imported ${rows} rows: ${source}${known}${ended}.`];
  if (lost > 0) {
    const some = examples.slice(0, 10).map(({ table: name, key }) => `${name} ${key}`);
    lines.push(`${lost} rows rest on what the export does not have: ${some.join(", ")}`);
  }
  return [...lines, `Now compare it with the bucket: ${copyable("slipway fsck")}`].join("\n");
}

/** Looks for what was pushed after the export, page by page. */
async function search(api: Api, link: boolean): Promise<Found[]> {
  const found: Found[] = [];
  let after: string | null = null;
  do {
    const body: object = { link, ...(after === null ? {} : { after }) };
    const page: { readonly items: readonly Found[]; readonly next: string | null } = await api.send(
      "POST",
      "/import/objects",
      body,
    );
    found.push(...page.items);
    progress(`${found.length} objects found that the export does not know`);
    after = page.next;
  } while (after !== null);
  progress("");
  return found;
}

function offer(objects: readonly Found[], output: Output): (string | Shown)[] {
  if (objects.length === 0) {
    return ["Nothing lies in the bucket that was pushed after the export."];
  }
  const columns = {
    OUTCOME: ({ outcome }: Found) => outcome,
    KIND: ({ kind }: Found) => kind,
    REPOSITORY: ({ repository }: Found) => repository ?? "",
    DIGEST: digestColumn(({ digest }: Found) => digest),
    SIZE: ({ size }: Found) => bytes(size),
    "PUSHED (UTC)": timeColumn("PUSHED", ({ uploadedAt }: Found) => uploadedAt),
    REASON: ({ reason }: Found) => reason ?? "",
  };
  const isOffered = objects.some(({ outcome, kind }) => outcome === "offered" && kind === "blob");
  const advice = isOffered
    ? `Blobs that are offered are linked by ${copyable("slipway import --relink")}; then their images can be pushed again without them.`
    : "Push their images again; what is linked is not uploaded anew, and goes after the grace time if nothing names it.";
  return [output.table(objects, columns), advice];
}

function isSame(before: object, after: object | null): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}

async function pauseIf(isStuck: boolean): Promise<void> {
  if (isStuck) await setTimeout(PAUSE);
}
