import { none, page } from "../api/answer.ts";
import { type Endpoint, endpoint } from "../api/endpoint.ts";
import { PAGE, paged, withNext } from "../api/query.ts";
import { Nothing } from "../api/schema/common.ts";
import { type DeadEventId, formatDeadEventId, readDeadEventId } from "../http/event-id.ts";
import { invalid } from "../http/input.ts";
import { timestamp } from "../http/resource.ts";
import { RegistryError } from "../oci/errors.ts";
import type { DeadEvent as StoredEvent } from "./dead-store.ts";
import { DeadEvent, NO_FIELDS } from "./schema.ts";

/** Comes before all others: no subscriber has this name. */
const FIRST: DeadEventId = { subscriber: "", order: 0 };

const list = endpoint(
  "GET /events/dead",
  {
    id: "listDeadEvents",
    summary: "List the events that a subscriber failed to receive",
    access: "administer",
    query: PAGE,
    answer: page(DeadEvent),
  },
  async ({ query, registry }) => {
    const { after, limit } = withNext(query);
    const place = after === "" ? FIRST : readDeadEventId(after);
    if (place === null) throw invalid("after", "is not what the last page ended with");
    const found = await registry.deadEvents.list(place, limit);
    return paged(query, found.map(toJson), ({ id }) => id);
  },
);

const retry = endpoint(
  "POST /events/dead/:event/retry",
  {
    id: "retryDeadEvent",
    summary: "Send a dead event again",
    access: "administer",
    body: Nothing,
    answer: none,
    refuses: ["CONFLICT", "NOT_FOUND"],
  },
  async ({ params, initiator, registry }) => {
    const { subscriber: name } = params.event;
    const dead = await registry.deadEvents.find(params.event);
    if (dead === null) throw new RegistryError("NOT_FOUND");
    const subscription = registry.subscriptions.find(({ subscriber }) => subscriber.name === name);
    if (subscription === undefined) {
      const message = `this version has no subscriber ${name}; drop the event`;
      throw new RegistryError("CONFLICT", { message });
    }
    // Sent before its row goes: after a crash in between it is received twice rather than never.
    await subscription.queue.send({ subscriber: name, event: dead.event });
    await registry.deadEvents.remove(params.event, "event.retry", initiator);
  },
);

/** Drops an event: its subscriber never receives it. */
const drop = endpoint(
  "DELETE /events/dead/:event",
  {
    id: "dropDeadEvent",
    summary: "Drop a dead event",
    access: "administer",
    answer: none,
    refuses: ["NOT_FOUND"],
  },
  async ({ params, initiator, registry }) => {
    const isGone = await registry.deadEvents.remove(params.event, "event.drop", initiator);
    if (!isGone) throw new RegistryError("NOT_FOUND");
  },
);

export const DEAD_EVENTS: readonly Endpoint[] = [list, retry, drop];

function toJson({
  subscriber,
  event: { order, time, ...event },
  error,
  since,
}: StoredEvent): DeadEvent {
  const id = formatDeadEventId({ subscriber, order });
  // As the audit log writes its entry.
  const entry = { ...NO_FIELDS, ...event, time: timestamp(time) };
  return { id, subscriber, order, error, since: timestamp(since), event: entry };
}
