/** An LRU cache keeps the entries that were used last, as many as fit. */
import { expect, test } from "vitest";
import { Lru } from "../../src/memory/lru.ts";

/** Returns the cached ones of the keys, without using them. */
function known(lru: Lru<string>, keys: string): string {
  return keys
    .split("")
    .filter((key) => lru.get(key) !== undefined)
    .join("");
}

function filled(limit: number, keys: string, bytes: number): Lru<string> {
  const lru = new Lru<string>(limit);
  for (const key of keys) lru.set(key, key.toUpperCase(), bytes);
  return lru;
}

test("what was set is there, and nothing else", () => {
  const lru = filled(100, "ab", 10);
  expect([lru.get("a"), lru.get("b"), lru.get("c"), lru.bytes]).toEqual(["A", "B", undefined, 20]);
});

test("the limit is reached, never exceeded: the oldest go", () => {
  const lru = filled(30, "abc", 10);
  expect(lru.bytes).toBe(30);
  lru.set("d", "D", 1);
  expect(lru.bytes).toBe(21);
  expect(known(lru, "abcd")).toBe("bcd");
  lru.set("e", "E", 30);
  expect(lru.bytes).toBe(30);
  expect(known(lru, "abcde")).toBe("e");
});

test("reading is using", () => {
  const lru = filled(30, "abc", 10);
  lru.get("a");
  lru.set("d", "D", 10);
  expect(known(lru, "abcd")).toBe("acd");
});

test("a replacement counts once, is used last, and may be of another size", () => {
  const lru = filled(30, "abc", 10);
  lru.set("a", "A2", 5);
  expect([lru.get("a"), lru.bytes]).toEqual(["A2", 25]);
  lru.set("d", "D", 15);
  expect(lru.bytes).toBe(30);
  expect(known(lru, "abcd")).toBe("acd");
});

test("what is larger than all the room is not kept, nor what it replaces, and costs nobody else", () => {
  const lru = filled(30, "abc", 10);
  lru.set("a", "A2", 31);
  expect(known(lru, "abc")).toBe("bc");
  expect(lru.bytes).toBe(20);
});

test("forgetting gives the room back, once", () => {
  const lru = filled(30, "abc", 10);
  lru.delete("b");
  lru.delete("b");
  lru.delete("never there");
  expect([known(lru, "abc"), lru.bytes]).toEqual(["ac", 20]);
});

test("any order of work: the bytes are those of the entries, and the limit holds", () => {
  const lru = new Lru<number>(100);
  const model = new Map<string, number>();
  let seed = 7;
  const next = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  for (let i = 0; i < 20_000; i++) {
    const key = `k${next(30)}`;
    const bytes = next(40);
    if (next(3) === 0) {
      const value = lru.get(key);
      expect(value).toBe(model.get(key));
      if (value !== undefined) {
        model.delete(key);
        model.set(key, value);
      }
    } else {
      lru.set(key, bytes, bytes);
      model.delete(key);
      model.set(key, bytes);
      let sum = [...model.values()].reduce((a, b) => a + b, 0);
      for (const [oldest, size] of model) {
        if (sum <= 100) break;
        model.delete(oldest);
        sum -= size;
      }
    }
    expect(lru.bytes).toBe([...model.values()].reduce((a, b) => a + b, 0));
    expect(lru.bytes).toBeLessThanOrEqual(100);
  }
});
