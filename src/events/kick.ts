import type { Defer } from "../defer.ts";
import { type EventMessage, EVENTS_JOB } from "./message.ts";

/** How long an isolate waits for further changes before it has their events handed on, in milliseconds. */
const GATHER = 1_000;

/** Queues that an isolate is about to send to, and since when. */
const pending = new WeakMap<Queue<EventMessage>, number>();

/**
 * Has the events of a change handed on within seconds. The first change has it done for all of the next second. If the
 * isolate ends before, the cron does it.
 */
export function kick(queue: Queue<EventMessage>, defer: Defer): void {
  const now = Date.now();
  // The request that was to send may have been cancelled; then the next one sends.
  if ((pending.get(queue) ?? 0) >= now - 2 * GATHER) return;
  pending.set(queue, now);
  defer(send(queue));
}

async function send(queue: Queue<EventMessage>): Promise<void> {
  await scheduler.wait(GATHER);
  pending.delete(queue);
  try {
    await queue.send({ kind: "job", job: EVENTS_JOB });
  } catch (error) {
    console.error(error);
  }
}
