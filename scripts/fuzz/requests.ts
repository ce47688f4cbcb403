/** Requests that are nearly right: the routes and shapes of the specification and of the OpenAPI document, with odd values in them. */
import { type Content, manifestOf } from "./manifests.ts";
import type { Random } from "./random.ts";
import { damage, jsonOf, pathSegmentOf, textOf } from "./values.ts";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer> | string | null;
  /** Whether the body is sent without Content-Length. */
  readonly isChunked: boolean;
}

/** Existing things that a request can name. */
export interface World extends Content {
  readonly repositories: readonly string[];
  readonly names: readonly string[];
  /** Locations of unfinished uploads; requests end some and add new ones. */
  readonly uploads: string[];
  readonly api: OpenApi;
}

type Schema = Readonly<Record<string, unknown>>;

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
  };
}

const V2 = [
  "/v2/",
  "/v2/_catalog",
  "/token",
  "/",
  "/healthz",
  "/readyz",
  "/v2/{name}/tags/list",
  "/v2/{name}/manifests/{reference}",
  "/v2/{name}/blobs/{digest}",
  "/v2/{name}/blobs/uploads/",
  "/v2/{name}/referrers/{digest}",
  "/v2/{name}/{anything}",
];
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const QUERIES = ["n", "last", "digest", "mount", "from", "tag", "artifactType", "_offset"];
const TOKEN_QUERIES = ["scope", "service", "account", "offline_token", "client_id"];
const HEADERS = [
  "accept",
  "content-range",
  "content-type",
  "if-match",
  "if-none-match",
  "if-range",
  "range",
  "user-agent",
  "x-forwarded-proto",
  "x-forwarded-for",
];

/** A running import shuts all others out until it has ended. */
const LEFT_OUT = /^\/import/;

export function requestOf(random: Random, world: World): Asked {
  switch (random.below(4)) {
    case 0:
      return manifestPush(random, world);
    case 1:
      return uploadStep(random, world);
    case 2:
      return apiCall(random, world);
    default:
      return registryCall(random, world);
  }
}

function manifestPush(random: Random, world: World): Asked {
  const { text, type } = manifestOf(random, world);
  const reference = random.oneIn(4) ? pathSegmentOf(random, world.names) : `t${random.below(20)}`;
  const tags = random.oneIn(6) ? `?tag=${pathSegmentOf(random, ["x", "y"])}` : "";
  return {
    method: "PUT",
    path: `/v2/${random.pick(world.repositories)}/manifests/${reference}${tags}`,
    headers: { "content-type": type },
    body: text,
    isChunked: random.oneIn(4),
  };
}

/** Starts an upload, or continues one: bytes of any length at any offset, or the end. */
function uploadStep(random: Random, world: World): Asked {
  const location = random.oneIn(4) ? undefined : random.pick(["", ...world.uploads]);
  const body = random.bytes(random.pick([0, 1, 100, 70_000]));
  const isChunked = random.oneIn(3);
  if (location === undefined || location === "") {
    const path = `/v2/${random.pick(world.repositories)}/blobs/uploads/`;
    const query = random.oneIn(3) ? `?digest=${pathSegmentOf(random, world.names)}` : "";
    return { method: "POST", path: path + query, headers: {}, body, isChunked };
  }
  const isEnd = random.oneIn(3);
  const start = random.pick([0, 1, 100, 70_000]);
  const range = { "content-range": `${start}-${start + body.length - 1}` };
  const digest = `${location.includes("?") ? "&" : "?"}digest=${pathSegmentOf(random, world.names)}`;
  const method = isEnd ? "PUT" : random.pick(["PATCH", "PATCH", "GET", "DELETE"]);
  return {
    method,
    path: isEnd ? location + digest : location,
    headers: random.oneIn(2) ? range : {},
    body: method === "GET" ? null : body,
    isChunked,
  };
}

function registryCall(random: Random, world: World): Asked {
  const template = random.pick(V2);
  const good = template.includes("{name}") ? [...world.names, ...world.repositories] : world.names;
  const path = filled(template, random, good);
  const queries = template === "/token" ? TOKEN_QUERIES : QUERIES;
  const pairs = Array.from({ length: random.below(4) }, () => {
    return `${random.pick(queries)}=${pathSegmentOf(random, good)}`;
  });
  const method = random.oneIn(2) ? random.pick(["GET", "HEAD"]) : random.pick(METHODS);
  const body = random.oneIn(2) ? textOf(random, good) : null;
  return sent(random, good, { method, path: `${path}?${pairs.join("&")}`, body, headers: {} });
}

function apiCall(random: Random, world: World): Asked {
  const { paths, components } = world.api;
  const templates = Object.keys(paths).filter((path) => !LEFT_OUT.test(path));
  const template = random.pick(templates);
  const operations = Object.entries(paths[template] ?? {}).filter(
    ([name]) => name !== "parameters",
  );
  const [method, operation] = random.pick(operations);
  const pairs = (operation.parameters ?? [])
    .filter((parameter) => parameter.in === "query" && random.oneIn(2))
    .map(({ name }) => `${name}=${pathSegmentOf(random, world.names)}`);
  const path = `/api/v1${filled(template, random, world.names)}`;
  const schema = operation.requestBody?.content["application/json"]?.schema;
  const value = schema === undefined ? null : instanceOf(random, world, { schema, components });
  const text = value === null ? null : JSON.stringify(value);
  return sent(random, world.names, {
    method: random.oneIn(10) ? random.pick(METHODS) : method.toUpperCase(),
    path: random.oneIn(10)
      ? `${path}/-/${pathSegmentOf(random, ["tags", "x"])}`
      : `${path}?${pairs.join("&")}`,
    headers: { "content-type": "application/json" },
    body: text !== null && random.oneIn(5) ? damage(random, text) : text,
  });
}

function filled(template: string, random: Random, good: readonly string[]): string {
  return template.replaceAll(/\{\w+\}/g, () => pathSegmentOf(random, good));
}

/** Adds odd headers, and removes what HTTP does not allow in a request. */
function sent(
  random: Random,
  good: readonly string[],
  { method, path, headers, body }: Omit<Asked, "isChunked">,
): Asked {
  const odd = Array.from({ length: random.below(3) }, () => {
    // Bytes that a header cannot have are tested by the raw connections.
    const value = textOf(random, good).replaceAll(/[^\t\u0020-\u007e]/g, "?");
    return [random.pick(HEADERS), value] as const;
  });
  const isRead = method === "GET" || method === "HEAD";
  return {
    method,
    path: path.replaceAll(/[\s"<>\\^`{|}]/g, (sign) => encodeURIComponent(sign)),
    headers: { ...headers, ...Object.fromEntries(odd) },
    body: isRead ? null : body,
    isChunked: random.oneIn(4),
  };
}

interface Shape {
  readonly schema: Schema;
  readonly components: OpenApi["components"];
}

/** Makes a value of the schema, with some members replaced by any value. */
function instanceOf(random: Random, world: World, { schema, components }: Shape): unknown {
  if (random.oneIn(12)) return jsonOf(random, world.names);
  const one = (inner: unknown) =>
    instanceOf(random, world, { schema: inner as Schema, components });
  const reference = schema["$ref"];
  if (typeof reference === "string") {
    return one(components.schemas[reference.split("/").at(-1) ?? ""] ?? {});
  }
  const choices = (schema["enum"] ?? schema["oneOf"] ?? schema["anyOf"]) as unknown[] | undefined;
  if (choices !== undefined) {
    return "enum" in schema ? random.pick(choices) : one(random.pick(choices));
  }
  const { type, properties, items } = schema;
  if (properties !== undefined) {
    const all = Object.entries(properties as Record<string, Schema>);
    return Object.fromEntries(
      all.filter(() => !random.oneIn(3)).map(([name, inner]) => [name, one(inner)]),
    );
  }
  if (type === "array") return Array.from({ length: random.below(3) }, () => one(items ?? {}));
  if (type === "boolean") return random.oneIn(2);
  if (type === "integer" || type === "number") return random.below(1_000);
  return type === "string" ? textOf(random, world.names) : jsonOf(random, world.names);
}
