import { exports } from "cloudflare:workers";
import { expect, test } from "vitest";
import { API_ROUTES } from "../../src/api/routes.ts";
import { RegistryClient, refusal } from "../support/client.ts";
import { blob, unknownDigest } from "../support/images.ts";

const client = new RegistryClient();
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

test.each([
  "/v1/",
  "/v2/a/b",
  "/v2/a/b/unknown",
  "/v2/tags/list",
  "/v2/a/b/tags",
  "/v2/a/b/blobs",
  "/v2/a/b/manifests",
  "/token/more",
  "/favicon.ico",
])("%s is no endpoint: 404, with or without credentials", async (path) => {
  const unknown = { status: 404, code: "UNSUPPORTED" };
  expect(await refusal(await client.get(path))).toEqual(unknown);
  expect(await refusal(await client.as(null).get(path))).toEqual(unknown);
});

test.each([
  ["POST", "/v2/", "GET"],
  ["DELETE", "/v2/_catalog", "GET"],
  ["PUT", "/v2/a/b/tags/list", "GET"],
  ["POST", "/v2/a/b/manifests/latest", "GET, PUT, DELETE"],
  ["PATCH", `/v2/a/b/blobs/${unknownDigest()}`, "GET, DELETE"],
  ["POST", "/v2/a/b/blobs/uploads/x", "GET, PATCH, PUT, DELETE"],
  ["OPTIONS", "/v2/a/b/tags/list", "GET"],
  ["DELETE", "/token", "GET, POST"],
  ["POST", "/", "GET, HEAD, OPTIONS"],
])("%s %s is 405 and Allow says what goes", async (method, path, methods) => {
  const response = await client.request(method, path);
  const allowed = response.headers.get("allow")?.split(", ") ?? [];
  expect(allowed).toEqual(expect.arrayContaining(methods.split(", ")));
  expect(allowed).not.toContain(method);
  expect(await refusal(response)).toEqual({ status: 405, code: "UNSUPPORTED" });
});

test("every answer has a request id of its own and names the API", async () => {
  const { digest } = await client.pushBlob(blob());
  const answers = [
    await client.get("/v2/"),
    await client.as(null).get("/v2/"),
    await client.get("/nowhere"),
    await client.request("POST", "/v2/"),
    await client.get(`blobs/${digest}`),
    await client.head(`blobs/${digest}`),
    await client.get(`blobs/${unknownDigest()}`),
    await client.get("/token"),
    await client.get(`blobs/${digest}`, { "if-none-match": "*" }),
    await client.get(`blobs/${digest}`, { range: "bytes=0-1" }),
    await client.get(`blobs/${digest}`, { range: "bytes=1000-" }),
    await client.get("/api/v1/me"),
    await client.get("/api/v1/openapi.json"),
    await client.get("/api/v1/nowhere"),
    await client.get("/"),
    await client.get("/healthz"),
  ];
  const ids = answers.map(({ headers }) => headers.get("x-request-id"));
  for (const id of ids) expect(id).toMatch(UUID);
  expect(new Set(ids).size).toBe(answers.length);
  for (const { headers } of answers) {
    expect(headers.get("docker-distribution-api-version")).toBe("registry/2.0");
    // A browser takes the answer for no script and no page, and gives it no origin.
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toBe("default-src 'none'; sandbox");
    expect(headers.get("strict-transport-security")).toBe("max-age=31536000");
  }
});

test("a refused HEAD has a status and no body", async () => {
  const response = await client.head(`blobs/${unknownDigest()}`);
  expect(response.status).toBe(404);
  expect(await response.text()).toBe("");
});

test("an error's detail names the digest that is missing", async () => {
  const digest = unknownDigest();
  const response = await client.get(`blobs/${digest}`);
  expect(await response.json()).toEqual({
    errors: [{ code: "BLOB_UNKNOWN", message: expect.any(String), detail: { digest } }],
  });
});

test("on this machine, by http, no name is bound to https", async () => {
  const response = await exports.default.fetch(new Request("http://127.0.0.1:8787/v2/"));
  expect(response.headers.has("strict-transport-security")).toBe(false);
});

/** A digest is a reference too, so the two parameters stand for the same paths. */
const BELOW = API_ROUTES.filter(({ path }) => path.includes("/-/")).map(({ method, path }) => ({
  method,
  path: path.replace(/:(?:digest|reference)(?=$|\/)/, ":digest"),
}));

test.each([...new Set(BELOW.map(({ path }) => path))])(
  "%s answers other methods itself, not as the repository",
  async (path) => {
    const url = path.replace(":name+", "acme/app").replace(":digest", unknownDigest());
    const own = new Set(BELOW.filter((route) => route.path === path).map(({ method }) => method));
    const allow = [...own].flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : method));
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const) {
      if ((own as Set<string>).has(method)) continue;
      const response = await client.request(method, url);
      expect([method, response.status]).toEqual([method, 405]);
      const allowed = response.headers.get("allow")?.split(", ");
      expect(allowed?.toSorted()).toEqual(allow.toSorted());
    }
  },
);

test.each(["GET", "PATCH", "DELETE", "OPTIONS"])(
  "%s of what is not there below a repository is 404",
  async (method) => {
    for (const path of ["acme/app/-/nothing", "acme/app/-/", "acme/app/-", "acme/app/-/tags/x"]) {
      const response = await client.request(method, `/api/v1/repositories/${path}`);
      expect([path, response.status]).toEqual([path, 404]);
      expect(await response.json()).toMatchObject({ detail: "no such endpoint" });
    }
  },
);
