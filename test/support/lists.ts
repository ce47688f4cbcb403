/** Lists of the management API, and the content of the index. */
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { api, type CallOptions } from "./management.ts";

/** Reads all items of a list, page by page, along the Link headers. */
export async function all<T = Record<string, unknown>>(
  path: string,
  options: CallOptions = {},
): Promise<T[]> {
  const items: T[] = [];
  let next: string | undefined = path;
  while (next !== undefined) {
    const response: Response = await api("GET", next, undefined, options);
    expect(response.status, await response.clone().text()).toBe(200);
    const page = await response.json<{ items: T[]; next: string | null }>();
    items.push(...page.items);
    next = /^<\/api\/v1(.*)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
    expect(next === undefined).toBe(page.next === null);
  }
  return items;
}

const TABLES = ["namespaces", "repositories", "tags", "manifests", "repository_blobs", "pulls"];

/** Runs the work, and checks that it changes nothing in the registry and audits nothing. */
export async function changesNothing<T>(work: () => Promise<T>): Promise<T> {
  const before = await contents();
  const result = await work();
  expect(await contents()).toEqual(before);
  return result;
}

async function contents(): Promise<unknown[]> {
  const statements = [
    ...TABLES.map((table) => `SELECT * FROM ${table}`),
    `SELECT id FROM audit WHERE outcome = 'done'`,
  ];
  const results = await env.DB.batch(statements.map((sql) => env.DB.prepare(sql)));
  return results.map((result) => result.results);
}

/** Reads the audit entries of a repository, the oldest first. */
export async function entries(repository: string): Promise<Record<string, unknown>[]> {
  const { results } = await env.DB.prepare(
    `SELECT actor, action, detail FROM audit WHERE repository = ?1 AND outcome = 'done' ORDER BY id`,
  )
    .bind(repository)
    .all();
  return results;
}
