import { expect, test } from "vitest";
import { basic, RegistryClient, refusal } from "../support/client.ts";

const client = new RegistryClient();

test("GET /v2/: answers 200 with {} and names the API to someone who is logged in", async () => {
  const response = await client.get("/v2/");
  expect(response.status).toBe(200);
  expect(response.headers.get("docker-distribution-api-version")).toBe("registry/2.0");
  expect(await response.json()).toEqual({});
});

test("GET /v2/: answers the same without the last slash, and to HEAD", async () => {
  expect((await client.get("/v2")).status).toBe(200);
  expect((await client.head("/v2/")).status).toBe(200);
});

test("GET /v2/: answers 401 with exactly one challenge, for Bearer, without a scope", async () => {
  const response = await client.as(null).get("/v2/");
  expect(response.headers.get("www-authenticate")).toBe(
    'Bearer realm="https://registry.test/token",service="registry.test"',
  );
  expect(await refusal(response)).toEqual({ status: 401, code: "UNAUTHORIZED" });
});

test("GET /v2/: answers 200 to a token without any scope, as `docker login` asks", async () => {
  const token = await client.token();
  expect((await client.as(token).get("/v2/")).status).toBe(200);
});

test("GET /v2/: refuses a wrong password and offers Bearer only", async () => {
  const response = await client.as(basic("admin", "wrong")).get("/v2/");
  expect(response.headers.get("www-authenticate")).toMatch(/^Bearer /);
  expect(await refusal(response)).toEqual({ status: 401, code: "UNAUTHORIZED" });
});

test("GET /v2/: answers 200 to everyone's token, so that who follows the challenge is through", async () => {
  const everyone = client.as(null);
  for (const scopes of [[], ["repository:a/b:pull"]]) {
    const token = await everyone.token(...scopes);
    expect((await everyone.as(token).get("/v2/")).status).toBe(200);
  }
});

test.each(["/api/v1/me", "/api/v1/namespaces"])(
  "everyone's token opens nothing that asks who it is: %s",
  async (path) => {
    const token = await client.as(null).token();
    expect((await client.as(token).get(path)).status).toBe(401);
  },
);
