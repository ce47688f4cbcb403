import { RegistryError } from "../oci/errors.ts";
import type { Bucket } from "../db/bucket.ts";
import type { FullExport } from "./exported.ts";
import { changesIn, changesPrefix, EXPORTS, fullDoneKey, fullPrefix } from "../db/keys.ts";
import type { ImportState, Source } from "./import-state.ts";

/**
 * Finds what to import: the newest complete full export of the only backup, or what the caller asks for.
 * @param own the backup that this index would write itself
 * @param from a backup or a full export, or null for the only backup
 * @throws NOT_FOUND, or CONFLICT when there are several backups
 */
export async function findSource(
  bucket: Bucket,
  own: string,
  from: string | null,
): Promise<Source> {
  const others = (await bucket.folders(EXPORTS)).filter((backupId) => backupId !== own);
  const backupIds = from === null ? await current(bucket, others) : others;
  const [backupId] = from === null ? backupIds : backupIds.filter((one) => one === from);
  if (from === null && backupIds.length > 1) {
    throw new RegistryError("CONFLICT", {
      message: `the bucket has the exports of ${backupIds.length} indexes: say which one with from: ${backupIds.join(", ")} (each begins with the time when it came into being, in hexadecimal milliseconds)`,
    });
  }
  if (backupId !== undefined) return newestOf(bucket, backupId);
  for (const one of from === null ? [] : backupIds) {
    const full = await readFull(bucket, one, from);
    if (full !== null) return sourceOf(full);
  }
  const what = from === null ? "no export" : `no complete export ${from}`;
  throw new RegistryError("NOT_FOUND", { message: `the bucket has ${what} of another index` });
}

/** Returns the backups that no other one replaces. */
async function current(bucket: Bucket, backupIds: readonly string[]): Promise<string[]> {
  const replaced = new Set<string>();
  // The newest first.
  for (const backupId of backupIds.toReversed()) {
    if (replaced.has(backupId) || backupIds.length === 1) continue;
    const [full] = await completeExports(bucket, backupId, 1);
    for (const one of full?.replaces ?? []) replaced.add(one);
  }
  return backupIds.filter((backupId) => !replaced.has(backupId));
}

async function newestOf(bucket: Bucket, backupId: string): Promise<Source> {
  const [full] = await completeExports(bucket, backupId, 1);
  if (full !== undefined) return sourceOf(full);
  return { backupId, full: null, pages: 0, since: 0, through: 0 };
}

/** Reads the newest complete full exports of a backup, the newest first. */
export async function completeExports(
  bucket: Bucket,
  backupId: string,
  limit: number,
): Promise<FullExport[]> {
  const complete: FullExport[] = [];
  for (const id of (await bucket.folders(fullPrefix(backupId))).toReversed()) {
    const full = await readFull(bucket, backupId, id);
    if (full !== null) complete.push(full);
    if (complete.length === limit) break;
  }
  return complete;
}

/** @returns null for one that is not complete, or does not exist */
async function readFull(
  bucket: Bucket,
  backupId: string,
  id: string | null,
): Promise<FullExport | null> {
  const text = id === null ? null : await bucket.read(fullDoneKey(backupId, id));
  if (text === null || id === null) return null;
  // The key decides which export it is; the fields in the text may be those of a copy.
  return { ...(JSON.parse(text) as FullExport), backupId, id };
}

function sourceOf({ backupId, id, objects, after, through }: FullExport): Source {
  return { backupId, full: id, pages: objects, since: after, through };
}

/** Lists more objects to read: the pages of the full export, then the changes since it began. */
export async function listMore(
  bucket: Bucket,
  state: ImportState,
): Promise<{ readonly state: ImportState; readonly keys: readonly string[] }> {
  const { backupId, full, after, since } = state;
  const pages = full === null ? null : fullPrefix(backupId, full);
  const isFull = pages !== null && (after === null || after.startsWith(pages));
  const prefix = isFull ? pages : changesPrefix(backupId);
  const { objects, more } = await bucket.list(prefix, after?.startsWith(prefix) ? after : null);
  const wanted = objects.filter(({ key }) =>
    isFull ? key.endsWith(".jsonl") : (changesIn(key)?.last ?? 0) > since,
  );
  const next = {
    ...state,
    covered: isFull ? since : coveredBy(wanted, state.covered),
    exportedAt: Math.max(state.exportedAt, ...wanted.map(({ uploaded }) => uploaded)),
    objects: state.objects + wanted.length,
    after: more ? (objects.at(-1)?.key ?? after) : isFull ? changesPrefix(backupId) : null,
  };
  if (!more) requireComplete(next, isFull);
  const keys = wanted.map(({ key }) => key);
  if (more || isFull) return { state: next, keys };
  return { state: { ...next, phase: "read", level: 1, next: next.objects }, keys };
}

/** Returns the number up to which there are all changes. @throws CONFLICT when some are missing */
function coveredBy(objects: readonly { readonly key: string }[], before: number): number {
  let covered = before;
  for (const { key } of objects) {
    const { first, last } = changesIn(key) ?? { first: 0, last: 0 };
    if (first > covered + 1) throw incomplete(`the changes ${covered + 1} to ${first - 1}`);
    covered = Math.max(covered, last);
  }
  return covered;
}

function requireComplete({ objects, pages, covered, through }: ImportState, isFull: boolean): void {
  if (isFull && objects !== pages) throw incomplete(`${pages - objects} of ${pages} pages`);
  if (!isFull && objects === 0) throw incomplete("all objects");
  if (!isFull && covered < through) throw incomplete(`the changes ${covered + 1} to ${through}`);
}

function incomplete(what: string): RegistryError {
  return new RegistryError("CONFLICT", {
    message: `the export is not whole: ${what} are missing from the bucket; empty the database, and import another one`,
  });
}
