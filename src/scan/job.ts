import type { Bucket } from "../db/bucket.ts";
import { inflateText } from "../db/manifest-text.ts";
import { readManifestText } from "../db/read-manifest-text.ts";
import { digestOf } from "../oci/digest.ts";
import { partsOf } from "../oci/manifest-parts.ts";
import type { Job, Lease, Step } from "../jobs/job.ts";
import type { ScanSettings } from "../settings.ts";
import type { SignatureChecks } from "../signatures/checks.ts";
import { assess } from "./assessment.ts";
import type { AttachedDocuments } from "./documents.ts";
import type { ExceptionStore } from "./exception-store.ts";
import { entriesOf } from "./news.ts";
import type { ImageList, ImageLists, ReadBudget } from "./image-lists.ts";
import { backoffMs, Matching, nextOf, type Pending, pullingOf } from "./matching.ts";
import { matchedOf } from "./matched.ts";
import type { Matcher, ScannedImage } from "./matcher.ts";
import { findingsOf, NO_RESULT, type StoredResult, updated } from "./result.ts";
import { inflated } from "./stored-text.ts";
import type { Claim, DueImage, Outcome, ScanStore } from "./store.ts";
import { countsOf, summaryOf } from "./summary.ts";

const DAY = 86_400_000;
/** The images of one step. Each takes some dozen statements of the thousand of an invocation, and those of OSV's records. */
const IMAGES = 10;
/** The layers of one step, two statements each. */
const STEP_LAYERS = 150;
/**
 * The bytes of layers, compressed and unpacked together, after which a step begins no other layer: some 30 s of CPU. The last one
 * takes up to 200 s more, and a Worker has 300.
 */
const STEP_BYTES = 4 * 1024 ** 3;
/** After so many milliseconds a step begins no other image: Clair may take five minutes for one. */
const STEP_MS = 240_000;
/** The images that scanners may be pulling at once. */
const PULLED_AT_ONCE = 20;
/** What is due later than that waits for the cron. */
const CRON_MS = 300_000;
/** The manifests that one step makes due. */
const BACKLOG = 500;
/** How long an image that was pulled or pushed stays up to date without a tag. */
const ACTIVE_DAYS = 30;

interface State {
  /** What the settings say, null while scanning is off, and up to which manifest images were made due since they said so; null at the end. */
  readonly scanners: string | null;
  readonly backlog: number | null;
  /** When a turn was asked for last, in milliseconds since 1970. */
  readonly wakeMs: number;
}

interface Options extends Pick<ScanSettings, "isOn" | "rescanMs" | "takesAttached"> {
  /** Asks for a turn in so many seconds. */
  readonly wake: (delaySeconds: number) => Promise<unknown>;
}

export interface ScanParts {
  readonly store: ScanStore;
  readonly lists: ImageLists;
  readonly exceptions: ExceptionStore;
  readonly signatures: SignatureChecks;
  readonly documents: AttachedDocuments;
}

function isOther({ scanners, backlog }: State, before: Partial<State>): boolean {
  return scanners !== before.scanners || backlog !== before.backlog;
}

/** When scanning is on again, it is news for all images. */
const OFF: State = { scanners: null, backlog: null, wakeMs: 0 };

/**
 * Lists the packages of new images, and matches them with known vulnerabilities, soon and again and again. Layers are read once;
 * after that only lists are matched. The last result holds until a new one is there.
 */
export class ScanJob implements Job<State> {
  readonly name = "scan";
  /** A message of a queue is ended after 15 minutes (developers.cloudflare.com/queues/platform/limits). */
  readonly leaseMs = 900_000;
  /** One step has the CPU of an invocation. */
  readonly maxSteps = 1;
  readonly #store: ScanStore;
  readonly #exceptions: ExceptionStore;
  readonly #signatures: SignatureChecks;
  readonly #documents: AttachedDocuments;
  readonly #bucket: Bucket;
  readonly #lists: ImageLists;
  readonly #matchers: readonly Matcher[];
  readonly #settings: Options;

  constructor(
    { store, lists, exceptions, signatures, documents }: ScanParts,
    bucket: Bucket,
    matchers: readonly Matcher[],
    settings: Options,
  ) {
    this.#store = store;
    this.#exceptions = exceptions;
    this.#signatures = signatures;
    this.#documents = documents;
    this.#bucket = bucket;
    this.#lists = lists;
    this.#matchers = matchers;
    this.#settings = settings;
  }

  async advance(lease: Lease<State>): Promise<Step<State> | null> {
    const { isOn, rescanMs } = this.#settings;
    await this.#store.setScanning(isOn);
    if (!isOn) return { state: OFF, more: false };
    const { wakeMs: askedMs = 0 } = lease.state;
    const state = { ...(await this.#makeDue(lease.state)), wakeMs: askedMs };
    // If an image ends the Worker, the next step must not make it due again at once.
    if (isOther(state, lease.state)) await lease.save(state);
    const since = Math.floor(Date.now() / DAY) - ACTIVE_DAYS;
    await this.#store.postponeUnseen(Date.now() + rescanMs, BACKLOG);
    const due = await this.#store.due(IMAGES, since);
    const budget = { bytes: STEP_BYTES, layers: STEP_LAYERS };
    const beganMs = Date.now();
    const { count } = await this.#store.pulling();
    const matching = new Matching(this.#matchers, PULLED_AT_ONCE - count);
    for (const image of due) {
      const isSpent = budget.bytes <= 0 || budget.layers <= 0;
      if (isSpent || Date.now() - beganMs > STEP_MS) break;
      await this.#scan(image, budget, matching);
    }
    const more = due.length > 0 || state.backlog !== null;
    return { state: { ...state, wakeMs: more ? askedMs : await this.#wake(askedMs) }, more };
  }

  /** Makes some images due if there are other scanners than before: then all are. */
  async #makeDue({ scanners: before, backlog }: Partial<State>): Promise<Omit<State, "wakeMs">> {
    const scanners = this.#matchers.map(({ name }) => name).join(" ");
    const from = before === scanners ? (backlog ?? null) : 0;
    return { scanners, backlog: from === null ? null : await this.#store.makeDue(from, BACKLOG) };
  }

  /** Asks for a turn when the next report may be there, once. @returns when the turn that was asked for is */
  async #wake(askedMs: number): Promise<number> {
    const { wake } = this.#settings;
    const { nextAt } = await this.#store.pulling();
    const now = Date.now();
    if (nextAt === null || nextAt - now > CRON_MS) return askedMs;
    if (askedMs > now && askedMs <= nextAt + 1_000) return askedMs;
    const seconds = Math.max(1, Math.ceil((nextAt - now) / 1_000));
    await wake(seconds);
    return now + seconds * 1_000;
  }

  async #scan(image: DueImage, budget: ReadBudget, matching: Matching): Promise<void> {
    const { manifestId, repository, digest, failures } = image;
    if (image.isActive === 0) return this.#store.postpone(image, this.#nextMatch());
    const claim = { manifestId, untilMs: Date.now() + backoffMs(failures) };
    if (!(await this.#store.claim(image, claim.untilMs))) return;
    try {
      const stored = { ...image, content: inflateText(image.content) };
      const text = await readManifestText(this.#bucket, stored);
      const list =
        (this.#settings.takesAttached ? await this.#documents.sbom(repository, digest) : null) ??
        (await this.#lists.make({ repository, text }, budget));
      // Each step reads a layer of it, so this is no failure.
      if (list === null) return await this.#store.goOn(claim, failures);
      const scanned = await scannedImage(image, text, list);
      await this.#store.finish(claim, await this.#outcome(image, scanned, matching));
    } catch (error) {
      await this.#fail(claim, image, error);
    }
  }

  async #fail(claim: Claim, { repository, digest }: DueImage, error: unknown): Promise<void> {
    console.error(`the scan of ${repository}@${digest} failed`, error);
    await this.#store.fail(claim, "the scan failed");
  }

  /** Matches the list by each scanner whose data may be newer than the last match's. */
  async #outcome(image: DueImage, scanned: ScannedImage, matching: Matching): Promise<Outcome> {
    const names = this.#matchers.map(({ name }) => name);
    const { unscannable, distribution } = scanned;
    const signed = await this.#signatures.isSigned(image.repository, image.digest);
    const nextMatch = this.#nextMatch();
    const nothing = { unscannable, isSigned: signed, matched: null, entries: [] };
    if (nextMatch === null) return { ...nothing, ...progressOf(null), dueAt: null, failure: null };
    const before = image.result === null ? null : (inflated(image.result) as StoredResult);
    const { failures, repository, digest } = image;
    const waiting = image.pending === null ? null : (JSON.parse(image.pending) as Pending);
    const round = await matching.match(scanned, { before, pending: waiting, failures });
    const { fresh, pending, failure } = round;
    const dueAt = pending === null ? nextMatch : nextOf(pending);
    const rest = { ...progressOf(pending), failure };
    const vex = await this.#documents.vex(repository, digest);
    const match = { distribution, vex, fresh, names };
    const { result, found } = updated(before ?? NO_RESULT, match, Date.now());
    const exceptions = await this.#exceptions.about(repository, [digest]);
    const findings = assess(findingsOf(result), {
      exceptions,
      statements: vex.statements,
      image: { repository, digests: vex.subjects },
      nowMs: Date.now(),
    });
    const ends = findings.flatMap(({ untilMs }) => untilMs ?? []);
    const summary = JSON.stringify(summaryOf(findings));
    const isAnew = Object.keys(fresh).length > 0 || pending === null;
    // No result is no clean one.
    const isSame = Object.keys(result.scanners).length === 0 || summary === image.summary;
    if (!isAnew && isSame) return { ...nothing, ...rest, dueAt: Math.min(dueAt, ...ends) };
    return {
      ...rest,
      unscannable,
      isSigned: signed,
      matched: { ...matchedOf(result, findings), summary, isAnew },
      // An exception that ends changes the numbers.
      dueAt: Math.min(dueAt, ...ends),
      entries: entriesOf(image, countsOf(findings), found),
    };
  }

  #nextMatch(): number | null {
    return this.#matchers.length === 0 ? null : Date.now() + this.#settings.rescanMs;
  }
}

/** What is stored of scanners that have not finished. */
function progressOf(pending: Pending | null): Pick<Outcome, "pending" | "pulling"> {
  return pending === null
    ? { pending: null, pulling: 0 }
    : { pending: JSON.stringify(pending), pulling: pullingOf(pending) };
}

async function scannedImage(
  { repository, digest, mediaType }: DueImage,
  manifest: string,
  list: ImageList,
): Promise<ScannedImage> {
  const text = JSON.stringify([list.distribution, list.packages]);
  const listId = await digestOf("sha256", new TextEncoder().encode(text));
  const layers = partsOf(manifest).layers.map((layer) => layer.digest);
  return { ...list, repository, digest, mediaType, layers, listId };
}
