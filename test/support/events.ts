/** The audit log, and the queue that brings a part of it. */
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Env } from "../../src/settings.ts";
import type { EventMessage } from "../../src/events/message.ts";
import worker from "../../src/worker.ts";
import { type Send, withSettings } from "./client.ts";

export interface Row {
  readonly id: string;
  readonly time: number;
  readonly actor: string | null;
  readonly subject: string | null;
  readonly via: string;
  readonly action: string;
  readonly namespace: string | null;
  readonly repository: string | null;
  readonly reference: string | null;
  readonly digest: string | null;
  readonly detail: string | null;
  readonly address: string | null;
  readonly agent: string | null;
  readonly request_id: string;
  readonly outcome: string;
}

/** Reads the log, or the entries of one request, the oldest first. */
export async function audited(response?: Response): Promise<Row[]> {
  const id = response?.headers.get("x-request-id") ?? null;
  const { results } = await env.DB.prepare(
    `SELECT * FROM audit WHERE ?1 IS NULL OR request_id = ?1 ORDER BY id`,
  )
    .bind(id)
    .all<Row>();
  return results;
}

/** A queue that keeps its messages, and the Worker that sends them. */
export class Outbox {
  readonly messages: EventMessage[] = [];
  readonly send: Send;
  readonly #deferred: Promise<unknown>[] = [];

  constructor(settings: Partial<Record<keyof Env, string>> = {}) {
    const queue = {
      send: (message: EventMessage) => {
        // Clones the message, as sending it does.
        this.messages.push(structuredClone(message));
        return Promise.resolve();
      },
    };
    const defer = (work: Promise<unknown>) => void this.#deferred.push(work);
    this.send = withSettings({ ...settings, EVENTS: queue as never }, defer);
  }

  /** Waits for what the answers did not wait for: all that is sent has been sent. */
  async settled(): Promise<void> {
    while (this.#deferred.length > 0) await this.#deferred.shift();
  }

  /** Delivers the messages to the consumer, as the platform does. */
  async deliver(): Promise<void> {
    await deliver(this.messages);
  }
}

export async function deliver(bodies: readonly EventMessage[]): Promise<void> {
  const messages = bodies.map((body, i) => {
    return { id: `${i}`, timestamp: Date.now(), attempts: 1, body };
  });
  const batch = createMessageBatch("slipway-events", messages);
  const context = createExecutionContext();
  await worker.queue(batch, env);
  const { retryBatch, retryMessages } = await getQueueResult(batch, context);
  if (retryBatch.retry || retryMessages.length > 0) throw new Error("the batch is to come again");
}
