/** Which refusals are worth a record: rules alone, no database. */
import { expect, test } from "vitest";
import { admit, BUDGET_WINDOW, budgetOf, type Refusal, windowOf } from "../../src/events/budget.ts";
import { auditEvent } from "../../src/storage/audit-index.ts";

const NOW = 1_800_000_000_000;

function refusal(of: Refusal["of"], address: string, actor: string | null = null): Refusal {
  const origin = { actor, subject: null, via: "anonymous", address, agent: null, requestId: "r" };
  const outcome = of === "denial" ? "denied" : "failed";
  return { of, event: auditEvent(origin, { action: "login" }, outcome, NOW) };
}

function many(count: number, make: (i: number) => Refusal): Refusal[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

function admitted(refusals: readonly Refusal[]): number {
  return admit(refusals, new Map()).admitted.length;
}

test.each<[string, number, (i: number) => Refusal]>([
  ["an address", 10, () => refusal("secret", "192.0.2.1")],
  ["a /64", 10, (i) => refusal("secret", `2001:db8:1:1::${i}`)],
  ["a /24", 20, (i) => refusal("secret", `192.0.2.${i}`)],
  ["a /48", 20, (i) => refusal("secret", `2001:db8:1:${i.toString(16)}::1`)],
  ["everywhere", 30, (i) => refusal("secret", `10.0.${i}.1`)],
  ["everywhere, at one account", 10, (i) => refusal("password", `10.0.${i}.1`, "alice")],
  ["everywhere, at many accounts", 30, (i) => refusal("password", `10.0.${i}.1`, `u${i}`)],
  ["everywhere, of workloads", 30, (i) => refusal("secret", `10.0.${i}.1`, "oidc")],
  ["an account that is denied something", 60, () => refusal("denial", "192.0.2.1", "alice")],
])("from %s %i of 200 are recorded", (_, most, make) => {
  expect(admitted(many(200, make))).toBe(most);
});

test("one network's junk leaves room for others', of each kind and for each account", () => {
  const junk = many(500, () => refusal("secret", "192.0.2.1"));
  const others = [
    refusal("secret", "198.51.100.1"),
    refusal("secret", "192.0.2.1", "alice"),
    refusal("secret", "192.0.2.1", "oidc"),
    refusal("password", "192.0.2.1"),
    refusal("password", "192.0.2.1", "alice"),
    refusal("denial", "192.0.2.1"),
    refusal("denial", "192.0.2.1", "alice"),
  ];
  expect(admit([...junk, ...others], new Map()).admitted.slice(10)).toEqual(others);
});

test("what was not recorded is counted by kind, and takes nothing of any budget", () => {
  const junk = many(50, (i) => refusal("secret", `192.0.2.${i % 2}`));
  const { counts, dropped } = admit(junk, new Map());
  expect(dropped).toEqual(new Map([["secret stranger", 30]]));
  expect(counts.get("secret stranger")).toBe(20);
  expect(counts.get("secret stranger range 192.0.2")).toBe(20);
});

test("counts go on from where they stand, and only those that went up are given back", () => {
  const before = new Map([
    ["secret stranger", 28],
    ["other", 5],
  ]);
  const junk = many(5, (i) => refusal("secret", `10.0.${i}.1`));
  const { admitted: some, counts } = admit(junk, before);
  expect(some).toHaveLength(2);
  expect(counts.get("secret stranger")).toBe(30);
  expect(counts.size).toBe(5);
  expect(before.get("secret stranger")).toBe(28);
});

test("a window is a quarter of an hour, and its refusals are one kind whatever the address", () => {
  expect(windowOf(NOW)).toBe(windowOf(windowOf(NOW) + BUDGET_WINDOW - 1));
  expect(windowOf(NOW) + BUDGET_WINDOW).toBe(windowOf(windowOf(NOW) + BUDGET_WINDOW));
  expect(budgetOf(refusal("secret", "192.0.2.1")).kind).toBe("secret stranger");
});
