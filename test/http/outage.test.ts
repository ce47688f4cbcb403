/** When D1, R2, a session or a queue fails, the client is told to try again; a bug is reported as a bug. */
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { asRefusal } from "../../src/http/outage.ts";
import { RegistryError } from "../../src/oci/errors.ts";
import { ADMIN, RegistryClient, refusal, withSettings } from "../support/client.ts";
import { problem } from "../support/management.ts";

const PASSING = [
  "D1_ERROR: Network connection lost.",
  "Network connection lost.",
  "D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.",
  "D1_ERROR: Internal error in D1 DB storage caused object to be reset.",
  "D1_ERROR: Internal error while starting up D1 DB storage caused object to be reset.",
  "D1_ERROR: D1 DB reset because its code was updated.",
  "D1_ERROR: D1 DB is overloaded. Too many requests queued.",
  "D1_ERROR: D1 DB's isolate exceeded its memory limit and was reset.",
  "D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node.",
  "Durable Object reset because its code was updated.",
  "Durable Object is overloaded. Requests queued for too long.",
  "internal error; reference = 0123456789abcdef",
  "get: We encountered an internal error. Please try again. (10001)",
  "put: The service is temporarily unavailable. (10043)",
  "put: Reduce your rate of simultaneous writes on the same object. (10058)",
  "Queue send failed: Service Unavailable",
];

test.each(PASSING)("passes: %s", (message) => {
  const refused = asRefusal(new Error(message)) as RegistryError;
  expect(refused).toBeInstanceOf(RegistryError);
  expect(refused).toMatchObject({ status: 503, code: "UNAVAILABLE" });
  expect(refused.headers).toEqual({ "retry-after": "1" });
});

test.each(["retryable", "overloaded"])("passes: what an object's error says is %s", (flag) => {
  const error = Object.assign(new Error("the object said so"), { [flag]: true });
  expect(asRefusal(error)).toMatchObject({ status: 503, cause: error });
});

test.each([
  new Error("D1_ERROR: no such column: size: SQLITE_ERROR"),
  new Error("D1_ERROR: UNIQUE constraint failed: blobs.key: SQLITE_CONSTRAINT"),
  new Error("put: bad digest (10037)"),
  new TypeError("Cannot read properties of undefined"),
  new RegistryError("BLOB_UNKNOWN", { cause: new Error("Network connection lost.") }),
  "not an Error",
])("does not: %s", (error) => {
  expect(asRefusal(error)).toBe(error);
});

describe("while the database is away", () => {
  const DB = new Proxy(env.DB, {
    get: () => () => {
      throw new Error("D1_ERROR: Network connection lost.");
    },
  });
  const send = withSettings({ DB: DB as never });

  test("the registry answers 503 in the form of the spec, and when to ask again", async () => {
    const response = await new RegistryClient({ send }).get("tags/list");
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await refusal(response)).toEqual({ status: 503, code: "UNAVAILABLE" });
  });

  test("the management API answers 503 in the form of RFC 9457", async () => {
    const response = await new RegistryClient({ authorization: ADMIN, send }).get("/api/v1/users");
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await problem(response)).toEqual({ status: 503, code: "UNAVAILABLE" });
  });
});
