import type { Method } from "../http/route.ts";
import { GROUPS } from "./openapi-operations.ts";
import { list, ref, type Schema, SCHEMAS } from "./openapi-schemas.ts";
import type { Answer, Operation, Query } from "./openapi-shape.ts";
import { MAINTENANCE_GROUPS, MAINTENANCE_SCHEMAS } from "./openapi-maintenance.ts";

/** Answers the management API as OpenAPI 3.1 (spec.openapis.org/oas/v3.1.1); a test compares it with the code. */
export function read(): Response {
  return new Response(DOCUMENT, {
    headers: { "content-type": "application/json", "cache-control": "public, max-age=300" },
  });
}

export interface Endpoint extends Operation {
  readonly method: Method;
  readonly path: string;
}

export const ENDPOINTS: readonly Endpoint[] = Object.entries({
  ...GROUPS,
  ...MAINTENANCE_GROUPS,
}).flatMap(([group, operations]) =>
  Object.entries(operations).map(([endpoint, operation]) => {
    const [method, path = ""] = endpoint.split(" ");
    return { ...operation, group, method: method as Method, path };
  }),
);

const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  name: "A repository. It may have slashes, and they stay as they are.",
  digest: "A manifest's digest.",
  namespace: "The first component of a repository's name.",
  user: "A user.",
  robot: "A robot's name without its namespace.",
  rule: "A trust rule's name without its namespace.",
  token: "A token's id, not its secret.",
};

const text = { type: "string" };
const time = { type: "string", description: "RFC 3339, or a day, which stands for its beginning." };

const QUERY: Readonly<Record<Query, Schema>> = {
  limit: query("limit", {
    type: "integer",
    minimum: 1,
    default: 100,
    description: "No page has more than 1000, whatever is asked for.",
  }),
  after: query("after", { ...text, description: "`next` of the page before." }),
  namespace: query("namespace", text),
  repository: query("repository", text),
  actor: query("actor", text),
  action: query("action", { ...text, examples: ["tag.delete"] }),
  outcome: query("outcome", { enum: ["done", "denied", "failed"] }),
  repositories: query("repositories", {
    ...text,
    description: "The pattern whose role is taken away; without it, all of the user's here.",
  }),
  confirm: query("confirm", {
    enum: ["last-owner"],
    description: "That a namespace may lose its last owner: 409 without it.",
  }),
  tag: query("tag", text),
  since: query("since", time),
  until: query("until", { ...time, description: `${time.description} Not included itself.` }),
  sinceDay: query("since", { type: "string", format: "date" }),
  untilDay: query("until", { type: "string", format: "date", description: "Not included itself." }),
};

/** Returns the parameter's name in a URL. */
export function parameterOf(name: Query): string {
  return String(QUERY[name]["name"]);
}

const IF_MATCH = {
  name: "If-Match",
  in: "header",
  description: "The ETag that is to be changed, or several: 412 if it has another one by now.",
  schema: text,
};

const DOCUMENT = JSON.stringify({
  openapi: "3.1.0",
  info: {
    title: "Slipway",
    version: "1",
    description:
      "Who may do what in this registry, and what is in it. Images are pushed and pulled by the OCI Distribution API below /v2/.",
  },
  servers: [{ url: "/api/v1" }],
  security: [{ basic: [] }, { bearer: [] }],
  paths: pathsOf(ENDPOINTS),
  components: {
    schemas: { Any: { type: "object" }, ...SCHEMAS, ...MAINTENANCE_SCHEMAS },
    securitySchemes: {
      basic: {
        type: "http",
        scheme: "basic",
        description:
          'A user and a password or token; a robot and its secret; "oidc" and an ID token, or what it was exchanged for.',
      },
      bearer: { type: "http", scheme: "bearer", description: "A token (slp_… or slpo_…) alone." },
    },
  },
});

function pathsOf(endpoints: readonly Endpoint[]): Record<string, Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const endpoint of endpoints) {
    const operations = (paths[endpoint.path] ??= { parameters: pathParameters(endpoint.path) });
    operations[endpoint.method.toLowerCase()] = operationOf(endpoint);
  }
  return paths;
}

function pathParameters(path: string): Schema[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    description: PATH_PARAMETERS[name],
    schema: text,
  }));
}

function operationOf(endpoint: Endpoint): Schema {
  const { id, summary, group, open, query: names = [], body, ifMatch, answer } = endpoint;
  return {
    operationId: id,
    summary,
    tags: [group],
    ...(open ? { security: [{}, { basic: [] }, { bearer: [] }] } : {}),
    parameters: [...names.map((name) => QUERY[name]), ...(ifMatch ? [IF_MATCH] : [])],
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(ref(body)) } }),
    responses: {
      ...answersOf(answer),
      default: {
        description: "A refusal",
        content: { "application/problem+json": { schema: ref("Problem") } },
      },
    },
  };
}

function answersOf(answer: Answer): Record<string, Schema> {
  if (answer === null) return { 204: { description: "Done" } };
  const [kind, name] = answer;
  const one = { description: "The thing itself", content: json(ref(name)) };
  switch (kind) {
    case "one":
      return { 200: one };
    case "new":
      return { 201: { ...one, description: "It was made; Location says where it is" } };
    case "issued":
      return { 201: { ...one, description: "It was made; its secret is shown this once" } };
    case "set":
      return { 200: one, 201: { ...one, description: "It was made" } };
    case "page":
    case "lines": {
      const lines = { "application/x-ndjson": { schema: ref(name) } };
      const content = { ...json(pageOf(name)), ...(kind === "lines" ? lines : {}) };
      const description =
        kind === "lines" ? "A page, or all of them as JSON lines (by Accept)" : "A page";
      return { 200: { description, content } };
    }
  }
}

function pageOf(name: string): Schema {
  return {
    type: "object",
    required: ["items", "next"],
    properties: {
      items: list(ref(name)),
      next: {
        type: ["string", "null"],
        description: "What to ask for the next page with (`after`); null on the last one.",
      },
    },
  };
}

function query(name: string, schema: Schema): Schema {
  return { name, in: "query", schema };
}

function json(schema: Schema): Schema {
  return { "application/json": { schema } };
}
