/** What every route that takes a body refuses, before anything else. */
import { beforeAll, describe, expect, test } from "vitest";
import { API_ROUTES } from "../../../src/api-routes.ts";
import { ADMIN } from "../../support/client.ts";
import { makeNamespace, refused } from "../../support/management.ts";

const OURS = /^\/api\/v1\/(me|users|tokens|namespaces|oidc)\b/;
const ROUTES = API_ROUTES.filter(
  ({ method, path }) => OURS.test(path) && ["POST", "PUT", "PATCH"].includes(method),
);
const CHANGES = API_ROUTES.filter(({ method, path }) => OURS.test(path) && method !== "GET");

let namespace: string;
let owner: string;

beforeAll(async () => {
  const made = await makeNamespace();
  namespace = made.namespace;
  owner = made.owner.authorization;
});

function call(path: string): string {
  return path
    .replace("/api/v1", "")
    .replace(":namespace", namespace)
    .replace(":token", "0123456789abcdef")
    .replace(/:\w+/, "someone");
}

/** Who may call it at all: nobody changes the administrator's password here. */
function caller(path: string): string {
  return path.endsWith("/me/password") ? owner : ADMIN;
}

test("there are routes to be tested", () => {
  expect(ROUTES.length).toBe(13);
});

describe.each(ROUTES.map(({ method, path }) => [method, path] as const))(
  "%s %s",
  (method, path) => {
    test.each([
      ["nothing", "", 400],
      ["no JSON", "{", 400],
      ["JSON and more", "{}{}", 400],
      ["half of a character", '{"\\ud800":1}', 400],
      ["null", "null", 400],
      ["a list", "[]", 400],
      ["a text", '"x"', 400],
      ["an unknown field", '{"unknown":1}', 400],
      ["too much", `{"name":"${"x".repeat(256 * 1024)}"}`, 413],
    ])("refuses %s", async (_, body, status) => {
      const answer = await refused(method, call(path), body, { as: caller(path) });
      expect(answer.status).toBe(status);
    });

    test.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"])(
      "refuses a body that is %s: a form of some other site could send it",
      async (type) => {
        const options = { as: caller(path), headers: { "content-type": type } };
        const answer = await refused(method, call(path), "{}", options);
        expect(answer).toEqual({ status: 415, code: "UNSUPPORTED" });
      },
    );
  },
);

test.each(CHANGES.map(({ method, path }) => [method, path] as const))(
  "%s %s: not without credentials, nor with wrong ones",
  async (method, path) => {
    const body = method === "DELETE" ? undefined : {};
    if (!path.endsWith("/exchange")) {
      expect((await refused(method, call(path), body, { as: null })).status).toBe(401);
    }
    const options = { as: "Bearer nonsense", headers: { "cf-connecting-ip": "203.0.113.1" } };
    expect((await refused(method, call(path), body, options)).status).toBe(401);
  },
);
