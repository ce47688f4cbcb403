/** Checks what is stored after all operations have ended: nothing that cannot be reached. */
import { digestOf } from "../../../src/db/digests.ts";
import type { Ages, Violation } from "./model.ts";

/** The part of D1 that is used here; miniflare has the same under other types. */
interface Statement {
  all(): Promise<{ readonly results: unknown[] }>;
}

export interface Stores {
  readonly db: { prepare(sql: string): Statement };
  readonly bucket: {
    list(options: { readonly cursor?: string }): Promise<{
      readonly objects: readonly { readonly key: string }[];
      readonly truncated: boolean;
      readonly cursor?: string;
    }>;
  };
}

/**
 * SQL that returns a row for each leftover.
 * @param quietAt when the last garbage collection began: what was due then is deleted, and nothing else is required
 */
function garbageAt(quietAt: number, { grace, trash }: Ages): Readonly<Record<string, string>> {
  return {
    // A manifest whose trash window ended since then leaves its blobs their grace period, as unreferenced blobs. A blob
    // whose time is over, or that is not recorded as unreferenced, waits for nothing.
    "a repository holds a blob that no manifest names": `
      SELECT r.name, ${digestOf("l.digest_id")} FROM repository_blobs l JOIN repositories r ON r.id = l.repository_id
      WHERE NOT EXISTS (SELECT 1 FROM manifest_references f
        WHERE f.repository_id = l.repository_id AND f.digest_id = l.digest_id)
      AND NOT EXISTS (SELECT 1 FROM unreferenced_blobs v
        WHERE v.repository_id = l.repository_id AND v.digest_id = l.digest_id AND v.since > ${quietAt - grace})`,
    "a blob is kept that no manifest names": `
      SELECT k.repository_id, ${digestOf("k.digest_id")} FROM trashed_blobs k
      WHERE NOT EXISTS (SELECT 1 FROM manifest_references f
        WHERE f.repository_id = k.repository_id AND f.digest_id = k.digest_id)`,
    "no repository holds a blob": `
      SELECT ${digestOf("b.digest_id")} FROM blobs b
      WHERE NOT EXISTS (SELECT 1 FROM repository_blobs l WHERE l.digest_id = b.digest_id)
        AND NOT EXISTS (SELECT 1 FROM trashed_blobs k WHERE k.digest_id = b.digest_id)`,
    "a digest has an id though no row names it": `
      SELECT d.digest FROM digests d WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.digest_id = d.id)
        AND NOT EXISTS (SELECT 1 FROM manifest_references f WHERE f.digest_id = d.id)`,
    "an object is still to be deleted": `
      SELECT key FROM object_deletions WHERE due_at <= ${quietAt}`,
    "a manifest's trash window is over": `
      SELECT m.digest FROM manifests m WHERE m.deleted_at <= ${quietAt - trash}`,
    "a tag's trash window is over": `
      SELECT h.tag FROM tag_history h WHERE h.changed_at <= ${quietAt - trash}`,
    "a repository's trash window is over": `
      SELECT r.former_name FROM repositories r WHERE r.deleted_at <= ${quietAt - trash}`,
  };
}

/**
 * @param unfinished sessions of uploads that may still have objects
 * @param quietAt when the last collection began, in milliseconds since 1970
 */
export async function leftovers(
  { db, bucket }: Stores,
  ages: Ages,
  unfinished: ReadonlySet<string>,
  quietAt: number,
): Promise<Violation[]> {
  const found: Violation[] = [];
  for (const [what, sql] of Object.entries(garbageAt(quietAt, ages))) {
    const { results } = await db.prepare(`${sql} LIMIT 5`).all();
    if (results.length > 0) found.push(garbage(`${what}: ${JSON.stringify(results)}`));
  }
  return [...found, ...(await objectsOf({ db, bucket }, unfinished))];
}

/** An object is reached by a row, by the list of objects to delete, or by an upload that may still be running. */
async function objectsOf(
  { db, bucket }: Stores,
  unfinished: ReadonlySet<string>,
): Promise<Violation[]> {
  const { results } = await db
    .prepare(
      `SELECT key FROM blobs UNION SELECT object FROM manifests WHERE object IS NOT NULL
       UNION SELECT key FROM object_deletions`,
    )
    .all();
  const reached = new Set((results as { key: string }[]).map(({ key }) => key));
  return (await keysOf(bucket)).flatMap((key) => {
    const [, upload = ""] = /^blobs\/([0-9a-f-]{36})-\d+$/.exec(key) ?? [];
    const isReached = reached.has(key) || unfinished.has(upload);
    return isReached ? [] : [garbage(`nothing reaches the object ${key}`)];
  });
}

function garbage(message: string): Violation {
  return { kind: "garbage", message, context: [] };
}

async function keysOf(bucket: Stores["bucket"]): Promise<string[]> {
  const keys: string[] = [];
  let cursor: string | undefined;
  do {
    const page: Awaited<ReturnType<Stores["bucket"]["list"]>> = await bucket.list(
      cursor === undefined ? {} : { cursor },
    );
    keys.push(...page.objects.map(({ key }) => key));
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
  return keys.filter((key) => key.startsWith("blobs/") || key.startsWith("manifests/"));
}
