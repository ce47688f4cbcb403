import * as v from "valibot";
import type { Context } from "../http/context.ts";
import { found, resource } from "../http/resource.ts";

/** One status of an answer, as the document describes it. */
export interface Status {
  readonly description: string;
  /** The body's schema by media type; none for an empty body. */
  readonly content?: Readonly<Record<string, v.GenericSchema>>;
  readonly headers?: readonly ("ETag" | "Link" | "Location" | "Set-Cookie")[];
}

/** The form of an answer: its statuses for the document, and the response that it makes of a handler's result. */
export interface Answer<Result> {
  readonly statuses: Readonly<Record<number, Status>>;
  readonly respond: (result: Result, context: Context) => Response;
}

/** A value as a handler may return it: nothing changes it any more. */
type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;
export type Out<Schema extends v.GenericSchema> = Frozen<v.InferOutput<Schema>>;
type Versioned = v.GenericSchema<unknown, { readonly version: number }>;

const asJson = (schema: v.GenericSchema) => ({ "application/json": schema });

/** One thing. */
export function one<Schema extends v.GenericSchema>(schema: Schema): Answer<Out<Schema>> {
  return {
    statuses: { 200: { description: "The resource", content: asJson(schema) } },
    respond: (value) => Response.json(value),
  };
}

/**
 * A resource that is read with its ETag, or 304 if the client has this version.
 * @param shows "more" when the body also has fields that change without the version: then only `*` gives a 304
 */
export function versioned<Schema extends Versioned>(
  schema: Schema,
  shows: "version" | "more" = "version",
): Answer<Out<Schema>> {
  return {
    statuses: {
      200: { description: "The resource", content: asJson(schema), headers: ["ETag"] },
      304: { description: "The client has this version", headers: ["ETag"] },
    },
    respond: (value, { request }) => found(request, value, shows),
  };
}

/** A resource that was changed, with its new ETag. */
export function changed<Schema extends Versioned>(schema: Schema): Answer<Out<Schema>> {
  return {
    statuses: {
      200: { description: "It was changed", content: asJson(schema), headers: ["ETag"] },
    },
    respond: (value) => resource(value),
  };
}

/** A new resource, with its ETag and path. */
export function created<Schema extends Versioned>(
  schema: Schema,
): Answer<{ readonly value: Out<Schema>; readonly location: string }> {
  return {
    statuses: {
      201: { description: "It was made", content: asJson(schema), headers: ["ETag", "Location"] },
    },
    respond: ({ value, location }) =>
      resource(value, { status: 201, location: `/api/v1${location}` }),
  };
}

/**
 * A new secret, which is shown this once. It has no Location, which would name it (RFC 9110 § 15.3.2): a secret has no
 * path of its own.
 */
export function issued<Schema extends v.GenericSchema>(schema: Schema): Answer<Out<Schema>> {
  return {
    statuses: {
      201: { description: "It was made; its secret is shown this once", content: asJson(schema) },
    },
    respond: (value) => Response.json(value, { status: 201 }),
  };
}

/** What was made; it is listed, and has no path of its own. */
export function made<Schema extends v.GenericSchema>(schema: Schema): Answer<Out<Schema>> {
  return {
    statuses: { 201: { description: "It was made", content: asJson(schema) } },
    respond: (value) => Response.json(value, { status: 201 }),
  };
}

/** What a PUT made or replaced; it is listed, and has no path of its own. */
export function set<Schema extends v.GenericSchema>(
  schema: Schema,
): Answer<{ readonly value: Out<Schema>; readonly isNew: boolean }> {
  return {
    statuses: {
      200: { description: "It was replaced", content: asJson(schema) },
      201: { description: "It was made", content: asJson(schema) },
    },
    respond: ({ value, isNew }) => Response.json(value, { status: isNew ? 201 : 200 }),
  };
}

/** JSON that is there already, which caches may keep. */
export function json(
  description: string,
  cacheControl: string,
): Answer<string | ArrayBuffer | ReadableStream> {
  return {
    statuses: { 200: { description, content: asJson(v.record(v.string(), v.unknown())) } },
    respond: (body) =>
      new Response(body, {
        headers: { "content-type": "application/json", "cache-control": cacheControl },
      }),
  };
}

/** A document in one of several media types, as it is. */
export function file(
  types: readonly string[],
): Answer<{ readonly type: string; readonly body: string }> {
  const content = types.map((type) => [type.replace(/;.*/, ""), v.string()]);
  return {
    statuses: { 200: { description: "The document", content: Object.fromEntries(content) } },
    respond: ({ type, body }) =>
      new Response(body, {
        headers: { "content-type": type, "cache-control": "private, no-cache" },
      }),
  };
}

export const none: Answer<void> = {
  statuses: { 204: { description: "Done" } },
  respond: () => new Response(null, { status: 204 }),
};

/** A session that was begun; only the cookie has its secret. */
export function signedIn<Schema extends v.GenericSchema>(
  schema: Schema,
): Answer<{ readonly value: Out<Schema>; readonly cookie: string }> {
  return {
    statuses: {
      201: {
        description: "It was begun; the cookie has its secret",
        content: asJson(schema),
        headers: ["Set-Cookie"],
      },
    },
    respond: ({ value, cookie }) =>
      Response.json(value, { status: 201, headers: { "set-cookie": cookie } }),
  };
}

/** Nothing but the cookie that the browser is to have from now on; null leaves it as it is. */
export const done: Answer<{ readonly cookie: string | null }> = {
  statuses: { 204: { description: "Done", headers: ["Set-Cookie"] } },
  respond: ({ cookie }) => {
    const headers = cookie === null ? {} : { "set-cookie": cookie };
    return new Response(null, { status: 204, headers });
  },
};

/** A page of a list; `next` is the cursor of the next page, which the Link header repeats with the other fields. */
export interface Paged<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

export function page<Item extends v.GenericSchema>(item: Item): Answer<Paged<Out<Item>>> {
  return pageWith(item, {}) as Answer<Paged<Out<Item>>>;
}

/** A page with further fields. */
export function pageWith<Item extends v.GenericSchema, const More extends v.ObjectEntries>(
  item: Item,
  more: More,
): Answer<Paged<Out<Item>> & Frozen<v.InferOutput<v.ObjectSchema<More, undefined>>>> {
  return {
    statuses: {
      200: { description: "A page", content: asJson(pageSchema(item, more)), headers: ["Link"] },
    },
    respond: pageResponse,
  };
}

/** A page, or all of the list as JSON lines where the client accepts those. */
export function pageOrLines<Item extends v.GenericSchema>(
  item: Item,
): Answer<Paged<Out<Item>> | ReadableStream<Uint8Array>> {
  return {
    statuses: {
      200: {
        description: "A page, or all of them as JSON lines (by Accept)",
        content: { ...asJson(pageSchema(item, {})), [JSON_LINES]: item },
        headers: ["Link"],
      },
    },
    respond: (result, context) => {
      if (!(result instanceof ReadableStream)) return pageResponse(result, context);
      return new Response(result, { headers: { "content-type": JSON_LINES, vary: "accept" } });
    },
  };
}

const JSON_LINES = "application/x-ndjson";

export function wantsLines(request: Request): boolean {
  const accepted = request.headers.get("accept")?.toLowerCase().split(",") ?? [];
  return accepted.some((type) => type.split(";", 1)[0]?.trim() === JSON_LINES);
}

function pageSchema(item: v.GenericSchema, more: v.ObjectEntries) {
  return v.object({
    items: v.array(item),
    next: v.pipe(
      v.nullable(v.string()),
      v.description("What to ask for the next page with (`after`); null on the last one."),
    ),
    ...more,
  });
}

function pageResponse(result: Paged<unknown>, { url }: Context): Response {
  if (result.next === null) return Response.json(result);
  const query = new URLSearchParams(url.searchParams);
  query.set("after", result.next);
  const link = `<${url.pathname}?${query.toString()}>; rel="next"`;
  return Response.json(result, { headers: { link } });
}
