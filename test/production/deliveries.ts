/** The simulator's queues deliver by themselves, at any time: what they bring must not work in the middle of another test. */
import type { Env } from "../../src/settings.ts";
import worker from "../../src/worker.ts";

type Batch = Parameters<typeof worker.queue>[0];

/** Whether events and jobs that real queues bring reach the Worker. Tests that want it set it, and take it back. */
export const deliveries = { areOn: false };

/** Drops events and jobs that come from the simulator. Batches that a test makes come without a context. */
export function holdDeliveries(): void {
  const queue = worker.queue.bind(worker);
  Object.assign(worker, {
    queue(batch: Batch, env: Env, context?: ExecutionContext): Promise<void> {
      if (context === undefined || deliveries.areOn) return queue(batch, env);
      const messages = batch.messages.filter(({ body }) => "kind" in body && body.kind !== "job");
      if (messages.length === 0) return Promise.resolve();
      return queue({ queue: batch.queue, messages } as unknown as Batch, env);
    },
  });
}
