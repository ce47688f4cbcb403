import type { AuditEntry } from "../db/audit.ts";
import type { Bucket } from "../db/bucket.ts";
import { inflateText } from "../db/manifest-text.ts";
import { digestOf } from "../oci/digest.ts";
import type { Job, Lease, Step } from "../jobs/job.ts";
import type { ScanSettings } from "../settings.ts";
import { assess } from "./assessment.ts";
import type { ExceptionStore } from "./exception-store.ts";
import { type ImageList, ImageLists, type ReadBudget } from "./image-lists.ts";
import { ScannerUnavailable } from "./match/exchange.ts";
import { matchedOf, worstOf } from "./matched.ts";
import type { Matcher, ScannedImage } from "./matchers.ts";
import {
  findingsOf,
  type ImageFinding,
  NO_RESULT,
  type ScannerResult,
  type StoredResult,
  updated,
} from "./result.ts";
import { inflated } from "./stored-text.ts";
import type { LayerStore } from "./layer-store.ts";
import type { Claim, DueImage, Outcome, ScanStore } from "./store.ts";
import { type Counts, countsOf, countsText, type Summary } from "./summary.ts";

const DAY = 86_400_000;
const MINUTE = 60_000;
/** The images of one step. Each takes some dozen statements of the thousand of an invocation, and those of OSV's records. */
const IMAGES = 10;
/** The layers of one step, two statements each. */
const STEP_LAYERS = 150;
/**
 * The bytes of layers, compressed and unpacked together, after which a step begins no other layer: some 30 s of CPU. The last one
 * takes up to 200 s more, and a Worker has 300.
 */
const STEP_BYTES = 4 * 1024 ** 3;
/** The manifests that one step makes due. */
const BACKLOG = 500;
/** The longest wait after a failure; the first is a minute, and each is twice as long as the one before. */
const MAX_WAIT = 6 * 60 * MINUTE;
/** How often a match goes on at once for which the requests of a step do not suffice. */
const MAX_UNFINISHED = 20;
/** How long an image that was pulled or pushed stays up to date without a tag. */
const ACTIVE_DAYS = 30;
/** The most vulnerabilities that an event names. */
const NAMED = 5;

interface State {
  /** What the settings say, null while scanning is off, and up to which manifest images were made due since they said so; null at the end. */
  readonly scanners: string | null;
  readonly backlog: number | null;
}

interface Stores {
  readonly store: ScanStore;
  readonly layers: LayerStore;
  readonly exceptions: ExceptionStore;
}

function isOther({ scanners, backlog }: State, before: Partial<State>): boolean {
  return scanners !== before.scanners || backlog !== before.backlog;
}

/** When scanning is on again, it is news for all images. */
const OFF: State = { scanners: null, backlog: null };

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
  readonly #bucket: Bucket;
  readonly #lists: ImageLists;
  readonly #matchers: readonly Matcher[];
  readonly #settings: Pick<ScanSettings, "isOn" | "rescanMs">;

  constructor(
    { store, layers, exceptions }: Stores,
    bucket: Bucket,
    matchers: readonly Matcher[],
    settings: Pick<ScanSettings, "isOn" | "rescanMs">,
  ) {
    this.#store = store;
    this.#exceptions = exceptions;
    this.#bucket = bucket;
    this.#lists = new ImageLists(layers, bucket);
    this.#matchers = matchers;
    this.#settings = settings;
  }

  async advance(lease: Lease<State>): Promise<Step<State> | null> {
    const { isOn, rescanMs } = this.#settings;
    await this.#store.setScanning(isOn);
    if (!isOn) return { state: OFF, more: false };
    const state = await this.#makeDue(lease.state);
    // If an image ends the Worker, the next step must not make it due again at once.
    if (isOther(state, lease.state)) await lease.save(state);
    const since = Math.floor(Date.now() / DAY) - ACTIVE_DAYS;
    await this.#store.postponeUnseen(Date.now() + rescanMs, BACKLOG);
    const due = await this.#store.due(IMAGES, since);
    const budget = { bytes: STEP_BYTES, layers: STEP_LAYERS };
    const versions = new DataVersions();
    for (const image of due) {
      if (budget.bytes <= 0 || budget.layers <= 0) break;
      await this.#scan(image, budget, versions);
    }
    return { state, more: due.length > 0 || state.backlog !== null };
  }

  /** Makes some images due if there are other scanners than before: then all are. */
  async #makeDue({ scanners: before, backlog }: Partial<State>): Promise<State> {
    const scanners = this.#matchers.map(({ name }) => name).join(" ");
    const from = before === scanners ? (backlog ?? null) : 0;
    return { scanners, backlog: from === null ? null : await this.#store.makeDue(from, BACKLOG) };
  }

  async #scan(image: DueImage, budget: ReadBudget, versions: DataVersions): Promise<void> {
    const { manifestId, repository, failures } = image;
    if (image.isActive === 0) return this.#store.postpone(image, this.#nextMatch());
    const wait = Math.min(MINUTE * 2 ** Math.min(failures, 20), MAX_WAIT);
    const claim = { manifestId, untilMs: Date.now() + wait };
    if (!(await this.#store.claim(image, claim.untilMs))) return;
    try {
      const text = await this.#textOf(image);
      const list = await this.#lists.make({ repository, text }, budget);
      // Each step reads a layer of it, so this is no failure.
      if (list === null) return await this.#store.goOn(claim, failures);
      const outcome = await this.#outcome(image, list, versions);
      if (outcome !== "unfinished") await this.#store.finish(claim, outcome);
      else if (failures < MAX_UNFINISHED) await this.#store.goOn(claim, failures + 1);
      else await this.#store.fail(claim, "its vulnerabilities take too many requests");
    } catch (error) {
      await this.#fail(claim, image, error);
    }
  }

  async #fail(claim: Claim, { repository, digest }: DueImage, error: unknown): Promise<void> {
    console.error(`the scan of ${repository}@${digest} failed`, error);
    const message = error instanceof ScannerUnavailable ? error.message : "the scan failed";
    await this.#store.fail(claim, message);
  }

  /** Matches the list by each scanner whose data may be newer than the last match's. */
  async #outcome(
    image: DueImage,
    list: ImageList,
    versions: DataVersions,
  ): Promise<Outcome | "unfinished"> {
    const names = this.#matchers.map(({ name }) => name);
    const { unscannable, distribution } = list;
    const dueAt = this.#nextMatch();
    if (dueAt === null) return { unscannable, matched: null, dueAt, entries: [] };
    const before = image.result === null ? null : (inflated(image.result) as StoredResult);
    const fresh = await this.#match(await scannedImage(image, list), before, versions);
    if (fresh === null) return "unfinished";
    const match = { distribution, fresh, names };
    const { result, found } = updated(before ?? NO_RESULT, match, Date.now());
    const exceptions = await this.#exceptions.about(image.repository, [image.digest]);
    const findings = assess(findingsOf(result), {
      exceptions,
      statements: [],
      image: { repository: image.repository, digests: [image.digest] },
      nowMs: Date.now(),
    });
    const ends = findings.flatMap(({ untilMs }) => untilMs ?? []);
    return {
      unscannable,
      matched: matchedOf(result, findings),
      // An exception that ends changes the numbers.
      dueAt: Math.min(dueAt, ...ends),
      entries: entriesOf(image, countsOf(findings), found),
    };
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
      const worst = worstOf(findings);
      fresh[matcher.name] = { matchedAt: Date.now(), dataVersion, findings: worst };
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

/** Only what is news has an event: most matches find what the last one found. */
function entriesOf(
  { repository, digest, summary }: DueImage,
  counts: Counts,
  found: readonly ImageFinding[],
): AuditEntry[] {
  const text = countsText(counts);
  const before = summary === null ? null : countsText((JSON.parse(summary) as Summary).counts);
  return [
    ...(before === text
      ? []
      : [{ action: "image.scanned", repository, digest, detail: text } as const]),
    ...(found.length === 0
      ? []
      : [{ action: "vulnerability.found", repository, digest, detail: foundText(found) } as const]),
  ];
}

function foundText(found: readonly ImageFinding[]): string {
  const ids = [...new Set(found.map(({ id, severity }) => `${id} (${severity})`))];
  const more = ids.length > NAMED ? ` and ${ids.length - NAMED} more` : "";
  return ids.slice(0, NAMED).join(", ") + more;
}
