import { expect, test } from "vitest";
import { FAILURE_WINDOW, failureKeys, network, retryAfter } from "../../src/auth/throttle.ts";

function realm(address: string, key = "a key") {
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

test("an account is counted by a hash, without a letter of what was typed as its name", async () => {
  const [account, address] = await failureKeys("hunter2", realm("2001:db8:1:2:3:4:5:6"));
  expect(account).toMatch(/^account:[0-9a-f]{64}$/);
  expect(address).toBe("address:2001:db8:1:2");
});

test("what was typed cannot be tried against its hash without our key", async () => {
  const [one] = await failureKeys("hunter2", realm("192.0.2.1", "one key"));
  const [other] = await failureKeys("hunter2", realm("192.0.2.1", "another key"));
  expect(one).not.toBe(other);
});

test("whatever is typed as the name, its key is short", async () => {
  const [account] = await failureKeys("x".repeat(100_000), realm("192.0.2.1"));
  expect(account).toHaveLength("account:".length + 64);
});

test("29 failures are none too many; at 30 the wait is until the window ends", () => {
  const since = NOW - 60_000;
  expect(retryAfter([{ key: "a", failures: 29, since }], NOW)).toBeNull();
  expect(retryAfter([{ key: "a", failures: 30, since }], NOW)).toBe(14 * 60);
  expect(retryAfter([{ key: "a", failures: 3_000, since }], NOW)).toBe(14 * 60);
  expect(retryAfter([], NOW)).toBeNull();
});

test("a window that has ended counts no longer, to the millisecond", () => {
  const at = (since: number) => retryAfter([{ key: "a", failures: 30, since }], NOW);
  expect(at(NOW - FAILURE_WINDOW)).toBeNull();
  expect(at(NOW - FAILURE_WINDOW + 1)).toBe(1);
});

test("of several counts the longest wait holds", () => {
  const counts = [
    { key: "a", failures: 30, since: NOW - 14 * 60_000 },
    { key: "b", failures: 30, since: NOW - 60_000 },
    { key: "c", failures: 1, since: NOW },
  ];
  expect(retryAfter(counts, NOW)).toBe(14 * 60);
});
