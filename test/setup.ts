/** Each test file begins with an empty registry, with the tables that a deployment has, and bindings as strict as production's. */
import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, vi } from "vitest";
import { makeStrict } from "./production/bindings.ts";
import { holdDeliveries } from "./production/deliveries.ts";
import { takeViolations } from "./production/invocation.ts";
import { makeEntryStrict } from "./production/request.ts";
import { makeJobsStrict } from "./production/jobs.ts";

/** Whether another file ran in this Worker. */
const IS_USED = Symbol.for("slipway.test.isUsed");

if (IS_USED in globalThis) {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  await reset();
}
await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
if (!(IS_USED in globalThis)) {
  await makeStrict();
  makeEntryStrict();
  makeJobsStrict();
  holdDeliveries();
  Object.assign(globalThis, { [IS_USED]: true });
}
takeViolations();

afterEach(() => {
  expect(takeViolations(), "what production would have refused").toEqual([]);
});
