/** Clair's notifications: a webhook names an address of Clair, which has the manifests whose vulnerabilities changed. */
import * as v from "valibot";
import { Id, parseAnswer, Text } from "../answer.ts";
import { originOf } from "../exchange.ts";
import { type Severity, severityOfWord } from "../severity.ts";
import { askClair, type ClairOptions } from "./request.ts";

/** A vulnerability that an image has now, or has no more. */
export interface ClairChange {
  /** The manifest's digest, as Clair was given it. */
  readonly digest: string;
  readonly reason: "added" | "removed";
  readonly vulnerability: string;
  readonly severity: Severity;
}

export interface ClairChanges {
  readonly changes: readonly ClairChange[];
  /** Where to go on; null at the end. */
  readonly next: string | null;
}

const TIMEOUT_MS = 30_000;
const PAGE_SIZE = 500;
/** The pages of one call; the caller goes on later. */
const MAX_PAGES = 10;

const Uuid = v.pipe(v.string(), v.uuid());
const Webhook = v.object({
  notification_id: Uuid,
  callback: v.pipe(v.string(), v.maxLength(2_048)),
});

const Page = v.object({
  page: v.object({ next: v.optional(v.nullable(v.string()), null) }),
  notifications: v.optional(
    v.nullable(
      v.array(
        v.object({
          manifest: v.pipe(v.string(), v.maxLength(256)),
          reason: v.picklist(["added", "removed"]),
          vulnerability: v.object({ name: Id, normalized_severity: Text, severity: Text }),
        }),
      ),
    ),
    null,
  ),
});

/**
 * Reads the body of a webhook.
 * @param baseUrl Clair's address, the only one that a notification is fetched from
 * @returns the notification's address; null if the body is malformed, or names another server or anything but a notification
 */
export function readWebhook(json: unknown, baseUrl: string): string | null {
  const parsed = v.safeParse(Webhook, json);
  if (!parsed.success) return null;
  const { notification_id: id, callback } = parsed.output;
  const own = URL.parse(baseUrl);
  const given = URL.parse(callback);
  if (own === null || given === null || given.origin !== own.origin) return null;
  const { username, password, pathname } = given;
  const isNotification = pathname.endsWith(`/notifier/api/v1/notification/${id}`);
  return isNotification && username === "" && password === "" ? given.origin + pathname : null;
}

/**
 * Fetches the changes of a notification, ten pages of 500 at most.
 * @param callback what `readWebhook` returned
 * @param next where the last call ended; null for the first
 * @throws ScannerUnavailable
 */
export async function clairChanges(
  callback: string,
  next: string | null,
  options: ClairOptions,
): Promise<ClairChanges> {
  const changes: ClairChange[] = [];
  let at = next;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = await fetchPage(callback, at, options);
    changes.push(...page.changes);
    // The last page has no next one; a page that is its own would never end.
    if (page.next === at || page.next === null) return { changes, next: null };
    at = page.next;
  }
  return { changes, next: at };
}

async function fetchPage(
  callback: string,
  next: string | null,
  options: ClairOptions,
): Promise<ClairChanges> {
  const query = new URLSearchParams({ page_size: `${PAGE_SIZE}`, ...(next && { next }) });
  const url = `${callback}?${query.toString()}`;
  const { json } = await askClair({ url, expected: [200], timeoutMs: TIMEOUT_MS }, options);
  const what = `${originOf(options.baseUrl)} gave a page of notifications`;
  const { page, notifications } = parseAnswer(Page, json, what);
  const changes = (notifications ?? []).map(({ manifest: digest, reason, vulnerability }) => ({
    digest,
    reason,
    vulnerability: vulnerability.name,
    severity: severityOfWord(vulnerability.normalized_severity || vulnerability.severity || ""),
  }));
  return { changes, next: v.is(Uuid, page.next) ? page.next : null };
}

/**
 * Deletes a notification, so that Clair does not keep it.
 * @throws ScannerUnavailable
 */
export async function deleteClairNotification(
  callback: string,
  options: ClairOptions,
): Promise<void> {
  const expected = [200, 204, 404];
  await askClair({ url: callback, method: "DELETE", expected, timeoutMs: TIMEOUT_MS }, options);
}
