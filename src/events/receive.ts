import type { DeadEventStore } from "./dead-store.ts";
import type { Delivery, Subscriber } from "./subscriber.ts";

/**
 * How often an event is delivered before it counts as dead. The queue itself gives up later (`max_retries` in
 * wrangler.toml), on events whose deliveries ended the Worker before it could count them.
 */
export const MAX_DELIVERIES = 10;
/** Seconds until the second delivery; each further one comes after twice as long, up to an hour. */
const FIRST_DELAY = 5;
const MAX_DELAY = 3_600;
const ENDED = "each delivery ended the Worker before it could say why";

/** The name's end of a queue for messages that another queue gave up. */
const DEAD = "-dead";

/**
 * Has subscribers receive the events of a batch, in their order. Each event is done, comes again or dies by itself, so
 * one that fails holds up no other.
 */
export async function receive(
  { queue, messages }: MessageBatch<Delivery>,
  subscribers: readonly Subscriber[],
  dead: DeadEventStore,
): Promise<void> {
  const inOrder = messages.toSorted((a, b) => a.body.event.order - b.body.event.order);
  for (const message of inOrder) {
    const { subscriber, event } = message.body;
    const error = queue.endsWith(DEAD) ? ENDED : await failureOf(message.body, subscribers);
    if (error !== null && !queue.endsWith(DEAD) && message.attempts < MAX_DELIVERIES) {
      message.retry({
        delaySeconds: Math.min(FIRST_DELAY * 2 ** (message.attempts - 1), MAX_DELAY),
      });
      continue;
    }
    if (error !== null) await dead.add(subscriber, event, error);
    message.ack();
  }
}

/** Has a subscriber receive an event. @returns why it failed; null if it did not */
async function failureOf(
  { subscriber: name, event }: Delivery,
  subscribers: readonly Subscriber[],
): Promise<string | null> {
  try {
    const subscriber = subscribers.find((one) => one.name === name);
    if (subscriber === undefined) throw new Error(`there is no subscriber ${name}`);
    await subscriber.receive(event);
    return null;
  } catch (error) {
    console.error(error);
    return String(error);
  }
}
