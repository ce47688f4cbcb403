import type * as v from "valibot";
import type { Access } from "../auth/policy/access.ts";
import type { CookieUse } from "../auth/sign-in/origin.ts";
import type { Context, Params } from "../http/context.ts";
import { invalid, readJson } from "../http/input.ts";
import { type Method, type ParamsIn, type Route, route } from "../http/route.ts";
import type { Refusal } from "../oci/errors.ts";
import type { Answer } from "./answer.ts";
import { requireLasting } from "./lasting.ts";

/** A field of the query: its JSON Schema, and its parser, which gets null for a field that is not there. */
export interface QueryField<T = unknown> {
  readonly name: string;
  readonly schema: Readonly<Record<string, unknown>>;
  /** @throws REQUEST_INVALID or FIELD_INVALID */
  readonly parse: (text: string | null) => T;
}

type QueryFields = Readonly<Record<string, QueryField>>;
type QueryOf<Fields extends QueryFields> = {
  readonly [K in keyof Fields]: ReturnType<Fields[K]["parse"]>;
};
type BodyOf<Body> = Body extends v.GenericSchema ? v.InferOutput<Body> : undefined;

/** All that a handler gets; everything in it is parsed, and the caller's access is checked. */
export interface Call<K extends keyof Params, Body, Query> extends Context<K> {
  readonly body: Body;
  readonly query: Query;
}

/** A part of an access rule that depends on the credentials, the target or the body. */
export interface Requirement<C> {
  /** The rule in words, as the document has it. */
  readonly rule: string;
  /** @throws DENIED, or whatever else says that this caller may not */
  readonly check: (call: C) => void;
}

/** The only description of an operation of the management API. */
interface Definition<K extends keyof Params, Body, Fields extends QueryFields, Result> {
  /** The operation's id in the OpenAPI document. */
  readonly id: string;
  readonly summary: string;
  readonly access: Access;
  /** What a session's cookie is for; by default it authenticates the caller. */
  readonly cookie?: CookieUse;
  /** What the caller needs besides. It is checked before the body is read, which tells others nothing. */
  readonly requires?: readonly Requirement<Context<K>>[];
  /** What the caller needs for such a body. */
  readonly requiresFor?: readonly Requirement<Call<K, BodyOf<Body>, QueryOf<Fields>>>[];
  /**
   * The thing without an end of its own that the call makes, as the subject of a sentence, or null if it makes none. It
   * must not outlast the caller's credentials, so those must not end.
   */
  readonly lasts?: (body: BodyOf<Body>) => string | null;
  readonly query?: Fields;
  readonly body?: Body;
  /** Whether If-Match can name the version that is to be changed. */
  readonly ifMatch?: true;
  readonly answer: Answer<Result>;
  /** The refusals beyond those of every endpoint with such access, parameters, query and body. */
  readonly refuses?: readonly Refusal[];
}

/** A route with what its document says. */
export interface Endpoint extends Route {
  readonly summary: string;
  readonly rules: readonly string[];
  readonly query: readonly QueryField[];
  readonly body: v.GenericSchema | null;
  readonly ifMatch: boolean;
  readonly answer: Pick<Answer<never>, "statuses">;
  readonly refuses: readonly Refusal[];
}

const BASE = "/api/v1";

/**
 * Makes an endpoint of the management API. The kit parses the query and the body, checks the rest of the access, and
 * writes what the handler returns in the form of the answer.
 * @param target the method and the path below /api/v1
 */
export function endpoint<
  const Path extends string,
  Result,
  const Body extends v.GenericSchema | undefined = undefined,
  const Fields extends QueryFields = QueryFields,
>(
  target: `${Method} ${Path}`,
  definition: Definition<ParamsIn<Path> & keyof Params, Body, Fields, Result>,
  handler: (
    call: Call<ParamsIn<Path> & keyof Params, BodyOf<Body>, QueryOf<Fields>>,
  ) => Result | Promise<Result>,
): Endpoint {
  const { id, summary, access, requires = [], requiresFor = [], lasts, body, answer } = definition;
  const fields: QueryFields = definition.query ?? {};
  const [method, path] = target.split(" ") as [Method, Path];
  const place = `${method} ${BASE}${path}` as `${Method} ${string}`;
  type K = ParamsIn<Path> & keyof Params;
  const made = route(id, place, access, async (given) => {
    const context = given as unknown as Context<K>;
    for (const { check } of requires) check(context);
    const query = parseQuery(fields, context.url.searchParams) as QueryOf<Fields>;
    const parsed = (body && (await readJson(context.request, body))) as BodyOf<Body>;
    const call = { ...context, body: parsed, query };
    for (const { check } of requiresFor) check(call);
    const lasting = lasts?.(parsed) ?? null;
    if (lasting !== null) requireLasting(context.actor, lasting);
    return answer.respond(await handler(call), given);
  });
  return {
    ...made,
    // The API's callers are few, and its handlers ask for more rights than cached logins were made for.
    login: "fresh",
    cookie: definition.cookie ?? "authenticates",
    asksPublic: path.includes(":name"),
    changesRights: method !== "GET" && access !== "none",
    summary,
    rules: [
      ...[...requires, ...requiresFor].map(({ rule }) => rule),
      ...(lasts === undefined
        ? []
        : [
            "To make something that does not expire, the caller's credentials must not expire either.",
          ]),
    ],
    query: Object.values(fields),
    body: body ?? null,
    ifMatch: definition.ifMatch ?? false,
    answer,
    refuses: definition.refuses ?? [],
  };
}

/**
 * Parses the query. Unknown fields are refused: a misspelt filter would be ignored.
 * @throws FIELD_INVALID for a field that the operation does not have, or that comes twice; what the parsers throw
 */
function parseQuery(fields: QueryFields, query: URLSearchParams): Record<string, unknown> {
  const known = Object.values(fields).map(({ name }) => name);
  for (const field of query.keys()) {
    if (!known.includes(field)) {
      const others = known.length === 0 ? "none" : known.join(", ");
      throw invalid(field, `is no field of this query; it has: ${others}`);
    }
    if (query.getAll(field).length > 1) throw invalid(field, "give it once");
  }
  return Object.fromEntries(
    Object.entries(fields).map(([key, { name, parse }]) => [key, parse(query.get(name))]),
  );
}
