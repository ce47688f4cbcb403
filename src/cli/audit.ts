import { pipeline } from "node:stream/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { connect } from "./connection.ts";
import { type Columns, Output, print, shortDigest, time } from "./output.ts";
import { plainJson } from "./terminal.ts";
import type { AuditEvent } from "../events/schema.ts";

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
  "TIME (UTC)": {
    value: ({ time: at }) => time(at),
    // Without the year.
    short: ({ time: at }) => time(at).slice(5),
    isFixed: true,
  },
  OUTCOME: {
    value: ({ outcome }) => outcome,
    isFixed: true,
    style: ({ outcome }) => (outcome === "done" ? null : "red"),
  },
  ACTION: ({ action }) => action,
  ACTOR: {
    value: ({ actor, via }) => (actor === null ? via : `${actor} (${via})`),
    short: ({ actor, via }) => actor ?? via,
  },
  OF: { value: ({ repository, namespace }) => repository ?? namespace ?? "", short: subjectOf },
  NAME: { value: ({ reference, digest }) => reference ?? digest ?? "", isDetail: true },
  ADDRESS: { value: ({ address }) => address ?? "", isDetail: true },
  DETAIL: { value: ({ detail }) => detail ?? "", isDetail: true },
};

/** The object of an entry in as few characters as name it: "acme/app:v1", "acme/app@sha256:1a2b3c4d5e6f", "acme alice". */
function subjectOf({ repository, namespace, reference, digest }: AuditEvent): string {
  const place = repository ?? namespace ?? "";
  if (repository === null) return [place, reference ?? ""].join(" ").trim();
  if (reference !== null && !reference.includes(":")) return `${place}:${reference}`;
  const named = reference ?? digest;
  return named === null ? place : `${place}@${shortDigest(named)}`;
}

export function addAuditCommand(program: Command): void {
  program
    .command("audit")
    .description(
      "Show the audit log, the newest first: what was done, denied or failed. --json prints JSON lines.",
    )
    .option("--namespace <name>", "of this namespace")
    .option("--repository <name>", "of this repository")
    .option("--actor <name>", "by this user or robot")
    .option("--action <name>", "of this kind, such as tag.delete")
    .addOption(
      new Option("--outcome <outcome>", "with this outcome").choices(["done", "denied", "failed"]),
    )
    .option(
      "--since <when>",
      "since then: a date (2026-12-24), or how long ago (7d, 12h)",
      parseMoment,
    )
    .option("--until <when>", "until then, written likewise", parseMoment)
    .action(showAudit);
}

async function showAudit(options: AuditOptions, command: Command): Promise<void> {
  const api = await connect(command);
  const { namespace = options.repository?.split("/")[0], ...rest } = options;
  // Of a namespace its owners may read the log, of the whole registry its administrators alone.
  const path =
    namespace === undefined ? "/audit" : `/namespaces/${encodeURIComponent(namespace)}/audit`;
  const output = new Output(command);
  if (output.isJson) {
    return pipeline(jsonLines(api.export(path, { ...rest })), process.stdout, { end: false });
  }
  let piece: AuditEvent[] = [];
  let found = false;
  for await (const event of api.list<AuditEvent>(path, { ...rest, limit: String(PIECE) })) {
    found = true;
    piece.push(event);
    if (piece.length < PIECE) continue;
    print(output.table(piece, COLUMNS));
    piece = [];
  }
  if (piece.length > 0) print(output.table(piece, COLUMNS));
  if (!found) print("No event matches these filters.");
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
  throw new InvalidArgumentError("Give a date, such as 2026-12-24, or how long ago, such as 7d.");
}
