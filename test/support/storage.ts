/** What is really stored: for tests that something was left behind, or that nothing was. */
import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { expect } from "vitest";
import type { Progress } from "../../src/session/progress.ts";
import { uploadOf } from "./client.ts";

const TABLES = [
  "repositories",
  "blobs",
  "repository_blobs",
  "manifests",
  "manifest_references",
  "tags",
  "namespaces",
  "users",
  "members",
  "robots",
  "tokens",
  "trust_rules",
  "revocations",
] as const;

/** Every key of the bucket and the number of rows of every table. */
export async function stored(): Promise<{ keys: string[]; rows: Record<string, number> }> {
  const counts = TABLES.map((table) => env.DB.prepare(`SELECT count(*) AS n FROM ${table}`));
  const results = await env.DB.batch<{ n: number }>(counts);
  const rows = results.map(({ results: [row] }, i) => [TABLES[i] ?? "", row?.n ?? -1] as const);
  return { keys: await keys(), rows: Object.fromEntries(rows) };
}

export async function keys(): Promise<string[]> {
  const { objects, truncated } = await env.BLOBS.list();
  if (truncated) throw new Error("more objects than one listing shows");
  return objects.map(({ key }) => key).toSorted();
}

/** Runs the work and holds it to leave the bucket and the index as they were. */
export async function leavesNothing<T>(work: () => Promise<T>): Promise<T> {
  const before = await stored();
  const result = await work();
  expect(await stored()).toEqual(before);
  return result;
}

/** The book of an upload's session; undefined when the session has forgotten it. */
export function session(location: string): Promise<Progress | undefined> {
  return runInDurableObject(env.SESSIONS.getByName(uploadOf(location)), (_, { storage }) =>
    storage.kv.get<Progress>("progress"),
  );
}

/** Whether a multipart upload can still be written to. */
export async function isOpen({
  key,
  uploadId,
}: {
  key: string;
  uploadId: string;
}): Promise<boolean> {
  try {
    await env.BLOBS.resumeMultipartUpload(key, uploadId).uploadPart(9_999, new Uint8Array(1));
    return true;
  } catch (error) {
    expect(String(error)).toContain("(10024)");
    return false;
  }
}
