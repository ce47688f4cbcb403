/** The checks of load balancers and monitors. */
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import type { Env } from "../../src/settings.ts";
import { intercept } from "../support/wrapped-env.ts";
import { RegistryClient } from "../support/client.ts";
import { Counter, NOTHING } from "../support/counting.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Makes an isolate of its own, and a client without credentials. */
function isolate(bindings: Partial<Env> = {}): { counter: Counter; client: RegistryClient } {
  const counter = new Counter({ ...env, ...bindings });
  return { counter, client: new RegistryClient({ send: counter.send, authorization: null }) };
}

test.each([
  ["GET", "/", 200],
  ["HEAD", "/", 200],
  ["OPTIONS", "/", 204],
  ["GET", "/healthz", 200],
  ["HEAD", "/healthz", 200],
])("%s %s answers %i to anybody and asks nothing of anything", async (method, path, status) => {
  const { counter, client } = isolate();
  const calls = await counter.duringAll(async () => {
    expect((await client.request(method, path)).status).toBe(status);
  });
  expect(calls).toEqual(NOTHING);
});

test("/readyz touches the database, the bucket and a session, and remembers what they said", async () => {
  const { counter, client } = isolate();
  vi.useFakeTimers({ toFake: ["Date"] });
  const ask = async () => {
    const response = await client.get("/readyz");
    expect(response.status).toBe(200);
    const parts = { database: "ok", bucket: "ok", sessions: "ok" };
    expect(await response.json()).toEqual({ status: "ready", parts });
  };
  expect(await counter.duringAll(ask)).toEqual({
    d1Queries: 1,
    d1Batches: 0,
    r2: 1,
    durableObject: 1,
  });
  vi.setSystemTime(Date.now() + 9_999);
  const many = () => Promise.all(Array.from({ length: 50 }, ask));
  expect(await counter.duringAll(many)).toEqual(NOTHING);
  vi.setSystemTime(Date.now() + 1);
  expect(await counter.duringAll(many)).toMatchObject({ d1Queries: 1, r2: 1, durableObject: 1 });
});

test("many who ask /readyz at once, the first of an isolate, ask once", async () => {
  const { counter, client } = isolate();
  const calls = await counter.duringAll(async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.get("/readyz")));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });
  expect(calls).toEqual({ d1Queries: 1, d1Batches: 0, r2: 1, durableObject: 1 });
});

const failing = <T extends object>(real: T): T =>
  intercept(real, () => () => {
    throw new Error("a secret of the platform's");
  });
const silent = <T extends object>(real: T): T => intercept(real, () => () => new Promise(() => {}));

test.each<[string, Partial<Env>]>([
  ["database", { DB: failing(env.DB) }],
  ["bucket", { BLOBS: failing(env.BLOBS) }],
  ["sessions", { SESSIONS: failing(env.SESSIONS) }],
  ["bucket", { BLOBS: silent(env.BLOBS) }],
])("/readyz names what does not answer: %s", async (part, bindings) => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const { client } = isolate(bindings);
  const response = await client.get("/readyz");
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "10"]);
  const text = await response.text();
  expect(text).not.toContain("secret");
  const parts = { database: "ok", bucket: "ok", sessions: "ok", [part]: "failed" };
  expect(JSON.parse(text)).toEqual({
    errors: [{ code: "UNAVAILABLE", message: `not ready: no answer from ${part}`, detail: parts }],
  });
});
