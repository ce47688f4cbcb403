/** The page's table of triggers is the schema's, and each refusal is translated by a word of one list. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import page from "../src/db/README.md?raw";
import { RAISED } from "../src/db/raised.ts";

interface Trigger {
  readonly name: string;
  readonly table: string;
  readonly sql: string;
}

const { results: triggers } = await env.DB.prepare(
  `SELECT name, tbl_name AS "table", sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name`,
).all<Trigger>();

function isOfChangeLog({ name }: Trigger): boolean {
  return name.endsWith("_is_logged");
}

function eventOf({ sql }: Trigger): string {
  return (
    /(?:BEFORE|AFTER|INSTEAD OF)\s+((?:INSERT|UPDATE|DELETE)(?: OF [\w, ]+?)?) ON/.exec(sql)?.[1] ??
    ""
  );
}

function refusalOf({ sql }: Trigger): string {
  return /RAISE\(ABORT, '([^']*)'\)/.exec(sql)?.[1] ?? "";
}

function byName(a: { name?: string | undefined }, b: { name?: string | undefined }): number {
  return (a.name ?? "").localeCompare(b.name ?? "");
}

test("the table has each trigger with its write and its refusal, and no other", () => {
  const section = /## Triggers\n[^]*?\n## /.exec(page)?.[0] ?? "";
  const rows = [
    ...section.matchAll(/^\| (\S.*?) `(\w+)` \| `(\w+)` \| .+? \| (.*?) \| .* \|$/gm),
  ].map(([, event, table, name, refusal]) => ({ name, table, event, refusal: refusal?.trim() }));
  const expected = triggers
    .filter((trigger) => !isOfChangeLog(trigger))
    .map((trigger) => ({
      name: trigger.name,
      table: trigger.table,
      event: eventOf(trigger),
      refusal: refusalOf(trigger),
    }));
  expect(rows.toSorted(byName)).toEqual(expected.toSorted(byName));
});

test("triggers refuse with the words of the list alone, and each word is used", () => {
  const words = new Set([
    ...triggers.map(refusalOf).filter((word) => word !== ""),
    RAISED.importing,
  ]);
  expect([...words].toSorted()).toEqual(Object.values(RAISED).toSorted());
});
