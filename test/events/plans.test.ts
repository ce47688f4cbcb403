/** Every statement that a stranger can cause finds its rows by an index. */
import { expect, test } from "vitest";
import { LoginAttemptStore } from "../../src/db/login-attempts.ts";
import { AuditStore } from "../../src/db/audit.ts";
import { IdentityStore } from "../../src/db/identities.ts";
import { RefusalStore } from "../../src/events/refusal-store.ts";
import { plansOf, tableScans } from "../support/plans.ts";

const PLACES = { account: "a", network: "b", known: ["known:b"], unknown: ["address:c", "all:"] };

test("no statement of logins, refusals or the log's outcomes walks through a table", async () => {
  const plans = await plansOf(async (db) => {
    const attempts = new LoginAttemptStore(db);
    await attempts.failed(PLACES.unknown, 1, 1);
    await attempts.takeAttempts([{ key: "all:", pace: 1 }], 1);
    await attempts.remember(PLACES, 1);
    await attempts.expire(1, 1);
    const about = { repositories: [], namespaces: [] };
    const query = { name: "a", hash: null, session: null, places: PLACES, ...about };
    await new IdentityStore(db).find(query, null);
    const byCookie = { name: null, hash: null, session: "a", places: null, ...about };
    await new IdentityStore(db).find(byCookie, null);
    await new IdentityStore(db).seen("a", 1, 0);
    const refusals = new RefusalStore(db);
    const before = await refusals.standing(1, ["a"], ["b"]);
    await refusals.write(1, { events: [], counts: new Map([["a", 1]]) }, before);
    await refusals.namespacesAmong(["a"]);
    await refusals.suppress([{ since: 1, until: 2, of: "a", count: 1 }]);
    await refusals.expire(1, 1);
    for (const outcome of ["denied", "done"] as const) {
      await new AuditStore(db).list({ outcome }, { after: "", limit: 10 });
      await new AuditStore(db).list({ outcome, actor: "a" }, { after: "", limit: 10 });
    }
  });
  expect(plans.length).toBeGreaterThan(15);
  for (const { sql, plan } of plans) {
    // The log itself is read in its order, only the newest entries.
    const isInOrder = plan.length === 1;
    const found = tableScans(plan).filter((line) => !(isInOrder && line === "SCAN audit"));
    expect(found, sql).toEqual([]);
  }
  const denied = plans.filter(
    ({ sql }) => sql.includes("outcome <> 'done'") && !sql.includes("actor ="),
  );
  for (const { plan } of denied) expect(plan.join()).toContain("audit_by_outcome");
});
