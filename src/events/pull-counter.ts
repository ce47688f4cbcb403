import type { Defer } from "../defer.ts";
import { entrySize, Lru } from "../memory/lru.ts";
import type { Digest } from "../oci/digest.ts";
import type { RepositoryName, Tag } from "../oci/reference.ts";
import type { PullCount, Use } from "./pull-store.ts";
import type { EventMessage } from "./message.ts";
import { Resolutions } from "./resolutions.ts";

/** How long an isolate gathers pulls before it reports them, in milliseconds. */
const GATHER = 5_000;
/** A message of a queue holds 128 KB (developers.cloudflare.com/queues/platform/limits): so many pulls, and as many uses. */
const MAX_ITEMS = 130;
/** Of each kind, between two reports: some 3 MB. What is beyond is not counted, and noted as in use by its next use. */
const MAX_GATHERED = 5_000;
/** In bytes: about 3,400 manifests and blobs that need no report again today. */
const REPORTED = 2 * 1024 * 1024;
const DAY = 86_400_000;

interface Gathered {
  readonly since: number;
  readonly counts: Map<string, PullCount>;
  readonly uses: Map<string, Use>;
}

/** What an isolate knows of pulls. */
class Memory {
  gathered: Gathered | null = null;
  /** The day on which something was last reported to be in use: it is not reported twice on one. */
  readonly reported = new Lru<number>(REPORTED);
  readonly resolutions = new Resolutions();
}

const memories = new WeakMap<Queue<EventMessage>, Memory>();

function loginCacheOf(queue: Queue<EventMessage>): Memory {
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
  /** null where a digest was asked for. */
  readonly tag: Tag | null;
}

/** Notes that somebody needs a manifest or blob: once a day, and then at no cost. */
export function noteUse(
  queue: Queue<EventMessage>,
  { repository, digest }: Asked,
  defer: Defer,
): void {
  const memory = loginCacheOf(queue);
  const day = today();
  const key = useKey({ repository, digest });
  if (memory.reported.get(key) === day) return;
  const { uses } = gather(queue, memory, defer);
  if (uses.size < MAX_GATHERED) uses.set(key, { repository, digest, day });
}

/** Notes that a client looked what there is, by HEAD or for what it has already: a use, but no pull. */
export function noteLook(queue: Queue<EventMessage>, read: Read, defer: Defer): void {
  noteUse(queue, read, defer);
  if (read.tag !== null) loginCacheOf(queue).resolutions.resolved(read, read.tag, read.digest);
}

/**
 * Counts a pull, once and under the tag that the client began with, where this isolate has seen that. The first one of a few
 * seconds reports them all when these are over; an isolate that dies before loses what it has gathered, no more.
 * @param index the text of what was pulled where that is an index: its children are part of the same pull
 */
export function countPull(
  queue: Queue<EventMessage>,
  { index, ...read }: Read & { readonly index: string | null },
  defer: Defer,
): void {
  noteUse(queue, read, defer);
  const memory = loginCacheOf(queue);
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

/** What is gathered at the moment. */
function gather(queue: Queue<EventMessage>, memory: Memory, defer: Defer): Gathered {
  const now = Date.now();
  const current = memory.gathered;
  // Who was to report may have been cancelled; then the next one does.
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
    // Only now: what could not be sent is to be reported by its next use.
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
