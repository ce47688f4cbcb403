import { expect, test } from "vitest";
import { Buffers } from "../../src/session/buffers.ts";
import { random } from "../support/images.ts";

test("what fits is given at once", async () => {
  const buffers = new Buffers(100, 64);
  await buffers.take(60);
  await buffers.take(40);
  expect(buffers.used).toBe(100);
});

test("what does not fit waits until enough is given back", async () => {
  const buffers = new Buffers(100, 64);
  await buffers.take(80);
  const order = waiting(buffers, [50]);
  await aWhile();
  expect(order).toEqual([]);
  buffers.give(20);
  await aWhile();
  expect(order).toEqual([]);
  buffers.give(60);
  await expect.poll(() => order).toEqual([50]);
  expect(buffers.used).toBe(50);
});

test("first come, first served: a small one does not pass a big one", async () => {
  const buffers = new Buffers(100, 64);
  await buffers.take(90);
  const order = waiting(buffers, [50, 5, 60]);
  await aWhile();
  expect(order).toEqual([]);
  buffers.give(90);
  await expect.poll(() => order).toEqual([50, 5]);
  await aWhile();
  expect(order).toEqual([50, 5]);
  buffers.give(55);
  await expect.poll(() => order).toEqual([50, 5, 60]);
});

test("nothing is taken for nothing: zero bytes do not wait for space", async () => {
  const buffers = new Buffers(100, 64);
  await buffers.take(100);
  await buffers.take(0);
  expect(buffers.used).toBe(100);
});

test("the peak is the most that ever was in use", async () => {
  const buffers = new Buffers(100, 64);
  await buffers.take(70);
  buffers.give(70);
  await buffers.take(30);
  expect(buffers.peak).toBe(70);
  expect(buffers.used).toBe(30);
});

test("a hundred takers at once: never above the limit, all are served, all comes back", async () => {
  const buffers = new Buffers(1_000, 64);
  const next = random(7);
  let served = 0;
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      const bytes = next() % 400;
      await buffers.take(bytes);
      expect(buffers.used).toBeLessThanOrEqual(1_000);
      for (let turns = next() % 5; turns > 0; turns--) await Promise.resolve();
      buffers.give(bytes);
      served++;
    }),
  );
  expect(served).toBe(100);
  expect(buffers.used).toBe(0);
  expect(buffers.peak).toBeGreaterThan(600);
  expect(buffers.peak).toBeLessThanOrEqual(1_000);
});

/** Takes each amount, in this order; what was given shows up in the answer. */
function waiting(buffers: Buffers, amounts: readonly number[]): number[] {
  const order: number[] = [];
  for (const bytes of amounts) void buffers.take(bytes).then(() => order.push(bytes));
  return order;
}

/** Time enough for whoever waits wrongly to be served; who waits rightly may take longer. */
function aWhile(): Promise<void> {
  return scheduler.wait(50);
}

test("a big buffer is used again, until nobody needs one", async () => {
  const buffers = new Buffers(1_000, 64);
  const [first, other] = [await buffers.take(64), await buffers.take(64)];
  buffers.give(64, first);
  expect(await buffers.take(64)).toBe(first);
  buffers.give(64, first);
  buffers.give(64, other);
  expect([first, other]).not.toContain(await buffers.take(64));
});

test("nothing is taken for nothing, whoever stands in line", async () => {
  const buffers = new Buffers(100, 64);
  await buffers.take(80);
  const order = waiting(buffers, [50]);
  await buffers.take(0);
  expect(order).toEqual([]);
  buffers.give(80);
  await expect.poll(() => order).toEqual([50]);
});

test("spare buffers count: one for which there is no room is let go", async () => {
  const buffers = new Buffers(130, 64);
  const [first, other] = [await buffers.take(64), await buffers.take(64)];
  buffers.give(64, first);
  await buffers.take(10);
  buffers.give(64, other);
  expect(await buffers.take(64)).not.toBe(first);
});
