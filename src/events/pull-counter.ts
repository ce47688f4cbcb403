import type { Defer } from "../defer.ts";
import { entrySize, Lru } from "../memory/lru.ts";
import type { Digest } from "../oci/digest.ts";
import type { RepositoryName, Tag } from "../oci/reference.ts";
import type { PullCount, Use } from "./pull-store.ts";
import type { EventMessage } from "./message.ts";
import { Resolutions } from "./resolutions.ts";

/** How long an isolate collects pulls before it reports them, in milliseconds. */
const GATHER = 5_000;
/** The most pulls, and uses, of one message: it holds 128 KB (developers.cloudflare.com/queues/platform/limits). */
const MAX_ITEMS = 130;
/**
 * The most pulls, and the most uses, between two reports: some 3 MB. Further pulls are not counted; a further use is
 * recorded when it happens again.
 */
const MAX_GATHERED = 5_000;
/** Memory for reported uses, in bytes: about 3,400 manifests and blobs that need no further report today. */
const REPORTED = 2 * 1024 * 1024;
const DAY = 86_400_000;

interface Gathered {
  readonly since: number;
  readonly counts: Map<string, PullCount>;
  readonly uses: Map<string, Use>;
}

/** The pulls and uses that an isolate knows of. */
class Memory {
  gathered: Gathered | null = null;
  /** The last day on which each manifest or blob was reported as in use: once a day is enough. */
  readonly reported = new Lru<number>(REPORTED);
  readonly resolutions = new Resolutions();
}

const memories = new WeakMap<Queue<EventMessage>, Memory>();

function countsOf(queue: Queue<EventMessage>): Memory {
  const memory = memories.get(queue) ?? new Memory();
  memories.set(queue, memory);
  return memory;
}

/** A manifest or blob that a client asked for. */
interface Asked {
  readonly repository: RepositoryName;
  readonly digest: Digest;
}

/** A manifest that a client, known by its account and network, asked for. */
export interface Read extends Asked {
  readonly client: string;
  /** The tag that the client asked for; null for a digest. */
  readonly tag: Tag | null;
}

/** Records that a client needs a manifest or blob. Only the first use of a day costs anything. */
export function noteUse(
  queue: Queue<EventMessage>,
  { repository, digest }: Asked,
  defer: Defer,
): void {
  const memory = countsOf(queue);
  const day = today();
  const key = useKey({ repository, digest });
  if (memory.reported.get(key) === day) return;
  const { uses } = gather(queue, memory, defer);
  if (uses.size < MAX_GATHERED) uses.set(key, { repository, digest, day });
}

/** Records that a client asked for a manifest by HEAD, or has it already: a use, but no pull. */
export function noteLook(queue: Queue<EventMessage>, read: Read, defer: Defer): void {
  noteUse(queue, read, defer);
  if (read.tag !== null) countsOf(queue).resolutions.resolved(read, read.tag, read.digest);
}

/**
 * Counts a pull, once and under the tag that the client first asked for, if this isolate saw that. The first pull of a
 * few seconds later reports all of them; an isolate that dies before loses only those.
 * @param index the text of the manifest if it is an index: pulls of its children belong to the same pull
 */
export function countPull(
  queue: Queue<EventMessage>,
  { index, ...read }: Read & { readonly index: string | null },
  defer: Defer,
): void {
  noteUse(queue, read, defer);
  const memory = countsOf(queue);
  const { repository, digest } = read;
  const { resolutions } = memory;
  const tag = read.tag ?? resolutions.tagOf(read, digest);
  const isPart = tag === null && resolutions.isPart(read, digest);
  if (index !== null) resolutions.pulled(read, index);
  if (isPart) return;
  const day = today();
  const key = `${repository} ${tag ?? ""} ${day}`;
  const { counts } = gather(queue, memory, defer);
  const before = counts.get(key)?.count ?? 0;
  if (before === 0 && counts.size >= MAX_GATHERED) return;
  counts.set(key, { repository, tag: tag ?? "", day, count: before + 1 });
}

/** Returns what is gathered at the moment, or starts gathering with a report at its end. */
function gather(queue: Queue<EventMessage>, memory: Memory, defer: Defer): Gathered {
  const now = Date.now();
  const current = memory.gathered;
  // The request that was to report may have been cancelled; then the next one reports.
  if (current !== null && current.since >= now - 2 * GATHER) return current;
  const { counts = new Map<string, PullCount>(), uses = new Map<string, Use>() } = current ?? {};
  const next = { since: now, counts, uses };
  memory.gathered = next;
  defer(report(queue, memory, next));
  return next;
}

async function report(
  queue: Queue<EventMessage>,
  memory: Memory,
  current: Gathered,
): Promise<void> {
  await scheduler.wait(GATHER);
  if (memory.gathered !== current) return;
  memory.gathered = null;
  const counts = [...current.counts.values()];
  const uses = [...current.uses.values()];
  for (let start = 0; start < Math.max(counts.length, uses.length); start += MAX_ITEMS) {
    const end = start + MAX_ITEMS;
    const some = uses.slice(start, end);
    await queue.send({ kind: "pulls", counts: counts.slice(start, end), uses: some });
    // Marked only after the message was sent: a use that could not be sent is reported when it happens again.
    for (const use of some) {
      const key = useKey(use);
      memory.reported.set(key, use.day, entrySize(key));
    }
  }
}

function useKey({ repository, digest }: Asked): string {
  return `${repository} ${digest}`;
}

function today(): number {
  return Math.floor(Date.now() / DAY);
}
