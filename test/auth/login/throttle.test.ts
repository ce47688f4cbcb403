import { expect, test } from "vitest";
import {
  countsOf,
  FAILURE_WINDOW,
  isNews,
  judge,
  placesOf,
} from "../../../src/auth/login/throttle.ts";
import type { FailureCount } from "../../../src/auth/identity-store.ts";
import { network, range } from "../../../src/network.ts";

function auth(address: string, key = "a key") {
  return { address, signing: { key, nextKey: null, service: "registry.test" } };
}

const NOW = 1_800_000_000_000;

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["local", "local"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:0db8:0001:0002:ffff:ffff:ffff:ffff", "2001:db8:1:2"],
  ["2001:DB8:1:2::", "2001:db8:1:2"],
  ["2001:db8::1", "2001:db8:0:0"],
  ["2001:db8:0:0:1::", "2001:db8:0:0"],
  ["fe80::1%eth0", "fe80:0:0:0"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["::FFFF:192.0.2.1", "192.0.2.1"],
  ["0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"],
  ["64:ff9b::192.0.2.1", "64:ff9b:0:0"],
])("the address %s is in the network %s", (address, expected) => {
  expect(network(address)).toBe(expected);
});

test("each address that stands for IPv4 is a network of its own, and so is the machine itself", () => {
  const addresses = ["::", "::1", "::ffff:c000:201", "::ffff:c000:202", "::192.0.2.1"];
  expect(new Set(addresses.map(network)).size).toBe(addresses.length);
});

test.each([
  "",
  ":",
  ":::",
  "::1::2",
  "1:2:3",
  "1:2:3:4:5:6:7:8:9",
  "g::1",
  "::ffff:999.1.1.1",
  "::1]/x?y#z",
  "a@b:c",
  "%:%",
  "1:2\u0000:3",
  "f:".repeat(10_000),
  "9".repeat(10_000),
  `::${"f".repeat(10_000)}`,
])("no address throws, and none becomes a long key: %#", (address) => {
  expect(network(address).length).toBeLessThanOrEqual(45);
});

test.each([
  ["192.0.2.1", "192.0.2"],
  ["::ffff:192.0.2.1", "192.0.2"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1"],
  ["2001:db8::1", "2001:db8:0"],
  ["::1", "0:0:0:0:0:0:0:1"],
  ["local", "local"],
])("the network of %s is in the range %s", (address, expected) => {
  expect(range(network(address))).toBe(expected);
});

test("an account is counted by a hash, without a letter of what was typed as its name", async () => {
  const {
    account,
    network: here,
    known,
    unknown,
  } = await placesOf("hunter2", auth("2001:db8:1:2:3:4:5:6"));
  expect(account).toMatch(/^[0-9a-f]{64}$/);
  expect(here).toMatch(/^[0-9a-f]{64}$/);
  expect(known).toEqual([`known:${here}`]);
  const counts = ["address:2001:db8:1:2", "range:2001:db8:1", `account:${account}`, "all:"];
  expect(unknown).toEqual(counts);
});

test("what was typed cannot be tried against its hashes without our key", async () => {
  const one = await placesOf("hunter2", auth("192.0.2.1", "one key"));
  const other = await placesOf("hunter2", auth("192.0.2.1", "another key"));
  expect(one.account).not.toBe(other.account);
  expect(one.network).not.toBe(other.network);
});

test("an account has a count of its own in each network, and whatever is typed as its name, the key is short", async () => {
  const [here, there] = [auth("192.0.2.1"), auth("192.0.2.2")];
  const [one, other] = [await placesOf("ada", here), await placesOf("ada", there)];
  expect(one.network).not.toBe(other.network);
  expect(one.account).toBe(other.account);
  const long = await placesOf("x".repeat(100_000), here);
  for (const key of [...long.known, ...long.unknown]) expect(key.length).toBeLessThan(80);
});

/** Evaluates an attempt that is counted by these counts alone. */
function judged(counts: readonly FailureCount[]) {
  return judge(
    counts.map(({ key }) => key),
    counts,
    NOW,
  );
}

function count(key: string, failures: number, age: number, triedAgo?: number) {
  const triedAt = triedAgo === undefined ? 0 : NOW - triedAgo;
  return { key, failures, since: NOW - age, triedAt };
}

test.each([
  ["known:a", 30],
  ["address:a", 30],
  ["range:a", 100],
])("%s is shut at %i failures until the window ends", (key, most) => {
  expect(judged([count(key, most - 1, 60_000)])).toEqual({ wait: null, paces: [] });
  expect(judged([count(key, most, 60_000)])).toEqual({ wait: 14 * 60, paces: [] });
  expect(judged([count(key, 9_000, 60_000)]).wait).toBe(14 * 60);
  expect(judged([count(key, most, FAILURE_WINDOW - 1)]).wait).toBe(1);
  expect(judged([count(key, most, FAILURE_WINDOW)]).wait).toBeNull();
});

test.each([
  ["account:a", 30, 5_000],
  ["all:", 1_000, 1_000],
])("%s is never shut: from %i failures on it lets a try pass every %i ms", (key, most, pace) => {
  expect(judged([count(key, most - 1, 60_000)])).toEqual({ wait: null, paces: [] });
  const paces = [{ key, pace }];
  expect(judged([count(key, most, 60_000)])).toEqual({ wait: null, paces });
  expect(judged([count(key, 90_000, 60_000, pace)])).toEqual({ wait: null, paces });
  expect(judged([count(key, most, 60_000, 1)]).wait).toBe(Math.ceil((pace - 1) / 1000));
  expect(judged([count(key, most, FAILURE_WINDOW, 1)])).toEqual({ wait: null, paces: [] });
});

test("the longest wait of several counts holds, and no count is no wait", () => {
  const counts = [
    count("address:a", 30, 14 * 60_000),
    count("range:b", 100, 60_000),
    count("account:c", 30, 60_000, 0),
  ];
  expect(judged(counts).wait).toBe(14 * 60);
  expect(judged([])).toEqual({ wait: null, paces: [] });
});

test("where tries come at a pace, a network has one a minute, whatever the others have", () => {
  const account = count("account:c", 30, 60_000, 5_000);
  const keys = ["address:a", "range:b", "account:c", "all:"];
  const paces = [
    { key: "account:c", pace: 5_000 },
    { key: "address:a", pace: 60_000 },
  ];
  expect(judge(keys, [account], NOW)).toEqual({ wait: null, paces });
  const fresh = [account, count("address:a", 1, 60_000, 59_999)];
  expect(judge(keys, fresh, NOW)).toEqual({ wait: 1, paces });
  const old = [account, count("address:a", 1, 60_000, 60_000)];
  expect(judge(keys, old, NOW)).toEqual({ wait: null, paces });
  // A count without a pace does not delay the attempt.
  expect(judge(keys, [count("address:a", 1, 60_000, 1)], NOW)).toEqual({ wait: null, paces: [] });
});

test("an account that logged in from a network lately is counted there alone", async () => {
  const places = await placesOf("ada", auth("192.0.2.1"));
  expect(countsOf(places, null)).toBe(places.unknown);
  expect(countsOf(places, NOW)).toBe(places.known);
});

test("a network is noted once a day", () => {
  expect(isNews(null, NOW)).toBe(true);
  expect(isNews(NOW - 86_400_001, NOW)).toBe(true);
  expect(isNews(NOW - 86_400_000, NOW)).toBe(false);
});
