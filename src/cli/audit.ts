import { pipeline } from "node:stream/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { connect } from "./connection.ts";
import { type Columns, Output, print, table, time } from "./output.ts";
import { plainJson } from "./terminal.ts";

interface AuditEvent {
  readonly time: string;
  readonly actor: string | null;
  readonly via: string;
  readonly action: string;
  readonly namespace: string | null;
  readonly repository: string | null;
  readonly reference: string | null;
  readonly digest: string | null;
  readonly detail: string | null;
  readonly address: string | null;
  readonly outcome: string;
}

interface AuditOptions {
  readonly namespace?: string;
  readonly repository?: string;
  readonly actor?: string;
  readonly action?: string;
  readonly outcome?: string;
  readonly since?: string;
  readonly until?: string;
}

/** A log has no end, so its table is printed in pieces, each aligned by itself. */
const PIECE = 1000;

const COLUMNS: Columns<AuditEvent> = {
  "TIME (UTC)": ({ time: at }) => time(at),
  OUTCOME: ({ outcome }) => outcome,
  ACTION: ({ action }) => action,
  OF: ({ repository, namespace }) => repository ?? namespace ?? "",
  NAME: ({ reference, digest }) => reference ?? digest ?? "",
  ACTOR: ({ actor, via }) => (actor === null ? via : `${actor} (${via})`),
  ADDRESS: ({ address }) => address ?? "",
  DETAIL: ({ detail }) => detail ?? "",
};

export function addAuditCommand(program: Command): void {
  program
    .command("audit")
    .description("What was done and what was refused, the newest first; --json: JSON lines.")
    .option("--namespace <name>", "in a namespace")
    .option("--repository <name>", "in a repository")
    .option("--actor <name>", "by a user or robot")
    .option("--action <name>", "of a kind, as tag.delete")
    .addOption(
      new Option("--outcome <outcome>", "with this outcome").choices(["done", "denied", "failed"]),
    )
    .option("--since <when>", "from then on: 2026-12-24, 7d or 12h (ago)", parseMoment)
    .option("--until <when>", "before then", parseMoment)
    .action(showAudit);
}

async function showAudit(options: AuditOptions, command: Command): Promise<void> {
  const api = await connect(command);
  const { namespace = options.repository?.split("/")[0], ...rest } = options;
  // Of a namespace its owners may read the log, of the whole registry its administrators alone.
  const path =
    namespace === undefined ? "/audit" : `/namespaces/${encodeURIComponent(namespace)}/audit`;
  if (new Output(command).isJson) {
    return pipeline(jsonLines(api.export(path, { ...rest })), process.stdout, { end: false });
  }
  let piece: AuditEvent[] = [];
  let found = false;
  for await (const event of api.list<AuditEvent>(path, { ...rest, limit: String(PIECE) })) {
    found = true;
    piece.push(event);
    if (piece.length < PIECE) continue;
    print(table(piece, COLUMNS));
    piece = [];
  }
  if (piece.length > 0) print(table(piece, COLUMNS));
  if (!found) print("Nothing was logged that fits.");
}

/** A client's own words are in it: its user agent, and the name that it claimed. */
async function* jsonLines(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  for await (const piece of pieces) yield plainJson(decoder.decode(piece, { stream: true }));
  yield plainJson(decoder.decode());
}

const MILLISECONDS = { h: 3_600_000, d: 86_400_000 };

/** A date, a time, or how long ago: "7d". */
export function parseMoment(text: string): string {
  const [, count, unit] = /^(\d{1,4})([hd])$/.exec(text) ?? [];
  if (count !== undefined) {
    const ago = Number(count) * MILLISECONDS[unit as keyof typeof MILLISECONDS];
    return new Date(Date.now() - ago).toISOString();
  }
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw new InvalidArgumentError("Give a date, as 2026-12-24, or how long ago, as 7d.");
}
