import { isDigest } from "../../oci/digest.ts";
import { type Copied } from "../copy/copy-image.ts";
import { interruptible } from "../copy/interruptible.ts";
import { copyOnce, type Once } from "../copy/run.ts";
import { CliError } from "../error.ts";
import { Connections } from "../image/connections.ts";
import { parsePlatform } from "../image/platforms.ts";
import { type RegistryImage, showImage } from "../image/reference.ts";
import { bytes, type Output, print } from "../output.ts";
import { warn } from "../report.ts";
import { makeProgress } from "../upload/progress.ts";
import { repositoriesOf } from "./catalog.ts";
import type { SyncOptions } from "./command.ts";
import type { Job, RegistryJob } from "./job.ts";
import { readSyncFile } from "./read.ts";

interface Options extends SyncOptions {
  readonly output: Output;
}

type Outcome = "copied" | "would be copied" | "there already" | "failed";

interface Line {
  readonly source: string;
  readonly target: string;
  readonly outcome: Outcome;
  readonly digest: string | null;
  readonly sentBytes: number;
  readonly error: string | null;
}

type Around = Omit<Once, "platforms" | "referrers"> & { readonly isDry: boolean };

/** `slipway sync` */
export async function sync(file: string, target: string | null, options: Options): Promise<void> {
  const { output, parallel, dryRun: isDry = false, scoped: isScoped = false } = options;
  const { jobs, credentials, warnings } = await readSyncFile(file, { target, isScoped });
  if (warnings.length > 0) warn(`without effect here: ${warnings.join(", ")}`);
  const connections = new Connections(credentials);
  const lines: Line[] = [];
  await interruptible(async (signal) => {
    const progress = await makeProgress(output.isJson);
    try {
      const around: Around = { connections, parallel, progress, signal, isDry };
      for await (const line of linesOf(jobs, around)) {
        lines.push(line);
        if (!output.isJson) print(sentenceOf(line));
      }
    } finally {
      progress.end();
      await connections.close();
    }
  });
  if (output.isJson) output.answer({ items: lines, next: null });
  const failed = lines.filter(({ outcome }) => outcome === "failed").length;
  if (failed > 0)
    throw new CliError(`${failed} of ${lines.length} were not copied`, { code: "SYNC_FAILED" });
}

/** A failure is a line of its own, and the others go on. */
async function* linesOf(
  jobs: readonly (Job | RegistryJob)[],
  around: Around,
): AsyncGenerator<Line, void> {
  for (const job of jobs) {
    const names = nameOf(job);
    try {
      for await (const one of "registry" in job ? eachRepository(job, around) : [job]) {
        yield* linesOfJob(one, around);
      }
    } catch (error) {
      yield failedLine(names, error, around.signal);
    }
  }
}

async function* eachRepository(
  job: RegistryJob,
  { connections }: Around,
): AsyncGenerator<Job, void> {
  const { registry, takesRepository, targetOf, ...rest } = job;
  for await (const repository of repositoriesOf(await connections.upstream(registry))) {
    if (!takesRepository(repository)) continue;
    yield { ...rest, source: { registry, repository }, target: targetOf(repository) };
  }
}

async function* linesOfJob(job: Job, around: Around): AsyncGenerator<Line, void> {
  let references: readonly string[];
  try {
    references = await referencesOf(job, around);
  } catch (error) {
    yield failedLine(nameOf(job), error, around.signal);
    return;
  }
  for (const reference of references) {
    around.signal.throwIfAborted();
    const from = imageOf(job.source, reference);
    const to = {
      ...imageOf(job.target, reference),
      tag: job.targetTag ?? tagOf(reference),
      digest: null,
    };
    const names = { source: showImage(from), target: showImage(to) };
    try {
      yield { ...names, error: null, ...(await copyIfOther(from, to, { ...around, job })) };
    } catch (error) {
      yield failedLine(names, error, around.signal);
    }
  }
}

async function referencesOf(
  { source, tags }: Job,
  { connections }: Around,
): Promise<readonly string[]> {
  if (tags.kind === "named") return tags.references;
  const repository = await connections.repository(source, "pull");
  const taken = (await Array.fromAsync(repository.tags())).filter((tag) => tags.takes(tag));
  // A slip in a pattern would leave a mirror empty for ever.
  if (taken.length === 0) warn(`${source.repository}: no tag is to be copied`);
  return taken;
}

function imageOf(place: Job["source"], reference: string): RegistryImage {
  const digest = isDigest(reference) ? reference : null;
  return { kind: "registry", ...place, tag: tagOf(reference), digest };
}

function tagOf(reference: string): string | null {
  return isDigest(reference) ? null : reference;
}

type Result = Pick<Line, "outcome" | "digest" | "sentBytes">;

/** Asks both for the digest first: a HEAD does not count where pulls are limited. */
async function copyIfOther(
  from: RegistryImage,
  to: RegistryImage,
  { job, isDry, ...once }: Around & { readonly job: Job },
): Promise<Result> {
  const { connections } = once;
  const reference = from.digest ?? from.tag ?? "latest";
  const source = await connections.repository(from, "pull");
  const digest = await source.digestOf(reference);
  if (digest === null) throw new CliError(`there is no ${showImage(from)}, or you may not see it`);
  // An image of some platforms may have another digest, and what is attached may be new.
  if (job.platforms.length === 0 && (isDry || !job.referrers)) {
    const target = await connections.repository(to, isDry ? "pull" : "pull,push");
    const has = await target.digestOf(to.tag ?? digest);
    if (has === digest) return { outcome: "there already", digest, sentBytes: 0 };
  }
  if (isDry) return { outcome: "would be copied", digest, sentBytes: 0 };
  const platforms = job.platforms.map(parsePlatform);
  const copied: Copied = await copyOnce(from, to, { ...once, platforms, referrers: job.referrers });
  const isNew = copied.sentBytes > 0 || copied.blobs.mounted > 0 || copied.manifests > 0;
  return {
    outcome: isNew ? "copied" : "there already",
    digest: copied.digest,
    sentBytes: copied.sentBytes,
  };
}

function nameOf(job: Job | RegistryJob): Pick<Line, "source" | "target"> {
  if ("registry" in job) return { source: job.registry, target: "" };
  const [source, target] = [job.source, job.target].map((place) =>
    showImage({ kind: "registry", ...place, tag: null, digest: null }),
  );
  return { source: source ?? "", target: target ?? "" };
}

function failedLine(
  names: Pick<Line, "source" | "target">,
  error: unknown,
  signal: AbortSignal,
): Line {
  signal.throwIfAborted();
  // Anything else is a fault of this program, and ends it.
  if (!(error instanceof CliError)) throw error;
  return { ...names, outcome: "failed", digest: null, sentBytes: 0, error: error.message };
}

function sentenceOf({ source, target, outcome, error, sentBytes }: Line): string {
  if (error !== null) return `failed: ${source}: ${error}`;
  const sent = outcome === "copied" ? ` (${bytes(sentBytes)} sent)` : "";
  return `${outcome}: ${source} to ${target}${sent}`;
}
