/** `slipway scan`: asks for a scan now, and waits for its end. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import type { Api } from "../api.ts";
import { connect } from "../connection.ts";
import { interruptible } from "../copy/interruptible.ts";
import { CliError } from "../error.ts";
import { Output } from "../output.ts";
import { progress } from "../progress.ts";
import { copyable } from "../sentence.ts";
import { parseTarget, type Target } from "../thing.ts";
import { digestOf, manifestPath, nameOf } from "./image.ts";
import { readReport, type Report, summary } from "./report.ts";

const POLL_MS = 2_000;
/** A large image takes minutes, and others may be before it. */
const MAX_WAIT_MS = 30 * 60_000;
/** Clocks that differ less do not count: what is due next is due a minute later at the least. */
const CLOCK_MS = 5_000;

export function addScanCommand(program: Command): void {
  program
    .command("scan")
    .description("Scan an image, or all images of an index, now instead of when it is due.")
    .argument("<image>", "such as acme/app:v1 or acme/app@sha256:1a2b3c4d5e6f", parseTarget)
    .option("--wait", `wait for the result, at most ${MAX_WAIT_MS / 60_000} minutes`)
    .addHelpText("after", "\nWithout a tag it is latest. New images are scanned by themselves.")
    .action(scan);
}

async function scan(
  target: Target,
  { wait }: { readonly wait?: true },
  command: Command,
): Promise<void> {
  const api = await connect(command);
  const path = manifestPath(target.repository, await digestOf(api, target));
  const name = nameOf(target);
  const output = new Output(command);
  if (wait !== true) {
    await begin(api, path);
    const next = `The result: ${copyable(`slipway vulnerabilities ${name}`)}`;
    return output.answer({ scanning: name }, `${name} is scanned soon. ${next}`);
  }
  try {
    await interruptible(
      async (signal) => ended(api, { path, name, skewMs: await begin(api, path) }, signal),
      "The scan goes on all the same.",
    );
  } finally {
    progress("");
  }
  const report = await readReport(api, path);
  output.answer(report, ...summary(report, name, output));
  requireSuccess(report, name);
}

/** @returns by how many milliseconds the registry's clock is ahead */
async function begin(api: Api, path: string): Promise<number> {
  const response = await api.request("POST", `/api/v1${path}/scan`, { body: {} });
  await response.body?.cancel();
  // Without the header its clock is taken to be ours.
  const date = response.headers.get("date");
  return date === null ? 0 : Date.parse(date) - Date.now();
}

interface Waiting {
  readonly path: string;
  readonly name: string;
  readonly skewMs: number;
}

/** Waits until no image is due any more. */
async function ended(
  api: Api,
  { path, name, skewMs }: Waiting,
  signal: AbortSignal,
): Promise<void> {
  const endMs = Date.now() + MAX_WAIT_MS;
  while (Date.now() < endMs) {
    signal.throwIfAborted();
    const { images } = await api.get<Pick<Report, "images">>(`${path}/vulnerabilities`, {
      limit: "1",
    });
    const nowMs = Date.now() + skewMs + CLOCK_MS;
    const due = images.filter(({ nextAt }) => nextAt !== null && Date.parse(nextAt) <= nowMs);
    if (due.length === 0) return;
    progress(`scanning ${name}: ${images.length - due.length} of ${images.length} images done`);
    await sleep(POLL_MS, undefined, { signal });
  }
  throw new CliError(`the scan of ${name} has not ended within ${MAX_WAIT_MS / 60_000} minutes`, {
    code: "NOT_SCANNED",
    hint: `It goes on: ${copyable(`slipway vulnerabilities ${name}`)} says how far it is.`,
  });
}

/** @throws CliError unless each image was scanned; one that is unscannable was */
function requireSuccess({ images }: Report, name: string): void {
  const failed = images.filter(({ error, listedAt }) => error !== null || listedAt === null);
  if (failed.length === 0) return;
  const reasons = new Set(failed.map(({ error }) => error ?? "it has not begun"));
  throw new CliError(`the scan of ${name} failed: ${[...reasons].join("; ")}`, {
    code: "NOT_SCANNED",
  });
}
