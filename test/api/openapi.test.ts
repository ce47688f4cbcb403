import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { Endpoint } from "../../src/api/endpoint.ts";
import { templateOf } from "../../src/api/openapi.ts";
import { API_ROUTES } from "../../src/api/routes.ts";
import { auditEvent, BY_ITSELF } from "../../src/db/audit.ts";
import { DeadEventStore } from "../../src/events/dead-store.ts";
import { ScanStore } from "../../src/scan/store.ts";
import { alpine, layer, ListMatcher, pushImage, scanAll, scanJob } from "../scan/images.ts";
import { RegistryClient } from "../support/client.ts";
import { blob, describe, imageManifest, index } from "../support/images.ts";
import { api, done } from "../support/management.ts";
import { newNamespace, newUser } from "../support/principals.ts";

type Schema = Readonly<Record<string, unknown>> & {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
};

interface Operation {
  operationId: string;
  summary: string;
  description: string;
  security?: object[];
  parameters: { name: string; in: string; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { description: string; content?: Record<string, { schema: Schema }> }>;
}

interface Document {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation> & { parameters: Operation["parameters"] }>;
  components: { schemas: Record<string, Schema> };
}

const openapi = await done<Document & Record<string, unknown>>("GET", "/openapi.json");

const operations = Object.entries(openapi.paths).flatMap(([path, { parameters, ...methods }]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, parameters, operation })),
);

test("the document is there for everyone, and can be kept for a while", async () => {
  const response = await api("GET", "/openapi.json", undefined, { as: null });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(response.headers.get("cache-control")).toBe("public, max-age=300");
  expect(openapi.openapi).toBe("3.1.0");
  expect(openapi.info).toMatchObject({ title: "Slipway", version: expect.any(String) });
});

test("the document has each route, and no other", () => {
  const routes = API_ROUTES.map((route) => `${route.method} ${templateOf(route)}`);
  const described = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  expect(described.toSorted()).toEqual(routes.toSorted());
});

test("each endpoint that a module exports is served", () => {
  const modules = import.meta.glob<Record<string, unknown>>(
    ["../../src/*/*api.ts", "../../src/api/*.ts"],
    { eager: true },
  );
  const exported = Object.values(modules).flatMap((module) =>
    Object.values(module).flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : [])),
  );
  const endpoints = exported.filter(
    (one): one is Endpoint => typeof one === "object" && one !== null && "answer" in one,
  );
  expect(endpoints.length).toBeGreaterThan(API_ROUTES.length);
  expect(endpoints.filter((one) => !API_ROUTES.includes(one))).toEqual([]);
});

test("the document says of each operation who may call it", () => {
  for (const route of API_ROUTES) {
    const { method, access, rules } = route;
    const template = templateOf(route);
    const operation = openapi.paths[template]?.[method.toLowerCase()];
    const open = operation?.security?.some((way) => Object.keys(way).length === 0) ?? false;
    expect(open, `${method} ${template}`).toBe(access === "none" || access === "pull");
    expect(operation?.description, `${method} ${template}`).toMatch(/^(?:Needs|For|Everyone) /);
    for (const rule of rules) expect(operation?.description).toContain(rule);
  }
});

test("declares the parameters of each path, has an id for each operation and an answer", () => {
  for (const { path, method, parameters, operation } of operations) {
    const place = `${method} ${path}`;
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(
      parameters.map(({ name }) => name),
      place,
    ).toEqual(names);
    for (const parameter of parameters) {
      expect(parameter).toMatchObject({ in: "path", required: true, schema: { type: "string" } });
      expect(parameter).toHaveProperty("description");
    }
    expect(operation.summary, place).not.toBe("");
    const statuses = Object.keys(operation.responses);
    expect(statuses).toContain("default");
    expect(statuses.some((status) => status.startsWith("2"))).toBe(true);
    for (const parameter of operation.parameters) {
      expect(["query", "header"]).toContain(parameter.in);
      expect(parameter.schema).toBeTypeOf("object");
    }
  }
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test("names no schema that is not there, and has none that nothing names", () => {
  const named = [...JSON.stringify(openapi).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref);
  const there = Object.keys(openapi.components.schemas).map(
    (name) => `#/components/schemas/${name}`,
  );
  expect(new Set(named)).toEqual(new Set(there));
});

function schemaOf(path: string, method: string, status: number, type = "application/json"): Schema {
  const schema = openapi.paths[path]?.[method]?.responses[status]?.content?.[type]?.schema;
  if (schema === undefined) throw new Error(`no schema for ${method} ${path} ${status}`);
  return schema;
}

/** Lists where a value differs from its schema, for the part of JSON Schema that the document uses. */
function faults(value: unknown, given: Schema, place = "$"): string[] {
  const name = given.$ref?.split("/").at(-1);
  const schema = name === undefined ? given : (openapi.components.schemas[name] ?? {});
  if (schema.anyOf !== undefined) {
    const each = schema.anyOf.map((option) => faults(value, option, place));
    return each.find((some) => some.length === 0) ?? each.flat();
  }
  const types = [schema["type"] ?? []].flat() as string[];
  const actual = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  const mine = actual === "number" && Number.isInteger(value) ? ["integer", actual] : [actual];
  if (types.length > 0 && !mine.some((type) => types.includes(type)))
    return [`${place} is ${mine.join(" or ")}`];
  const options = schema["enum"] as unknown[] | undefined;
  if (options !== undefined && !options.includes(value)) return [`${place} is ${String(value)}`];
  if (Array.isArray(value)) {
    return value.flatMap((item, i) => faults(item, schema.items ?? {}, `${place}[${i}]`));
  }
  if (typeof value !== "object" || value === null || schema.properties === undefined) return [];
  const missing = (schema.required ?? []).filter((key) => !(key in value));
  return [
    ...missing.map((key) => `${place}.${key} is missing`),
    ...Object.entries(value).flatMap(([key, field]) => {
      const property = schema.properties?.[key];
      return property === undefined
        ? [`${place}.${key} is not described`]
        : faults(field, property, `${place}.${key}`);
    }),
  ];
}

test("describes what the API answers", async () => {
  const namespace = await newNamespace();
  const name = `${namespace}/app`;
  const client = new RegistryClient({ repository: name });
  const config = await client.pushBlob(blob());
  const store = new ScanStore(env.DB);
  await store.setScanning(true);
  const image = await pushImage(client, [layer(alpine({ musl: "1.2.4-r2" }))]);
  const known = { id: "CVE-2099-1", severity: "high", package: "musl" } as const;
  await scanAll(scanJob(new ListMatcher([known])));
  await store.setScanning(false);
  const fields = { artifactType: "a/b", subject: describe(image, image.mediaType) };
  await client.pushManifest(imageManifest({ config, fields }));
  const deleted = await client.pushManifest(index([image]), "old");
  await client.request("DELETE", `manifests/${deleted.digest}`);
  const made = await api("POST", "/users", { name: `u-${namespace}`, password: "x".repeat(20) });
  expect(faults(await made.json(), schemaOf("/users", "post", 201))).toEqual([]);
  const scopes = [{ repositories: name, actions: ["push"] }];
  const rule = {
    name: "ci",
    issuer: "https://issuer.example",
    audience: "https://registry.test",
    claims: { sub: ["a"] },
    scopes,
  };
  const creations = [
    ["/sessions", "/sessions", { name: "admin", password: env.ADMIN_PASSWORD }],
    ["/tokens", "/tokens", { description: "x", scopes }],
    ["/namespaces", "/namespaces", { name: `${namespace}-2` }],
    [`/namespaces/${namespace}/robots`, "/namespaces/{namespace}/robots", { name: "ci", scopes }],
    [`/namespaces/${namespace}/trust-rules`, "/namespaces/{namespace}/trust-rules", rule],
    [
      `/namespaces/${namespace}/vulnerability-exceptions`,
      "/namespaces/{namespace}/vulnerability-exceptions",
      { vulnerability: "CVE-2099-2", reason: "not reachable" },
    ],
    ["/repositories", "/repositories", { name: `${namespace}/other` }],
    ["/repositories", "/repositories", { name: `${namespace}/deleted` }],
  ] as const;
  for (const [path, template, body] of creations) {
    const response = await api("POST", path, body);
    expect(response.status, await response.clone().text()).toBe(201);
    expect(faults(await response.json(), schemaOf(template, "post", 201)), template).toEqual([]);
  }
  await done("DELETE", `/repositories/${namespace}/deleted`);
  const member = await api("PUT", `/namespaces/${namespace}/members/u-${namespace}`, {
    role: "reader",
  });
  expect(member.status).toBe(201);
  const values: Record<string, string> = {
    name,
    namespace,
    digest: image.digest,
    user: `u-${namespace}`,
    robot: "ci",
    rule: "ci",
  };
  const event = auditEvent(BY_ITSELF, { action: "retention.set", repository: name }, "done");
  await new DeadEventStore(env.DB).add("jobs", { ...event, order: 1 }, "Error: broken");
  const reads = operations.filter(
    ({ method, operation }) =>
      method === "get" && operation.responses["200"]?.content?.["application/json"] !== undefined,
  );
  for (const { path } of reads) {
    const url = path.replaceAll(/\{(\w+)\}/g, (_, key: string) => values[key] ?? "");
    const query = path === "/vulnerable-images" ? "?vulnerability=CVE-2099-1" : "";
    const body = await done("GET", url + query);
    expect(faults(body, schemaOf(path, "get", 200)), path).toEqual([]);
    if (
      Array.isArray(body["items"]) &&
      !/\/(?:pulls|attached-reports|signatures|signers)$/.test(path)
    ) {
      expect(body["items"].length, path).toBeGreaterThan(0);
    }
  }
});

/** A value that the schema allows, with every field that it knows. */
function sample(given: Schema): unknown {
  const name = given.$ref?.split("/").at(-1);
  const schema = name === undefined ? given : (openapi.components.schemas[name] ?? {});
  if (schema.anyOf !== undefined) return sample(schema.anyOf[0] ?? {});
  if (Array.isArray(schema["enum"])) return schema["enum"][0] as unknown;
  switch ([schema["type"]].flat()[0]) {
    case "object": {
      const { properties = {} } = schema;
      const fields = Object.entries(properties).map(([key, field]) => [key, sample(field)]);
      const more = schema["additionalProperties"];
      if (typeof more === "object") fields.push(["extra", sample(more as Schema)]);
      return Object.fromEntries(fields);
    }
    case "array":
      return [sample(schema.items ?? {})];
    case "boolean":
      return true;
    case "integer":
    case "number":
      return schema["minimum"] ?? 1;
    default:
      return "x".repeat(Number(schema["minLength"] ?? 1));
  }
}

test("describes what the API takes: every field of it, and no other", async () => {
  const { authorization } = await newUser();
  const bodies = operations.filter(({ operation }) => operation.requestBody !== undefined);
  expect(bodies.length).toBeGreaterThan(10);
  for (const { path, method, operation } of bodies) {
    const schema = operation.requestBody?.content["application/json"]?.schema ?? {};
    const url = path
      .replace("{token}", "0123456789abcdef")
      .replace("{digest}", `sha256:${"0".repeat(64)}`)
      .replace("{event}", "jobs-1")
      .replaceAll(/\{(\w+)\}/g, "openapi-test");
    // Known fields are checked first, then the others in order: the refusal must name the unknown field.
    const body = { ...(sample(schema) as object), surprise: 1 };
    const as = path.startsWith("/me") ? { as: authorization } : {};
    const response = await api(method.toUpperCase(), url, body, as);
    const place = `${method} ${path}`;
    expect(await response.json(), place).toMatchObject({
      status: 400,
      errors: [{ field: "surprise" }],
    });
  }
});
