/** Named parameters of SQL. */
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { fragment, merge, prepare } from "../../src/db/sql.ts";

describe("A statement's parameters", () => {
  test("are bound by their names, each as often as it occurs", async () => {
    const row = await prepare(env.DB, "SELECT :b AS b, :a AS a, :b || :a AS both", {
      a: "1",
      b: "2",
    }).first();
    expect(row).toEqual({ a: "1", b: "2", both: "21" });
  });

  test("are not looked for in quoted texts", async () => {
    const sql = "SELECT 'it''s :a' AS text, ':b' || :a AS value";
    expect(await prepare(env.DB, sql, { a: "1" }).first()).toEqual({
      text: "it's :a",
      value: ":b1",
    });
  });

  test("may be null, and there may be none", async () => {
    expect(await prepare(env.DB, "SELECT :a AS a", { a: null }).first()).toEqual({ a: null });
    expect(await prepare(env.DB, "SELECT 1 AS a").first()).toEqual({ a: 1 });
  });

  test("have a value each, and no value is left over", () => {
    expect(() => prepare(env.DB, "SELECT :a, :b", { a: 1 })).toThrow("no value for :b");
    expect(() => prepare(env.DB, "SELECT :a", { a: 1, b: 2 })).toThrow(":b does not occur");
    // A name of every object is not taken for a value.
    expect(() => prepare(env.DB, "SELECT :constructor")).toThrow("no value for :constructor");
  });

  test("are picked from the values of several statements", () => {
    const values = { a: 1, b: 2 };
    expect(fragment("SELECT :b, ':a'", values)).toEqual({
      sql: "SELECT :b, ':a'",
      values: { b: 2 },
    });
    expect(() => prepare(env.DB, "SELECT :c", fragment("SELECT :c", values).values)).toThrow(
      "no value for :c",
    );
  });

  test("keep one value each when fragments are merged", () => {
    expect(merge({ a: 1, b: 2 }, { b: 2, c: null })).toEqual({ a: 1, b: 2, c: null });
    expect(() => merge({ a: 1 }, { a: "1" })).toThrow(":a has two values");
  });
});
