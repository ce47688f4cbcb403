import { setTimeout as wait } from "node:timers/promises";
import { type Command, Option } from "commander";
import type { Api } from "./api.ts";
import { connect } from "./connection.ts";
import { CliError } from "./error.ts";
import { bytes, type Columns, Output, time } from "./output.ts";
import { progress } from "./progress.ts";
import { copyable } from "./sentence.ts";
import type { Shown } from "./table.ts";
import { parseSize } from "./quota.ts";
import type { FsckState, FsckStep } from "../fsck/schema.ts";

type Finding = FsckStep["findings"][number];
type Rounds = FsckState["metadata"];
type Round = NonNullable<Rounds["last"]>;

interface FsckOptions {
  readonly repair?: true;
  /** In bytes; undefined for all there are. */
  readonly hash?: number;
  readonly status?: true;
}

/** The sums of a run so far. */
interface Total {
  readonly findings: Finding[];
  checked: number;
  bytes: number;
  unhashed: number;
}

/** In milliseconds, before each further attempt at a step. */
const PAUSES = [1_000, 5_000, 15_000];

const COLUMNS: Columns<Finding> = {
  OUTCOME: ({ outcome }) => outcome,
  KIND: ({ kind }) => kind,
  REPOSITORY: ({ repository }) => repository ?? "",
  SUBJECT: ({ subject }) => subject,
  AFFECTED: ({ affected }) => affected.join(" "),
  MESSAGE: ({ message }) => message,
};

export function addFsckCommand(program: Command): void {
  program
    .command("fsck")
    .description("Check the index against itself and the stored bytes; fails if anything is wrong.")
    .option("--repair", "put right what can be; no object is ever deleted")
    .option(
      "--hash <amount>",
      "how much to read and compare with its digest: none, 10GiB, all (default: all)",
      parseAmount,
    )
    .addOption(
      new Option("--status", "only say how far the background passes are").conflicts([
        "repair",
        "hash",
      ]),
    )
    .addHelpText(
      "after",
      `
OUTCOME is "repaired", or "found" where something is to be done, or "marked" where bytes are lost: clients are
told so, and push them again. The registry stays in use meanwhile.`,
    )
    .action(run);
}

async function run(options: FsckOptions, command: Command): Promise<void> {
  const api = await connect(command);
  const output = new Output(command);
  if (options.status === true) return status(await api.get<FsckState>("/fsck"), output);
  const total: Total = { findings: [], checked: 0, bytes: 0, unhashed: 0 };
  try {
    await runSteps(api, options, total);
  } finally {
    progress("");
    // Also when it broke off: what was found was found.
    show(total, output);
  }
  const left = total.findings.filter(({ outcome }) => outcome !== "repaired");
  if (left.length === 0) return;
  throw new CliError(`${left.length} of ${total.findings.length} findings need attention`, {
    code: "FINDINGS",
    ...(options.repair === true
      ? {}
      : { hint: `${copyable("slipway fsck --repair")} puts right what can be` }),
  });
}

/** FsckStep by step to the end. */
async function runSteps(api: Api, { repair, hash }: FsckOptions, total: Total): Promise<void> {
  const asked = { repair: repair === true, ...(hash === undefined ? {} : { hash }) };
  let next: object | null = null;
  do {
    const body: object = next === null ? asked : { ...asked, cursor: next };
    const step = await attempt(api, body);
    total.findings.push(...step.findings);
    total.checked += step.checked;
    total.bytes += step.bytes;
    total.unhashed += step.unhashed;
    progress(`${step.phase}: ${said(total)}`);
    next = step.next;
  } while (next !== null);
}

/** A step may be done twice. What passes, as a fault of the network or of what the registry rests on, does not end a run. */
async function attempt(api: Api, body: object): Promise<FsckStep> {
  for (const pause of PAUSES) {
    try {
      return await api.send<FsckStep>("POST", "/fsck", body);
    } catch (error) {
      if (!mayPass(error)) throw error;
      progress(`${error.message}; trying again in ${pause / 1000} s`);
      await wait(pause);
    }
  }
  return api.send<FsckStep>("POST", "/fsck", body);
}

function mayPass(error: unknown): error is CliError {
  if (!(error instanceof CliError)) return false;
  return error.status === undefined || error.status === 429 || error.status >= 500;
}

function show(total: Total, output: Output): void {
  const { findings, unhashed } = total;
  const large = unhashed === 0 ? "" : ` ${unhashed} objects are too large to be hashed.`;
  output.answer(total, ...shown(findings, output), `Checked ${said(total)}.${large}`);
}

/** A finding's message says what to do, so a terminal shows all of it, below the rest. */
function shown(findings: readonly Finding[], output: Output): Shown[] {
  if (findings.length === 0) return [];
  if (output.view.width === null) return [output.table(findings, COLUMNS)];
  return findings.map(({ outcome, kind, repository, subject, affected, message }) =>
    output.details({
      [outcome]: kind,
      repository: repository ?? "",
      subject,
      affected: affected.join(", "),
      message,
    }),
  );
}

function said({ findings, checked, bytes: hashed }: Total): string {
  return `${checked} rows and objects, ${bytes(hashed)} hashed, ${findings.length} findings`;
}

function status(state: FsckState, output: Output): void {
  const { bytesPerDay, metadata, hash } = state;
  const lines = [
    "Checks that everything is there.",
    ...roundsOf(metadata),
    "",
    bytesPerDay === 0 ? "Hashes nothing." : `Hashes ${bytes(bytesPerDay)} a day.`,
    ...(bytesPerDay === 0 ? [] : roundsOf(hash)),
  ];
  output.answer(state, lines.join("\n"));
}

function roundsOf({ round, last }: Rounds): string[] {
  return [
    round === null
      ? "No round is under way."
      : `This round began ${time(round.beganAt)} (UTC): ${saidOf(round)}.`,
    last === null
      ? "No round has ended yet."
      : `The last round ended ${time(last.endedAt ?? "")} (UTC): ${saidOf(last)}.`,
  ];
}

function saidOf({ checked, bytes: hashed, findings }: Round): string {
  return `${checked} rows and objects, ${bytes(hashed)} hashed, ${findings} findings`;
}

/** @returns undefined for all */
export function parseAmount(text: string): number | undefined {
  if (text === "all") return undefined;
  const size = parseSize(text);
  return size === "none" ? 0 : size;
}
