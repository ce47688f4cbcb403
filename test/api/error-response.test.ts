import { expect, test } from "vitest";
import { RegistryClient, refusal } from "../support/client.ts";
import { blob, unknownDigest } from "../support/images.ts";

const client = new RegistryClient();
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

test.each([
  "/",
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
  ];
  const ids = answers.map(({ headers }) => headers.get("x-request-id"));
  for (const id of ids) expect(id).toMatch(UUID);
  expect(new Set(ids).size).toBe(answers.length);
  for (const { headers } of answers) {
    expect(headers.get("docker-distribution-api-version")).toBe("registry/2.0");
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
