/** Which refusals are recorded: the rules alone, without a database. */
import { expect, test } from "vitest";
import {
  admit,
  BUDGET_WINDOW,
  budgetOf,
  droppedOf,
  type Refusal,
  windowOf,
} from "../../src/events/budget.ts";
import { type AuditEntry, auditEvent } from "../../src/db/audit.ts";

const NOW = 1_800_000_000_000;

function refusal(
  of: Refusal["of"],
  address: string,
  actor: string | null = null,
  namespace?: string,
): Refusal {
  const initiator = {
    actor,
    subject: null,
    via: "anonymous",
    address,
    agent: null,
    requestId: "r",
  };
  const outcome = of === "denial" ? "denied" : "failed";
  const entry: AuditEntry = { action: "login", ...(namespace === undefined ? {} : { namespace }) };
  return { of, event: auditEvent(initiator, entry, outcome, NOW) };
}

/** A robot, or what one of the namespace's rules took, is denied something. */
function denied(actor: string, namespace?: string): Refusal {
  return refusal("denial", "192.0.2.1", actor, namespace);
}

/** An ID token that no rule took. */
function token(of: "own token" | "foreign token", i: number, namespace: string): Refusal {
  return refusal(of, `10.${i >> 8}.${i & 255}.1`, "oidc", namespace);
}

function wrong(i: number, actor: string, of: "password" | "wait" = "password"): Refusal {
  return refusal(of, `10.${i >> 8}.${i & 255}.1`, actor);
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
  ["everywhere, at three accounts", 30, (i) => wrong(i, `u${i % 3}`)],
  ["everywhere, at six accounts", 18 + 30, (i) => wrong(i, `u${i % 6}`)],
  ["everywhere, at two hundred accounts", 150 + 30, (i) => wrong(i, `u${i}`)],
  ["everywhere, of an account that had to wait", 1, (i) => wrong(i, "alice", "wait")],
  ["everywhere, of many that had to", 30, (i) => wrong(i, `u${i}`, "wait")],
  ["everywhere, of a namespace's own ID tokens", 30, (i) => token("own token", i, "acme")],
  [
    "a /24, of a namespace's own ID tokens",
    20,
    (i) => refusal("own token", `192.0.2.${i}`, "oidc", "acme"),
  ],
  ["everywhere, of others' ID tokens in a namespace", 10, (i) => token("foreign token", i, "acme")],
  ["a robot that is denied something", 60, () => denied("acme+ci", "acme")],
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

function recordsOf(admission: ReturnType<typeof admit>, actor: string): number {
  return admission.admitted.filter(({ event }) => event.actor === actor).length;
}

test("a thousand robots and workloads of one namespace add no more than 300 records, and 120 in another", () => {
  const robots = many(1_000, (i) => denied(`${i % 2 === 0 ? "" : "oidc:"}evil+r${i}`, `n${i}`));
  expect(admitted(robots)).toBe(300);
  const flood = many(1_000, (i) => denied(`${i % 2 === 0 ? "" : "oidc:"}evil+r${i}`, "acme"));
  expect(admitted(flood)).toBe(120);
  const others = many(1_000, (i) => denied(`evil${i}+r`, "acme"));
  expect(admitted([...flood, ...others, ...many(60, () => denied("oidc", "acme"))])).toBe(120);
});

test("machines of others take no room of denials of a namespace's own and of users", () => {
  const flood = many(1_000, (i) => denied(`evil${i % 9}+r${i}`, "acme"));
  const own = ["acme+ci", "oidc:acme+github", "alice"].flatMap((actor) =>
    many(60, () => denied(actor, "acme")),
  );
  const admission = admit([...flood, ...own], new Map());
  expect(recordsOf(admission, "acme+ci")).toBe(60);
  expect(recordsOf(admission, "oidc:acme+github")).toBe(60);
  expect(recordsOf(admission, "alice")).toBe(60);
});

test.each<[string, string | undefined, { of: string; namespace?: string }]>([
  ["evil+r", "acme", { of: "denial in acme by outsiders", namespace: "acme" }],
  ["oidc:evil+r", "acme", { of: "denial in acme by outsiders", namespace: "acme" }],
  ["oidc", "acme", { of: "denial in acme by outsiders", namespace: "acme" }],
  ["acme+r", "acme", { of: "denial in acme", namespace: "acme" }],
  ["alice", "acme", { of: "denial in acme", namespace: "acme" }],
  ["acme+r", undefined, { of: "denial of acme", namespace: "acme" }],
  ["alice", undefined, { of: "denial of alice" }],
])(
  "what %s was denied in %s and is not recorded is told to the namespace's owners",
  (actor, target, told) => {
    expect(droppedOf(denied(actor, target))).toEqual({ ...told, since: windowOf(NOW), count: 1 });
  },
);

test("noise at three accounts, or at forty, hides no guesses at another", () => {
  for (const accounts of [3, 40]) {
    const noise = many(2_000, (i) => wrong(i, `u${i % accounts}`));
    const guesses = many(5, (i) => wrong(i, "alice"));
    const told = recordsOf(admit([...noise, ...guesses], new Map()), "alice");
    expect(told, `${accounts}`).toBeGreaterThanOrEqual(3);
  }
});

test("at all accounts together there are at most 180 records of wrong passwords, however many accounts", () => {
  expect(admitted(many(5_000, (i) => wrong(i, `u${i}`)))).toBe(180);
  expect(admitted(many(5_000, (i) => wrong(i, `u${i % 60}`)))).toBe(180);
});

test("logins that had to wait take no place of wrong passwords", () => {
  const waits = many(500, (i) => wrong(i, `u${i % 50}`, "wait"));
  const guesses = many(10, (i) => wrong(i, "alice"));
  expect(recordsOf(admit([...waits, ...guesses], new Map()), "alice")).toBe(10);
});

test("others' ID tokens hide none of a namespace's own, and add up to 150 records in all namespaces", () => {
  const foreign = many(2_000, (i) => token("foreign token", i, `n${i % 100}`));
  const own = many(30, (i) => token("own token", i, "n1"));
  const admission = admit([...foreign, ...own], new Map());
  expect(admission.admitted).toHaveLength(150 + 30);
  expect(droppedOf(token("foreign token", 1, "acme"))).toMatchObject({
    of: "foreign token acme",
    namespace: "acme",
  });
});

test("what was not recorded is counted by kind, and takes nothing of any budget", () => {
  const junk = many(50, (i) => refusal("secret", `192.0.2.${i % 2}`));
  const { counts, dropped } = admit(junk, new Map());
  expect(dropped.map(droppedOf)).toEqual(
    many(30, () => junk[0] as Refusal).map((one) => ({ ...droppedOf(one), of: "secret stranger" })),
  );
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
