/** Reads what is stored: for tests that something was left behind, or that nothing was. */
import { env } from "cloudflare:workers";
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, vi } from "vitest";
import type { Progress } from "../../src/session/progress.ts";
import type { UploadSession } from "../../src/session/upload-session.ts";
import { uploadOf } from "./client.ts";

/** Tables of which only the number of rows is compared, since they have many. */
const COUNTED = [
  "blobs",
  "repository_blobs",
  "manifests",
  "manifest_references",
  "unreferenced_blobs",
];

/** Tables that are compared row by row, so that a row that was only rewritten is seen as well. */
const COMPARED = [
  "repositories",
  "tags",
  "tag_history",
  "trashed_blobs",
  "namespaces",
  "namespace_usage",
  "quotas",
  "users",
  "members",
  "robots",
  "trust_rules",
  "revocations",
];

const STATEMENTS: Readonly<Record<string, string>> = Object.fromEntries([
  ...COUNTED.map((table) => [table, `SELECT count(*) AS n FROM ${table}`]),
  ...COMPARED.map((table) => [table, `SELECT * FROM ${table}`]),
  // A deleted or restored manifest has a row before and after, so deleted ones are counted too.
  ["manifests", `SELECT count(*) AS n, count(deleted_at) AS deleted FROM manifests`],
  // The day of the last use is left out, as each new day is recorded.
  [
    "tokens",
    `SELECT id, user, robot, hash, description, scopes, expires_at, created_at FROM tokens`,
  ],
  // So is the last use of a session.
  ["sessions", `SELECT hash, id, user, mark, address, agent, created_at, expires_at FROM sessions`],
  // Refusals are recorded too, but later.
  ["audit", `SELECT id FROM audit WHERE outcome = 'done'`],
]);

/** Reads every key of the bucket, and the rows of every table. */
export async function stored(): Promise<{ keys: string[]; rows: Record<string, unknown[]> }> {
  const statements = Object.values(STATEMENTS).map((sql) => env.DB.prepare(sql));
  const results = await env.DB.batch(statements);
  const rows = Object.keys(STATEMENTS).map(
    (table, i) => [table, results[i]?.results ?? []] as const,
  );
  return { keys: await keys(), rows: Object.fromEntries(rows) };
}

export async function keys(): Promise<string[]> {
  const { objects, truncated } = await env.BLOBS.list();
  if (truncated) throw new Error("more objects than one listing shows");
  return objects.map(({ key }) => key).toSorted();
}

/** Runs the work, and checks that it leaves the bucket and the index as they were. */
export async function leavesNothing<T>(work: () => Promise<T>): Promise<T> {
  const before = await stored();
  const result = await work();
  expect(await stored()).toEqual(before);
  return result;
}

/** Checks that a repetition adds nothing: it may be audited once more, and rewrite what exists. */
export async function addsNothing<T>(work: () => Promise<T>): Promise<T> {
  const before = await counted();
  const result = await work();
  expect(await counted()).toEqual(before);
  return result;
}

async function counted(): Promise<unknown> {
  const { keys: all, rows } = await stored();
  const { audit: _, ...others } = rows;
  const counts = Object.entries(others).map(([table, found]) => {
    const of = COUNTED.includes(table) ? found : found.length;
    return [table, of] as const;
  });
  return { keys: all, rows: Object.fromEntries(counts) };
}

/** Returns the progress of an upload's session; undefined when the session has deleted it. */
export function session(location: string): Promise<Progress | undefined> {
  return runInDurableObject(env.SESSIONS.getByName(uploadOf(location)), (_, { storage }) =>
    storage.kv.get<Progress>("progress"),
  );
}

/** Evicts an upload's session from memory; one without any call is in none. */
export async function evict(location: string): Promise<void> {
  await evictDurableObject(env.SESSIONS.getByName(uploadOf(location))).catch((error: unknown) => {
    if (!String(error).includes("not currently running")) throw error;
  });
}

/** Returns when an upload's session expires by itself, in milliseconds since 1970; null for never. */
export function alarmOf(location: string): Promise<number | null> {
  const stub = env.SESSIONS.getByName(uploadOf(location));
  return runInDurableObject(stub, async (_, { storage }) => {
    const alarm = await storage.getAlarm();
    // An earlier alarm may report its size to the index.
    return alarm === null ? null : (storage.kv.get<number>("expiry") ?? alarm);
  });
}

/** Runs the alarms in which an upload's session reports its size to the index. */
async function tellIndex(stub: DurableObjectStub<UploadSession>): Promise<void> {
  const alarm = () =>
    runInDurableObject(stub, (_, { storage }) => storage.kv.get<string>("alarm") ?? null);
  while ((await alarm()) === "count") await runDurableObjectAlarm(stub);
}

/** Runs the alarm that ends an upload's session, and before it the one that reports its size to the index. */
export async function runExpiry(stub: DurableObjectStub<UploadSession>): Promise<boolean> {
  await tellIndex(stub);
  return runDurableObjectAlarm(stub);
}

/** Waits for an upload's alarm. @returns false when there is none */
export async function awaitAlarm(location: string): Promise<boolean> {
  const stub = env.SESSIONS.getByName(uploadOf(location));
  await tellIndex(stub);
  const alarm = await alarmOf(location);
  if (alarm === null) return false;
  vi.useFakeTimers({ toFake: ["Date"], now: alarm });
  return runDurableObjectAlarm(stub);
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
