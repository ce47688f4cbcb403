import { handle } from "./app.ts";
import { clearLoginCache } from "./auth/login/cache.ts";
import type { Env } from "./settings.ts";
import { consume } from "./events/consumer.ts";
import type { EventMessage } from "./events/message.ts";
import { receive } from "./events/receive.ts";
import type { Delivery } from "./events/subscriber.ts";
import { identitiesOf, registryOf } from "./isolate.ts";
import { PullStore } from "./events/pull-store.ts";
import { RefusalStore } from "./events/refusal-store.ts";
import type { JobRunner } from "./jobs/runner.ts";

export { UploadSession } from "./session/upload-session.ts";

export default {
  fetch(request, env, context) {
    const response = handle(request, env, (work) => context.waitUntil(work));
    // A client that disconnects would end the request at once; waitUntil lets it complete or clean up what it began to
    // write.
    if (request.method !== "GET") context.waitUntil(response);
    return response;
  },
  queue(batch, env) {
    if (isOfSubscriber(batch)) {
      const { subscriptions, deadEvents } = registryOf(env);
      const subscribers = subscriptions.map(({ subscriber }) => subscriber);
      return receive(batch, subscribers, deadEvents);
    }
    const stores = { pulls: new PullStore(env.DB), refusals: new RefusalStore(env.DB) };
    return consume(batch as MessageBatch<EventMessage>, stores, (job) =>
      withCacheClear(env, (runner) => runner.run(job)),
    );
  },
  scheduled(_, env) {
    return withCacheClear(env, (runner) => runner.runAll());
  },
} satisfies ExportedHandler<Env, EventMessage | Delivery>;

/** All messages of a batch come from one queue, whose name a deployment may choose. */
function isOfSubscriber(
  batch: MessageBatch<EventMessage | Delivery>,
): batch is MessageBatch<Delivery> {
  const [first] = batch.messages;
  return first !== undefined && "subscriber" in first.body;
}

/** What a policy deletes here is gone here at once, and elsewhere when it is heard of. */
async function withCacheClear(env: Env, work: (runner: JobRunner) => Promise<void>): Promise<void> {
  try {
    await work(registryOf(env).runner);
  } finally {
    clearLoginCache(identitiesOf(env));
  }
}
