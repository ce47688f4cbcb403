import { handle } from "./app.ts";
import { forget } from "./auth/login/cache.ts";
import { MAX_LIFETIME } from "./auth/oidc/trust-check.ts";
import { type Env, readSettings } from "./settings.ts";
import { consume } from "./events/consumer.ts";
import type { EventMessage } from "./events/message.ts";
import { principalsOf, registryOf } from "./isolate.ts";
import { AttemptIndex } from "./db/login-attempts.ts";
import { AuditIndex } from "./db/audit.ts";
import { expirePulls } from "./events/prune-store.ts";
import { PullIndex } from "./events/pull-store.ts";
import { RefusalIndex } from "./events/refusal-store.ts";
import { goOn, runUpkeep, type Upkeep } from "./jobs/runner.ts";
import { tidy } from "./jobs/prune.ts";

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
    const stores = { pulls: new PullIndex(env.DB), refusals: new RefusalIndex(env.DB) };
    return consume(batch, stores, (job) => keepingUp(env, (upkeep) => goOn(upkeep, job)));
  },
  scheduled(_, env) {
    return keepingUp(env, runUpkeep);
  },
} satisfies ExportedHandler<Env, EventMessage>;

/**
 * Runs a job, then clears this isolate's login cache: what a policy deletes is gone here at once, and in other isolates
 * when the revocation reaches them.
 */
async function keepingUp(env: Env, work: (upkeep: Upkeep) => Promise<void>): Promise<void> {
  try {
    await work(upkeepOf(env));
  } finally {
    forget(principalsOf(env));
  }
}

function upkeepOf(env: Env): Upkeep {
  const { auditAge, uploadTtl, tokenSeconds, defaultQuota, maxRepositories } = readSettings(env);
  const stores = {
    attempts: new AttemptIndex(env.DB),
    audit: new AuditIndex(env.DB),
    principals: principalsOf(env),
    refusals: new RefusalIndex(env.DB),
  };
  // A revocation is kept as long as any token signed before it can be valid, including expired ones that end an upload.
  const longest = Math.max(tokenSeconds, MAX_LIFETIME) * 1000 + uploadTtl;
  return {
    ...registryOf(env),
    tidy: [
      () => registryOf(env).quotas.setBounds(defaultQuota, maxRepositories),
      () => expirePulls(env.DB, Date.now()),
      () => tidy(stores, { audit: auditAge, tokens: longest }),
    ],
    again: (job) => env.EVENTS.send({ kind: job }),
  };
}
