import type { Event } from "../db/audit.ts";
import type { Action } from "./catalogue.ts";

/** The message of a subscriber's queue. */
export interface Delivery {
  readonly subscriber: string;
  readonly event: Event;
}

/**
 * A part of the registry that is told of changes after they were made. It has a queue of its own, so it holds up no
 * other. Each event comes at least once: its id tells a repetition. Events are handed to the queue in their order; one
 * that is tried again comes after younger ones.
 */
export interface Subscriber {
  /** Lower-case letters; the name is part of its dead events' ids. */
  readonly name: string;
  /** The actions that it is told of. */
  readonly actions: readonly Action[];
  /** @throws Error to have the event again, later */
  readonly receive: (event: Event) => Promise<void>;
}

/** A subscriber with the queue that brings it events. */
export interface Subscription {
  readonly subscriber: Subscriber;
  readonly queue: Queue<Delivery>;
}
