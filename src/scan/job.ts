import type { Bucket } from "../db/bucket.ts";
import { inflateText } from "../db/manifest-text.ts";
import { digestOf } from "../oci/digest.ts";
import type { Job, Lease, Step } from "../jobs/job.ts";
import type { ScanSettings } from "../settings.ts";
import type { SignatureChecks } from "../signatures/checks.ts";
import { isSigned } from "../signatures/verify.ts";
import { assess } from "./assessment.ts";
import type { AttachedDocuments } from "./documents.ts";
import type { ExceptionStore } from "./exception-store.ts";
import { entriesOf } from "./news.ts";
import type { ImageList, ImageLists, ReadBudget } from "./image-lists.ts";
import { ScannerUnavailable } from "./match/exchange.ts";
import type { Matcher, ScannedImage } from "./matchers.ts";
import type { SeenFinding } from "./policy.ts";
import { findingsOf, NO_RESULT, type ScannerResult, type StoredResult, updated } from "./result.ts";
import { deflated, inflated } from "./stored-text.ts";
import type { DueImage, Outcome, ScanStore } from "./store.ts";
import { countsOf, summaryOf } from "./summary.ts";

const DAY = 86_400_000;
const MINUTE = 60_000;
/** The images of one step, and the compressed bytes of layers after which it begins no other: some 10 s of CPU. */
const IMAGES = 10;
const STEP_BYTES = 512 * 1024 ** 2;
/** The manifests that one step makes due. */
const BACKLOG = 500;
/** The longest wait after a failure; the first is a minute, and each is twice as long as the one before. */
const MAX_WAIT = 6 * 60 * MINUTE;
/** How long an image that was pulled or pushed stays up to date without a tag. */
const ACTIVE_DAYS = 30;
/** The most findings of an image, the worst first. Real images have up to some 5,000. */
const MAX_FINDINGS = 10_000;

interface State {
  /** What the settings say, and up to which manifest images were made due since they said so; null at the end. */
  readonly scanners: string;
  readonly backlog: number | null;
}

export interface ScanParts {
  readonly store: ScanStore;
  readonly lists: ImageLists;
  readonly exceptions: ExceptionStore;
  readonly signatures: SignatureChecks;
  readonly documents: AttachedDocuments;
}

/**
 * Lists the packages of new images, and matches them with known vulnerabilities, soon and again and again. Layers are read once;
 * after that only lists are matched. The last result holds until a new one is there.
 */
export class ScanJob implements Job<State> {
  readonly name = "scan";
  /** A message of a queue is ended after 15 minutes (developers.cloudflare.com/queues/platform/limits). */
  readonly leaseMs = 900_000;
  readonly maxSteps = 4;
  readonly #store: ScanStore;
  readonly #exceptions: ExceptionStore;
  readonly #signatures: SignatureChecks;
  readonly #documents: AttachedDocuments;
  readonly #bucket: Bucket;
  readonly #lists: ImageLists;
  readonly #matchers: readonly Matcher[];
  readonly #settings: Pick<ScanSettings, "isOn" | "rescanMs" | "takesAttached">;

  constructor(
    { store, lists, exceptions, signatures, documents }: ScanParts,
    bucket: Bucket,
    matchers: readonly Matcher[],
    settings: Pick<ScanSettings, "isOn" | "rescanMs" | "takesAttached">,
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
    if (!isOn) return null;
    const scanners = this.#matchers.map(({ name }) => name).join(" ");
    // Other scanners than before: all images are due.
    const isNew = lease.state.scanners !== scanners;
    const from = isNew ? 0 : (lease.state.backlog ?? null);
    const backlog = from === null ? null : await this.#store.makeDue(from, BACKLOG);
    const state = { scanners, backlog };
    const since = Math.floor(Date.now() / DAY) - ACTIVE_DAYS;
    await this.#store.postponeUnseen(Date.now() + rescanMs, BACKLOG);
    const due = await this.#store.due(IMAGES, since);
    const budget = { bytes: STEP_BYTES };
    const versions = new DataVersions();
    for (const image of due) {
      if (budget.bytes <= 0) break;
      await this.#scan(image, budget, versions);
    }
    return { state, more: due.length > 0 || backlog !== null };
  }

  async #scan(image: DueImage, budget: ReadBudget, versions: DataVersions): Promise<void> {
    const { manifestId, repository, digest } = image;
    try {
      if (image.isActive === 0) return await this.#store.postpone(manifestId, this.#nextMatch());
      const list =
        (this.#settings.takesAttached ? await this.#documents.sbom(repository, digest) : null) ??
        (await this.#lists.make(await this.#textOf(image), budget));
      // Its turn goes on with the next step.
      if (list === null) return;
      const outcome = await this.#outcome(image, list, versions);
      if (outcome !== "unfinished") await this.#store.finish(image, outcome);
    } catch (error) {
      console.error(`the scan of ${repository}@${digest} failed`, error);
      const wait = Math.min(MINUTE * 2 ** Math.min(image.failures, 20), MAX_WAIT);
      const message = error instanceof ScannerUnavailable ? error.message : "the scan failed";
      await this.#store.fail(manifestId, message, Date.now() + wait);
    }
  }

  /** Matches the list by each scanner whose data may be newer than the last match's. */
  async #outcome(
    image: DueImage,
    list: ImageList,
    versions: DataVersions,
  ): Promise<Outcome | "unfinished"> {
    const names = this.#matchers.map(({ name }) => name);
    const { unscannable, distribution } = list;
    const signed = await this.#isSigned(image);
    const dueAt = this.#nextMatch();
    if (dueAt === null) return { unscannable, isSigned: signed, matched: null, dueAt, entries: [] };
    const before = image.result === null ? null : (inflated(image.result) as StoredResult);
    const fresh = await this.#match(await scannedImage(image, list), before, versions);
    if (fresh === null) return "unfinished";
    const { repository, digest } = image;
    const statements = await this.#documents.statements(repository, digest);
    const match = { distribution, statements, fresh, names };
    const { result, found } = updated(before ?? NO_RESULT, match, Date.now());
    const exceptions = await this.#exceptions.about(repository, [digest]);
    const findings = assess(findingsOf(result), {
      exceptions,
      statements,
      image: { repository, digests: [digest] },
      nowMs: Date.now(),
    });
    const ends = findings.flatMap(({ untilMs }) => untilMs ?? []);
    return {
      unscannable,
      isSigned: signed,
      matched: matchedOf(result, findings),
      // An exception that ends changes the numbers.
      dueAt: Math.min(dueAt, ...ends),
      entries: entriesOf(image, countsOf(findings), found),
    };
  }

  async #isSigned({ repository, digest }: DueImage): Promise<boolean> {
    if (!(await this.#signatures.hasSigners(repository))) return false;
    return isSigned((await this.#signatures.of(repository, digest)).signatures);
  }

  /** @returns the results of those that matched anew; null where one has to go on later */
  async #match(
    image: ScannedImage,
    before: StoredResult | null,
    versions: DataVersions,
  ): Promise<Record<string, ScannerResult> | null> {
    const fresh: Record<string, ScannerResult> = {};
    for (const matcher of this.#matchers) {
      const dataVersion = await versions.of(matcher);
      const last = before?.scanners[matcher.name];
      if (last !== undefined && dataVersion !== null && last.dataVersion === dataVersion) continue;
      const findings = await matcher.match(image);
      if (findings === null) return null;
      const some = findings.slice(0, MAX_FINDINGS);
      fresh[matcher.name] = { matchedAt: Date.now(), dataVersion, findings: some };
    }
    return fresh;
  }

  #nextMatch(): number | null {
    return this.#matchers.length === 0 ? null : Date.now() + this.#settings.rescanMs;
  }

  async #textOf({ digest, content, object }: DueImage): Promise<string> {
    const text = inflateText(content) ?? (object === null ? null : await this.#bucket.read(object));
    if (text === null) throw new Error(`manifest ${digest} is missing though its row is there`);
    return text;
  }
}

/** Asks each scanner once in a step which data it has. */
class DataVersions {
  readonly #known = new Map<string, Promise<string | null>>();

  of({ name, dataVersion }: Matcher): Promise<string | null> {
    const known = this.#known.get(name) ?? dataVersion();
    this.#known.set(name, known);
    return known;
  }
}

async function scannedImage(
  { repository, digest }: DueImage,
  list: ImageList,
): Promise<ScannedImage> {
  const text = JSON.stringify([list.distribution, list.packages]);
  const listId = await digestOf("sha256", new TextEncoder().encode(text));
  return { ...list, repository, digest, listId };
}

function matchedOf(
  result: StoredResult,
  findings: readonly SeenFinding[],
): NonNullable<Outcome["matched"]> {
  const text = deflated(result);
  if (text === null) throw new Error("the findings are too many to be stored");
  const ids = new Set(findings.flatMap(({ id, aliases }) => [id, ...aliases]));
  return { result: text, summary: JSON.stringify(summaryOf(findings)), ids: [...ids] };
}
