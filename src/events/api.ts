import { pageOrLines, wantsLines } from "../api/answer.ts";
import { type Endpoint, endpoint, type QueryField } from "../api/endpoint.ts";
import { PAGE, paged, textField, timeField, withNext } from "../api/query.ts";
import type { AuditEvent as StoredEvent, AuditFilter, AuditStore } from "../db/audit.ts";
import { invalid, isWithin } from "../http/input.ts";
import { timestamp } from "../http/resource.ts";
import { closest } from "../oci/near.ts";
import type { Registry } from "../compose.ts";
import { ACTIONS } from "./catalogue.ts";
import { AuditEvent, NO_FIELDS, OUTCOMES } from "./schema.ts";

/** Entries of one query, many because a Worker may make only so many queries for one request. */
const EXPORT_PAGE = 1_000;

const OUTCOME: QueryField<AuditFilter["outcome"]> = {
  name: "outcome",
  schema: { enum: OUTCOMES },
  parse: (given) => {
    const outcome = OUTCOMES.find((one) => one === given);
    if (outcome !== undefined || !given) return outcome;
    throw invalid("outcome", "write done, denied or failed");
  },
};

/** A misspelt action is refused: no entry would match it, which reads as if nothing had happened. */
const ACTION: QueryField<string | undefined> = {
  name: "action",
  schema: { type: "string", examples: ["tag.delete"] },
  parse: (given) => {
    // A denied request has its method and route as its action.
    if (!given || Object.hasOwn(ACTIONS, given) || /^[A-Z]+ \//.test(given))
      return given || undefined;
    const known = Object.keys(ACTIONS);
    const near = closest(given, known);
    const alike = near === null ? known.filter((one) => one.startsWith(`${given}.`)) : [near];
    const next =
      alike.length > 0
        ? `did you mean ${alike.join(", ")}?`
        : `the actions are ${known.join(", ")}`;
    throw invalid("action", `there is no such action; ${next}`);
  },
};

const FILTERS = {
  repository: textField("repository"),
  actor: textField("actor"),
  action: ACTION,
  outcome: OUTCOME,
  since: timeField("since"),
  until: timeField("until", " Not included itself."),
};

const list = endpoint(
  "GET /audit",
  {
    id: "listAudit",
    summary: "Read the audit log: what was done and refused, the newest first",
    access: "administer",
    query: { namespace: textField("namespace"), ...FILTERS, ...PAGE },
    answer: pageOrLines(AuditEvent),
  },
  ({ request, query: { limit, after, ...filter }, registry }) =>
    answer(registry, filterOf(filter), { page: { limit, after }, lines: wantsLines(request) }),
);

const listNamespace = endpoint(
  "GET /namespaces/:namespace/audit",
  {
    id: "listNamespaceAudit",
    summary: "Read the audit log of a namespace",
    access: "own",
    query: { ...FILTERS, ...PAGE },
    answer: pageOrLines(AuditEvent),
  },
  ({ request, query: { limit, after, ...filter }, params: { namespace }, registry }) => {
    // The cursor where a search stopped reveals the entries that it skipped, so it must not cover other namespaces at
    // all.
    if (filter.repository !== undefined && !isWithin(namespace, filter.repository)) {
      throw invalid("repository", `name one within the namespace, such as "${namespace}/app"`);
    }
    const page = { limit, after };
    const within = filterOf({ ...filter, namespace });
    return answer(registry, within, { page, lines: wantsLines(request) });
  },
);

export const AUDIT: readonly Endpoint[] = [list, listNamespace];

interface Wanted {
  readonly page: { readonly limit: number; readonly after: string };
  readonly lines: boolean;
}

async function answer({ audit }: Registry, filter: AuditFilter, { page, lines }: Wanted) {
  if (lines) return linesOf(audit, filter, page.after);
  const { events, end } = await audit.list(filter, withNext(page));
  const items = events.map(toJson);
  return end === null ? paged(page, items, ({ id }) => id) : { items, next: end };
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

/** Leaves out the fields that were not given. */
function filterOf(given: Readonly<Record<string, string | number | undefined>>): AuditFilter {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function toJson({ id, time, ...event }: StoredEvent): AuditEvent {
  return { id, time: timestamp(time), ...NO_FIELDS, ...event };
}
