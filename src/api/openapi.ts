import {
  type ConversionConfig,
  type JsonSchema,
  type OverrideSchemaContext,
  toJsonSchema,
  toJsonSchemaDefs,
} from "@valibot/to-json-schema";
import type * as v from "valibot";
import { COOKIE } from "../auth/sign-in/cookie.ts";
import { RegistryError, type Refusal } from "../oci/errors.ts";
import type { Status } from "./answer.ts";
import type { Endpoint } from "./endpoint.ts";
import { Problem, SCHEMAS } from "./schemas.ts";

type Json = Readonly<Record<string, unknown>>;

/** The endpoints by the tag that the document has them under. */
export type Groups = Readonly<Record<string, readonly Endpoint[]>>;

const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  name: "A repository. It may have slashes, and they stay as they are.",
  digest: "A manifest's digest.",
  reference: "A tag, or a manifest's digest.",
  namespace: "The first component of a repository's name.",
  user: "A user.",
  robot: "A robot's name without its namespace.",
  rule: "A trust rule's name without its namespace.",
  token: "A token's id, not its secret.",
  session: "A session's id, or `current` for the one that the request is sent with.",
  signer: "A signer's name.",
  exception: "The id of a vulnerability's exception.",
  event: "The id of a dead event: the subscriber, and the event's number.",
};

const SECURITY = [{ basic: [] }, { bearer: [] }, { session: [] }];

const HEADERS: Readonly<Record<string, string>> = {
  ETag: "The resource's version, for If-Match.",
  Link: "The next page; not on the last one.",
  Location: "The path of what was made.",
  "Set-Cookie": "The session's cookie, or its removal.",
};

const IF_MATCH = {
  name: "If-Match",
  in: "header",
  description: "The ETag that is to be changed, or several: 412 if it has another one by now.",
  schema: { type: "string" },
};

const IF_NONE_MATCH = {
  name: "If-None-Match",
  in: "header",
  description: "The ETags that the client has: 304 if one of them is the resource's.",
  schema: { type: "string" },
};

const ACCESS: Readonly<Record<string, string>> = {
  none: "Everyone may use it.",
  login: "Needs a login.",
  administer: "For administrators.",
  pull: "Needs the right to pull from the repository.",
  push: "Needs the right to push to the repository.",
  delete: "Needs the right to delete from the repository.",
  maintain: "For maintainers of the repository.",
  own: "For owners of the namespace.",
};

/** Describes the management API as OpenAPI 3.1 (spec.openapis.org/oas/v3.1.1), from its endpoints. */
export function openApi(groups: Groups): Json {
  const schemas = new Schemas(Object.values(groups).flat());
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [group, endpoints] of Object.entries(groups)) {
    for (const one of endpoints) {
      const path = templateOf(one);
      const operations = (paths[path] ??= { parameters: pathParameters(path) });
      operations[one.method.toLowerCase()] = operationOf(one, group, schemas);
    }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Slipway",
      version: "1",
      description:
        "Who may do what in this registry, and what is in it. Images are pushed and pulled by the OCI Distribution API below /v2/.",
    },
    servers: [{ url: "/api/v1" }],
    security: SECURITY,
    paths,
    components: {
      schemas: schemas.named,
      securitySchemes: {
        basic: {
          type: "http",
          scheme: "basic",
          description:
            'A user and a password or token; a robot and its secret; "oidc" and an ID token, or what it was exchanged for.',
        },
        bearer: { type: "http", scheme: "bearer", description: "A token (slp_… or slpo_…) alone." },
        session: {
          type: "apiKey",
          in: "cookie",
          name: COOKIE,
          description:
            "What POST /sessions sets, for pages of this origin: without an Authorization header, and with Sec-Fetch-Site or Origin that say so.",
        },
      },
    },
  };
}

/** The path below /api/v1, as OpenAPI writes it. */
export function templateOf({ path }: Pick<Endpoint, "path">): string {
  return path.replace("/api/v1", "").replaceAll(/:(\w+)\+?/g, "{$1}");
}

/** The refusals that an endpoint can answer with, sorted. */
export function refusalsOf(one: Endpoint): Refusal[] {
  const { access, cookie, path, query, body, ifMatch } = one;
  const all: Refusal[] = ["UNAUTHORIZED", "TOO_MANY_REQUESTS", "UNAVAILABLE"];
  if (access !== "none") all.push("DENIED");
  if (cookie !== "is ignored") all.push("CROSS_ORIGIN");
  if (cookie.startsWith("authenticates")) all.push("SESSION_ENDED");
  if (path.includes(":")) all.push("NAME_INVALID");
  if (path.includes(":digest")) all.push("DIGEST_INVALID");
  // An unknown field is refused even where there is none.
  all.push("FIELD_INVALID");
  if (query.length > 0) all.push("REQUEST_INVALID");
  if (body !== null) all.push("MEDIA_TYPE_UNSUPPORTED", "REQUEST_INVALID", "REQUEST_TOO_LARGE");
  if (ifMatch) all.push("VERSION_MISMATCH");
  return [...new Set([...all, ...one.refuses])].toSorted();
}

/** Whether anybody may call it, without credentials. */
export function isOpen({ access }: Pick<Endpoint, "access">): boolean {
  return access === "none" || access === "pull";
}

/** The whole access rule, in sentences. */
export function accessOf({ access, rules }: Endpoint): string {
  return [ACCESS[access] ?? "", ...rules].join(" ");
}

const CONVERSION: ConversionConfig = {
  typeMode: "input",
  // What JSON Schema cannot say, a check of our own, is in the descriptions.
  errorMode: "ignore",
  target: "draft-2020-12",
  overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
};

/** The schemas of the document, converted to JSON Schema 2020-12, which is what OpenAPI 3.1 has. */
class Schemas {
  readonly named: Readonly<Record<string, JsonSchema>>;
  /** The names of those that have one. */
  readonly #names = new Map(Object.entries(SCHEMAS).map(([name, schema]) => [schema, name]));
  readonly #others: readonly v.GenericSchema[];
  readonly #converted: Readonly<Record<string, JsonSchema>>;

  /** Converts all at once: each call of the library converts every named schema anew. */
  constructor(endpoints: readonly Endpoint[]) {
    const all = endpoints.flatMap(({ body, answer }) => [
      body ?? [],
      Object.values(answer.statuses).flatMap(({ content = {} }) => Object.values(content)),
    ]);
    this.#others = [...new Set(all.flat())].filter((schema) => !this.#names.has(schema));
    const others = this.#others.map((schema, i) => [placeOf(i), schema] as const);
    this.#converted = toJsonSchemaDefs(
      { ...SCHEMAS, ...Object.fromEntries(others) },
      { ...CONVERSION, overrideSchema: fromOther },
    );
    this.named = Object.fromEntries(
      Object.entries(this.#converted).filter(([name]) => Object.hasOwn(SCHEMAS, name)),
    );
  }

  of(schema: v.GenericSchema): JsonSchema {
    const name = this.#names.get(schema);
    if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
    return this.#converted[placeOf(this.#others.indexOf(schema))] ?? {};
  }
}

function placeOf(index: number): string {
  return `other ${index}`;
}

/** Has a schema described by the one that `describedBy` gave it. */
function fromOther({ valibotSchema }: OverrideSchemaContext): JsonSchema | undefined {
  if (!("describedBy" in valibotSchema)) return undefined;
  const { $schema: _, ...rest } = toJsonSchema(
    valibotSchema.describedBy as v.GenericSchema,
    CONVERSION,
  );
  return rest;
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    description: PATH_PARAMETERS[name],
    schema: { type: "string" },
  }));
}

function operationOf(one: Endpoint, group: string, schemas: Schemas): Json {
  const { id, summary, query, body, ifMatch, answer } = one;
  const parameters: Json[] = query.map(({ name, schema }) => ({ name, in: "query", schema }));
  if (ifMatch) parameters.push(IF_MATCH);
  if (answer.statuses[304] !== undefined) parameters.push(IF_NONE_MATCH);
  return {
    operationId: id,
    summary,
    description: accessOf(one),
    tags: [group],
    ...(isOpen(one) ? { security: [{}, ...SECURITY] } : {}),
    parameters,
    ...(body === null
      ? {}
      : {
          requestBody: {
            required: true,
            content: { "application/json": { schema: schemas.of(body) } },
          },
        }),
    responses: { ...answersOf(answer.statuses, schemas), ...problemsOf(one, schemas) },
  };
}

function answersOf(
  statuses: Readonly<Record<number, Status>>,
  schemas: Schemas,
): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(statuses).map(([status, { description, content = {}, headers = [] }]) => {
      const bodies = Object.entries(content).map(([type, schema]) => [
        type,
        { schema: schemas.of(schema) },
      ]);
      const described = headers.map((name) => [
        name,
        { description: HEADERS[name], schema: { type: "string" } },
      ]);
      return [
        status,
        {
          description,
          ...(bodies.length === 0 ? {} : { content: Object.fromEntries(bodies) }),
          ...(described.length === 0 ? {} : { headers: Object.fromEntries(described) }),
        },
      ];
    }),
  );
}

/** The refusals by status; `code` of the body says which of them it is. */
function problemsOf(one: Endpoint, schemas: Schemas): Record<string, Json> {
  const content = { "application/problem+json": { schema: schemas.of(Problem) } };
  const byStatus = Map.groupBy(refusalsOf(one), (reason) => new RegistryError(reason).status);
  const known = [...byStatus].map(([status, reasons]) => [
    String(status),
    { description: reasons.join(", "), content },
  ]);
  return {
    ...Object.fromEntries(known),
    default: { description: "An internal error, whose cause is in the log", content },
  };
}
