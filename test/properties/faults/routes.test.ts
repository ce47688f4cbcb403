/** Every route of the registry has a scenario. */
import { expect, test } from "vitest";
import { ROUTES } from "../../../src/routes.ts";
import { LOGINS } from "./logins.ts";
import { MANAGEMENT } from "./management.ts";
import { MANIFESTS } from "./manifests.ts";
import { UPLOADS } from "./uploads.ts";

/** Routes without a scenario, and why. */
const EXCEPT: Readonly<Record<string, string>> = {
  "GET /api/v1/openapi.json": "calls nothing",
  "GET /": "calls nothing but the static assets",
  "GET /login": "calls nothing but the static assets",
  "GET /repositories/*": "reads one row, and has its own test for a database that fails",
  "GET /namespaces/*": "calls nothing but the static assets",
  "GET /account/*": "calls nothing but the static assets",
  "GET /vulnerable-images": "calls nothing but the static assets",
  "GET /admin/*": "calls nothing but the static assets",
  "GET /assets/*": "calls nothing but the static assets",
  "OPTIONS /": "calls nothing",
  "GET /healthz": "calls nothing",
  "GET /v1/_ping": "calls nothing",
  "GET /readyz": "tells of the calls that fail, as test/api/health.test.ts has it",
};

test("every route has its faults injected", () => {
  const tried = [...LOGINS, ...MANAGEMENT, ...MANIFESTS, ...UPLOADS].map(({ route }) => route);
  const all = [...new Set([...tried, ...Object.keys(EXCEPT)])];
  const routes = ROUTES.map(({ method, path }) => `${method} ${path}`);
  expect(all.toSorted()).toEqual([...new Set(routes)].toSorted());
});
