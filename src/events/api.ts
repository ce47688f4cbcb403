import type { AuditEvent, AuditFilter, AuditStore } from "../db/audit.ts";
import type { Context } from "../http/context.ts";
import { invalid, isWithin } from "../http/input.ts";
import { listing, pageOf, pageResponse } from "../http/list.ts";
import { timeOf } from "../http/time.ts";
import { timestamp } from "../http/resource.ts";

const JSON_LINES = "application/x-ndjson";
/** Entries of one query, many because a Worker may make only so many queries for one request. */
const EXPORT_PAGE = 1_000;

/** Lists what was done and what was refused, the newest first. */
export function list(context: Context): Promise<Response> {
  return answer(context, filterOf(context.url));
}

/** Lists the audit entries of one namespace. */
export function listNamespace(context: Context<"namespace">): Promise<Response> {
  const { namespace } = context.params;
  const filter = filterOf(context.url);
  // The cursor where a search stopped reveals the entries that it skipped, so it must not cover other namespaces at
  // all.
  if (filter.repository !== undefined && !isWithin(namespace, filter.repository)) {
    throw invalid("repository", `name one within the namespace, such as "${namespace}/app"`);
  }
  return answer(context, { ...filter, namespace });
}

async function answer({ request, url, registry }: Context, filter: AuditFilter): Promise<Response> {
  const page = pageOf(url.searchParams);
  if (wantsLines(request)) {
    const lines = linesOf(registry.audit, filter, page.after);
    return new Response(lines, { headers: { "content-type": JSON_LINES, vary: "accept" } });
  }
  const { events, end } = await registry.audit.list(filter, page);
  const items = events.map(toJson);
  if (end !== null) return pageResponse(url, items, end);
  return listing(url, page, items, ({ id }) => id);
}

function wantsLines(request: Request): boolean {
  const accepted = request.headers.get("accept")?.toLowerCase().split(",") ?? [];
  return accepted.some((type) => type.split(";", 1)[0]?.trim() === JSON_LINES);
}

/** Streams all entries, one a line. A page is read when the last one was sent, so that only one is in memory. */
function linesOf(audit: AuditStore, filter: AuditFilter, from: string): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let after: string | null = from;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        let lines = "";
        while (lines === "" && after !== null) {
          const { events, end }: Awaited<ReturnType<AuditStore["list"]>> = await audit.list(
            filter,
            { after, limit: EXPORT_PAGE },
          );
          lines = events.map((event) => `${JSON.stringify(toJson(event))}\n`).join("");
          after = end ?? (events.length === EXPORT_PAGE ? (events.at(-1)?.id ?? null) : null);
        }
        if (lines !== "") controller.enqueue(encoder.encode(lines));
        if (after === null) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

function filterOf({ searchParams: query }: URL): AuditFilter {
  const outcome = query.get("outcome") || undefined;
  if (outcome !== undefined && !["done", "denied", "failed"].includes(outcome)) {
    throw invalid("outcome", "write done, denied or failed");
  }
  const texts = ["namespace", "repository", "actor", "action", "outcome"] as const;
  const times = ["since", "until"] as const;
  const given = [
    ...texts.map((field) => [field, query.get(field) || undefined] as const),
    ...times.map((field) => [field, timeOf(query, field)] as const),
  ];
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

function toJson({ time, ...event }: AuditEvent) {
  const { id, ...rest } = event;
  return { id, time: timestamp(time), ...rest };
}
