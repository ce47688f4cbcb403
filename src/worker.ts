import { handle } from "./app.ts";
import { clearLoginCache } from "./auth/login/cache.ts";
import { MAX_LIFETIME } from "./auth/oidc/trust-check.ts";
import { type Env, readSettings } from "./settings.ts";
import { consume } from "./events/consumer.ts";
import type { EventMessage } from "./events/message.ts";
import { identitiesOf, registryOf } from "./isolate.ts";
import { LoginAttemptStore } from "./db/login-attempts.ts";
import { AuditStore } from "./db/audit.ts";
import { expirePulls } from "./events/prune-store.ts";
import { PullStore } from "./events/pull-store.ts";
import { RefusalStore } from "./events/refusal-store.ts";
import { runJob, runMaintenance, type Maintenance } from "./jobs/runner.ts";
import { prune } from "./jobs/prune.ts";

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
    const stores = { pulls: new PullStore(env.DB), refusals: new RefusalStore(env.DB) };
    return consume(batch, stores, (job) =>
      withCacheClear(env, (maintenance) => runJob(maintenance, job)),
    );
  },
  scheduled(_, env) {
    return withCacheClear(env, runMaintenance);
  },
} satisfies ExportedHandler<Env, EventMessage>;

/** What a policy deletes here is gone here at once, and elsewhere when it is heard of. */
async function withCacheClear(
  env: Env,
  work: (maintenance: Maintenance) => Promise<void>,
): Promise<void> {
  try {
    await work(maintenanceOf(env));
  } finally {
    clearLoginCache(identitiesOf(env));
  }
}

function maintenanceOf(env: Env): Maintenance {
  const { auditAge, uploadTtl, tokenSeconds, defaultQuota, maxRepositories } = readSettings(env);
  const stores = {
    attempts: new LoginAttemptStore(env.DB),
    audit: new AuditStore(env.DB),
    identities: identitiesOf(env),
    refusals: new RefusalStore(env.DB),
  };
  // A revocation is kept as long as any token signed before it can be valid, including expired ones that end an upload.
  const longest = Math.max(tokenSeconds, MAX_LIFETIME) * 1000 + uploadTtl;
  return {
    ...registryOf(env),
    prune: [
      () => registryOf(env).quotas.setBounds(defaultQuota, maxRepositories),
      () => expirePulls(env.DB, Date.now()),
      () => prune(stores, { audit: auditAge, tokens: longest }),
    ],
    enqueue: (job) => env.EVENTS.send({ kind: job }),
  };
}
