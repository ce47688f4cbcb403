/** How much of an upload is held, and how large its requests are: rules without a clock. */
import { afterEach, describe, expect, test } from "vitest";
import { firstOf, lengthOf, withoutFirst } from "../../../src/cli/remote/pieces.ts";
import { ByteQueue } from "../../../src/cli/upload/byte-queue.ts";
import { UploadWindow } from "../../../src/cli/upload/window.ts";

const MIB = 1024 ** 2;
const LIMIT_BYTES = 100_000_000;
const open: UploadWindow[] = [];

afterEach(() => {
  for (const window of open.splice(0)) window.close();
});

function windowOf(maxRequestBytes = LIMIT_BYTES, bodyBytes: number | null = null): UploadWindow {
  const window = new UploadWindow(maxRequestBytes, bodyBytes);
  open.push(window);
  return window;
}

/** Sends requests one after the other at this speed. @returns the bytes of each */
function requestsAt(bytesPerSecond: number, count: number, window = windowOf()): number[] {
  let offset = 0;
  return Array.from({ length: count }, () => {
    const bytes = window.requestBytes(offset);
    window.measure(bytes, (bytes / bytesPerSecond) * 1000);
    offset += bytes;
    return bytes;
  });
}

describe("an upload holds no more than its uplink sends in 8 s, and a client's sockets besides in 20 s", () => {
  // 256 kbit/s, 2 Mbit/s, 3 Mbit/s, 10 Mbit/s, 100 Mbit/s
  test.each([
    [32_000, 8.2],
    [250_000, 2],
    [375_000, 6],
    [1_250_000, 8],
    // 100 Mbit/s: 32 MiB are held at most.
    [12_500_000, 2.7],
  ])("at %i bytes a second, %d s", (speed, seconds) => {
    const window = windowOf();
    for (let offset = 0, at = 0; at < 20; at++) {
      // What a new upload holds at first is little at any speed.
      expect(window.bytes / speed).toBeLessThanOrEqual(8.2);
      const bytes = window.requestBytes(offset);
      expect(bytes).toBeLessThanOrEqual(window.bytes / 2);
      window.measure(bytes, (bytes / speed) * 1000);
      offset += bytes;
    }
    expect(window.bytes / speed).toBeLessThanOrEqual(seconds);
    expect(window.bytes / speed).toBeGreaterThan(seconds * 0.8);
  });

  test("which is more after a few requests, not at once, and less again when the uplink is slower", () => {
    const window = windowOf();
    const [first = 0, second = 0] = requestsAt(12_500_000, 2, window);
    expect([first, second]).toEqual([128 * 1024, 512 * 1024]);
    requestsAt(12_500_000, 8, window);
    const fast = window.bytes;
    requestsAt(250_000, 1, window);
    expect(window.bytes).toBe(500_000);
    expect(fast).toBeGreaterThan(30 * MIB);
  });
});

test("uploads share the uplink, also one that joins later and is not measured yet", () => {
  const first = windowOf();
  requestsAt(1_250_000, 10, first);
  expect(first.bytes).toBe(10_000_000);
  const second = windowOf();
  expect(first.bytes).toBe(5_000_000);
  second.close();
  expect(first.bytes).toBe(10_000_000);
});

test("a registry that answers slowly does not keep the requests small", () => {
  const window = windowOf();
  for (let at = 0; at < 12; at++) {
    const bytes = window.bytes / 2;
    // 0.6 s each, and a line of 100 Mbit/s.
    window.measure(bytes, 600 + bytes / 12_500);
  }
  expect(window.bytes).toBeGreaterThan(30 * MIB);
});

test("no request is above the registry's limit, and large ones end where parts end", () => {
  const window = windowOf();
  let offset = 0;
  for (const bytes of requestsAt(1e9, 12, window)) {
    expect(bytes).toBeLessThanOrEqual(LIMIT_BYTES);
    offset += bytes;
    if (bytes > 16 * MIB) expect(offset % (8 * MIB)).toBe(0);
  }
  for (const bytes of requestsAt(1e9, 12, windowOf(3 * MIB))) {
    expect(bytes).toBeLessThanOrEqual(3 * MIB);
  }
});

test("all uploads together hold 32 MiB at most, however much each had before the others came", () => {
  const windows: UploadWindow[] = [];
  for (let count = 0; count < 8; count++) {
    const window = windowOf();
    windows.push(window);
    requestsAt(1e9, 10, window);
    while (!window.isFull) window.held += MIB / 16;
  }
  const held = windows.reduce((sum, window) => sum + window.held, 0);
  // Each may hold a little, so that none stands still.
  expect(held).toBeLessThanOrEqual(32 * MIB + 7 * 256 * 1024);
  expect(windows[7]?.held).toBe(256 * 1024);
  for (const window of windows.slice(1)) {
    window.close();
    open.splice(open.indexOf(window), 1);
  }
  expect(windows[0]?.bytes).toBeGreaterThan(14 * MIB);
});

/** Asks for the uplink. @returns the order in which it is had, and what ends each request */
function line() {
  const order: string[] = [];
  const ends = new Map<string, () => void>();
  const send = (name: string, window: UploadWindow): Promise<void> =>
    window.inTurn(async () => {
      order.push(name);
      const { promise, resolve } = Promise.withResolvers<void>();
      ends.set(name, resolve);
      await promise;
    });
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.();
    // The others look again when the one that has ended could ask anew.
    for (let turn = 0; turn < 3; turn++) await new Promise((done) => setImmediate(done));
  };
  return { order, send, end };
}

test("an upload whose client waits for its answer has the uplink before the others", async () => {
  const [ending, other] = [windowOf(), windowOf()];
  const { order, send, end } = line();
  ending.isEnding = true;
  const sent = [send("ending", ending), send("other", other)];
  await end("ending");
  expect(order).toEqual(["ending"]);
  ending.isEnding = false;
  await end("ending");
  expect(order).toEqual(["ending", "other"]);
  await end("other");
  ending.isEnding = true;
  other.isEnding = true;
  sent.push(send("ending", ending), send("other", other));
  expect(order.slice(2)).toEqual(["ending", "other"]);
  await end("ending");
  await end("other");
  await Promise.all(sent);
});

describe("where clients would wait too long for what their sockets hold", () => {
  test("uploads have the uplink one after the other, the one that began first before the others", async () => {
    const [old, middle, young] = [windowOf(), windowOf(), windowOf()];
    requestsAt(250_000, 20, young);
    const { order, send, end } = line();
    const sent = [send("young", young), send("old", old), send("middle", middle)];
    for (const name of ["young", "old", "middle"]) await end(name);
    expect(order).toEqual(["young", "old", "middle"]);
    // Half of what it holds is a request, as for an upload that is alone.
    expect(young.bytes).toBe(500_000);
    await Promise.all(sent);
  });

  test("and the first one keeps it from one request to the next", async () => {
    const [first, other] = [windowOf(), windowOf()];
    requestsAt(250_000, 20, first);
    const { order, send, end } = line();
    const all = send("1", first).then(() => send("2", first));
    const after = send("other", other);
    await end("1");
    expect(order).toEqual(["1", "2"]);
    await end("2");
    await end("other");
    expect(order).toEqual(["1", "2", "other"]);
    await Promise.all([all, after]);
  });

  test("but before them one whose client waits, or may have sent all of it", async () => {
    const [first, large] = [windowOf(), windowOf(LIMIT_BYTES, 50_000_000)];
    const [small, ending] = [windowOf(LIMIT_BYTES, 4_000_000), windowOf()];
    const almost = windowOf(LIMIT_BYTES, 5_200_000);
    requestsAt(250_000, 20, first);
    // 0.9 MB of 5.2: the rest may be in the sockets.
    requestsAt(250_000, 5, almost);
    const { order, send, end } = line();
    const sent = [send("first", first), send("large", large)];
    sent.push(send("almost", almost), send("small", small));
    ending.isEnding = true;
    sent.push(send("ending", ending));
    await end("first");
    expect(order).toEqual(["first", "ending"]);
    ending.isEnding = false;
    for (const name of ["ending", "small", "almost", "large"]) await end(name);
    expect(order).toEqual(["first", "ending", "small", "almost", "large"]);
    await Promise.all(sent);
  });

  test("and on a faster line they send at the same time", () => {
    const [one, other] = [windowOf(), windowOf()];
    requestsAt(1_250_000, 10, one);
    const { order, send } = line();
    void send("one", one);
    void send("other", other);
    expect(order).toEqual(["one", "other"]);
  });
});

test("a queue joins small pieces, which a client decides about", () => {
  const queue = new ByteQueue();
  const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, at) => at % 251));
  for (let at = 0; at < bytes.length; at += 7) {
    queue.push(bytes.subarray(at, at + 7));
    if (at === 70_000) queue.push(Buffer.alloc(0));
  }
  const [first, rest] = [queue.take(65_537), queue.take(Infinity)];
  expect(first.length + rest.length).toBeLessThan(8);
  expect(Buffer.concat([...first, ...rest]).equals(bytes)).toBe(true);
});

test("a queue gives bytes in their order, whatever their pieces", () => {
  const queue = new ByteQueue();
  for (const piece of ["abc", "", "defgh", "i"]) queue.push(Buffer.from(piece));
  expect(queue.length).toBe(9);
  expect(Buffer.concat(queue.take(4)).toString()).toBe("abcd");
  expect(Buffer.concat(queue.take(0)).toString()).toBe("");
  expect(queue.length).toBe(5);
  const rest = queue.take(100);
  expect(Buffer.concat(rest).toString()).toBe("efghi");
  expect([queue.length, lengthOf(rest)]).toEqual([0, 5]);
  expect(Buffer.concat(withoutFirst(rest, 2)).toString()).toBe("ghi");
  expect(Buffer.concat(withoutFirst(rest, 5)).toString()).toBe("");
  expect(Buffer.concat(firstOf(rest, 4)).toString()).toBe("efgh");
});
