import type { Job, Lease, Step } from "../jobs/job.ts";
import { EVENTS_JOB } from "./message.ts";
import type { Numbered, OutboxStore } from "./outbox-store.ts";
import type { Delivery, Subscription } from "./subscriber.ts";

/** The events of a page: as many as one call sends to a queue (developers.cloudflare.com/queues/platform/limits). */
const PAGE = 100;
/** The most characters of one call's messages, which may take 256 KB; no character of an event's JSON takes more than 3 bytes. */
const MAX_CHARACTERS = 80_000;
/** The most pages of one step for each subscriber. */
const MAX_PAGES = 10;

interface State {
  /** The number of the last event that each subscriber's queue got. */
  readonly sent: Readonly<Record<string, number>>;
}

/**
 * Hands events on: reads the outbox in its order and sends each event to the queue of each subscriber that wants it. A
 * crash has events sent again. A queue that takes nothing holds up its own subscriber alone.
 */
export class Dispatcher implements Job<State> {
  readonly name = EVENTS_JOB;
  readonly leaseMs = 60_000;
  readonly maxSteps = 1;
  readonly #outbox: OutboxStore;
  readonly #subscriptions: readonly Subscription[];

  constructor(outbox: OutboxStore, subscriptions: readonly Subscription[]) {
    this.#outbox = outbox;
    this.#subscriptions = subscriptions;
  }

  /** @throws AggregateError of the queues that took nothing, once the others got theirs */
  async advance(lease: Lease<State>): Promise<Step<State> | null> {
    const before = lease.state.sent ?? {};
    const sent: Record<string, number> = {};
    const failures: unknown[] = [];
    const pages = new Map<number, Promise<Numbered[]>>();
    const read = (after: number) => {
      const page = pages.get(after) ?? this.#outbox.page(after, PAGE);
      pages.set(after, page);
      return page;
    };
    let more = false;
    for (const subscription of this.#subscriptions) {
      const { name } = subscription.subscriber;
      // A new subscriber begins with what the outbox has.
      sent[name] = before[name] ?? 0;
      try {
        let isFull = true;
        for (let i = 0; i < MAX_PAGES && isFull; i++) {
          const page = await read(sent[name]);
          await send(subscription, page);
          sent[name] = page.at(-1)?.order ?? sent[name];
          isFull = page.length === PAGE;
        }
        more ||= isFull;
      } catch (error) {
        failures.push(error);
      }
    }
    const isNews = Object.entries(sent).some(([name, order]) => order !== before[name]);
    if (isNews) await this.#outbox.forget(Math.min(...Object.values(sent)));
    if (failures.length === 0) return isNews ? { state: { sent }, more } : null;
    const error = new AggregateError(failures, `events: ${failures.join("; ")}`);
    return lease.fail({ sent }, error);
  }
}

/** Sends those events of a page that the subscriber wants, in their order. */
async function send({ subscriber, queue }: Subscription, page: readonly Numbered[]): Promise<void> {
  const wanted = page.flatMap(({ event }): Delivery[] =>
    event !== null && subscriber.actions.some((action) => action === event.action)
      ? [{ subscriber: subscriber.name, event }]
      : [],
  );
  for (const some of chunksOf(wanted)) await queue.sendBatch(some.map((body) => ({ body })));
}

/** Cuts deliveries into calls that a queue takes. */
function chunksOf(deliveries: readonly Delivery[]): Delivery[][] {
  const chunks: Delivery[][] = [];
  let characters = Infinity;
  for (const delivery of deliveries) {
    const { length } = JSON.stringify(delivery);
    characters += length;
    if (characters > MAX_CHARACTERS) {
      chunks.push([]);
      characters = length;
    }
    chunks.at(-1)?.push(delivery);
  }
  return chunks;
}
