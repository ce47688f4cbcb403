import type { Page } from "../oci/page.ts";
import { RegistryError } from "../oci/errors.ts";
import { isTag, type Namespace, parseNamespace, type Tag } from "../oci/reference.ts";
import { invalid } from "../http/input.ts";
import { parseDay, parseTime } from "../http/time.ts";
import type { Paged } from "./answer.ts";
import type { QueryField } from "./endpoint.ts";

const DEFAULT_PAGE = 100;
const MAX_PAGE = 1_000;
/** The longest page of manifests. */
const MAX_CONTENT_PAGE = 100;
const text = { type: "string" };

/** The fields of every list. */
export const PAGE = {
  limit: {
    name: "limit",
    schema: {
      type: "integer",
      minimum: 1,
      default: DEFAULT_PAGE,
      description: "No page has more than 1000, whatever is asked for.",
    },
    parse: parseLimit,
  },
  after: {
    name: "after",
    schema: { ...text, description: "`next` of the page before." },
    parse: (given) => given ?? "",
  },
} as const satisfies Readonly<Record<string, QueryField>>;

function parseLimit(given: string | null): number {
  const limit = given ?? String(DEFAULT_PAGE);
  if (/^0*[1-9]\d*$/.test(limit)) return Math.min(Number(limit), MAX_PAGE);
  throw new RegistryError("REQUEST_INVALID", {
    message: "limit must be a whole number from 1 on; no page has more than 1000",
  });
}

/** Makes a page of manifests shorter: each one's size is computed, and its image's config may have to be read from R2. */
export function shortPage({ after, limit }: Page): Page {
  return { after, limit: Math.min(limit, MAX_CONTENT_PAGE) };
}

/** Asks for one entry more than the page has, which shows whether there is a next page. */
export function withNext({ after, limit }: Page): Page {
  return { after, limit: limit + 1 };
}

/**
 * Makes a page, with the key of its last item as the cursor of the next.
 * @param found one item more than the page has, if there is a next page
 */
export function paged<T>(
  { limit }: Page,
  found: readonly T[],
  keyOf: (item: T) => string,
): Paged<T> {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return { items, next: found.length > limit && last !== undefined ? keyOf(last) : null };
}

export const NAMESPACE: QueryField<Namespace | null> = {
  name: "namespace",
  schema: text,
  parse: (given) => (given === null ? null : parseNamespace(given)),
};

export const TAG: QueryField<Tag | null> = {
  name: "tag",
  schema: text,
  parse: (given) => {
    if (given === null || isTag(given)) return given;
    throw invalid("tag", "is no tag");
  },
};

/** A confirmation that a namespace may lose its last owner. */
export const LAST_OWNER: QueryField<"stays" | "may leave"> = {
  name: "confirm",
  schema: {
    enum: ["last-owner"],
    description: "That a namespace may lose its last owner: 409 without it.",
  },
  parse: (given) => {
    if (given === null) return "stays";
    if (given === "last-owner") return "may leave";
    throw new RegistryError("REQUEST_INVALID", {
      message: "?confirm= can confirm last-owner, and nothing else",
    });
  },
};

/** A text; an empty one counts as none. */
export function textField(
  name: string,
  more: Readonly<Record<string, unknown>> = {},
): QueryField<string | undefined> {
  return { name, schema: { ...text, ...more }, parse: (given) => given || undefined };
}

/** A time in milliseconds since 1970. */
export function timeField(name: string, more = ""): QueryField<number | undefined> {
  const description = `RFC 3339, or a day, which stands for its beginning.${more}`;
  return {
    name,
    schema: { ...text, description },
    parse: (given) => (given === null ? undefined : parseTime(given, name)),
  };
}

/** A day in days since 1970. */
export function dayField(
  name: string,
  more: Readonly<Record<string, unknown>> = {},
): QueryField<number | undefined> {
  return {
    name,
    schema: { ...text, format: "date", ...more },
    parse: (given) => (given === null ? undefined : parseDay(given, name)),
  };
}
