/** Each test file has a database of its own, with the tables that a deployment has, and bindings as strict as production's. */
import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect } from "vitest";
import { makeStrict } from "./production/bindings.ts";
import { takeViolations } from "./production/invocation.ts";
import { makeEntryStrict } from "./production/request.ts";
import { makeJobsStrict } from "./production/jobs.ts";

await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
await makeStrict();
makeEntryStrict();
makeJobsStrict();

afterEach(() => {
  expect(takeViolations(), "what production would have refused").toEqual([]);
});
