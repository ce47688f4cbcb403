import * as audit from "./http/api/audit.ts";
import * as exchange from "./http/api/exchange.ts";
import * as manifests from "./http/api/manifests.ts";
import * as me from "./http/api/me.ts";
import * as members from "./http/api/members.ts";
import * as namespaces from "./http/api/namespaces.ts";
import * as openapi from "./http/api/openapi.ts";
import * as pulls from "./http/api/pulls.ts";
import * as repositories from "./http/api/repositories.ts";
import * as robots from "./http/api/robots.ts";
import * as tags from "./http/api/tags.ts";
import * as tokens from "./http/api/tokens.ts";
import * as trustRules from "./http/api/trust-rules.ts";
import * as users from "./http/api/users.ts";
import { type Route, route } from "./route.ts";

/** The management API: who may do what, and what there is. */
export const API_ROUTES: readonly Route[] = [
  route("me", "GET /api/v1/me", "login", me.read),
  route("me", "PUT /api/v1/me/password", "login", me.update),
  route("users", "GET /api/v1/users", "administer", users.list),
  route("users", "POST /api/v1/users", "administer", users.create),
  route("users", "GET /api/v1/users/:user", "administer", users.read),
  route("users", "PATCH /api/v1/users/:user", "administer", users.update),
  route("users", "DELETE /api/v1/users/:user", "administer", users.remove),
  route("tokens", "GET /api/v1/tokens", "login", tokens.list),
  route("tokens", "POST /api/v1/tokens", "login", tokens.create),
  route("tokens", "DELETE /api/v1/tokens/:token", "login", tokens.remove),
  route("namespaces", "GET /api/v1/namespaces", "login", namespaces.list),
  route("namespaces", "POST /api/v1/namespaces", "administer", namespaces.create),
  route("namespaces", "GET /api/v1/namespaces/:namespace", "own", namespaces.read),
  route("namespaces", "PATCH /api/v1/namespaces/:namespace", "own", namespaces.update),
  route("namespaces", "DELETE /api/v1/namespaces/:namespace", "administer", namespaces.remove),
  route("members", "GET /api/v1/namespaces/:namespace/members", "own", members.list),
  route("members", "PUT /api/v1/namespaces/:namespace/members/:user", "own", members.write),
  route("members", "DELETE /api/v1/namespaces/:namespace/members/:user", "own", members.remove),
  route("robots", "GET /api/v1/namespaces/:namespace/robots", "own", robots.list),
  route("robots", "POST /api/v1/namespaces/:namespace/robots", "own", robots.create),
  route("robots", "GET /api/v1/namespaces/:namespace/robots/:robot", "own", robots.read),
  route("robots", "PATCH /api/v1/namespaces/:namespace/robots/:robot", "own", robots.update),
  route("robots", "DELETE /api/v1/namespaces/:namespace/robots/:robot", "own", robots.remove),
  route(
    "robots",
    "POST /api/v1/namespaces/:namespace/robots/:robot/tokens",
    "own",
    robots.createToken,
  ),
  route(
    "robots",
    "DELETE /api/v1/namespaces/:namespace/robots/:robot/tokens/:token",
    "own",
    robots.removeToken,
  ),
  route("trust-rules", "GET /api/v1/namespaces/:namespace/trust-rules", "own", trustRules.list),
  route("trust-rules", "POST /api/v1/namespaces/:namespace/trust-rules", "own", trustRules.create),
  route(
    "trust-rules",
    "GET /api/v1/namespaces/:namespace/trust-rules/:rule",
    "own",
    trustRules.read,
  ),
  route(
    "trust-rules",
    "PATCH /api/v1/namespaces/:namespace/trust-rules/:rule",
    "own",
    trustRules.update,
  ),
  route(
    "trust-rules",
    "DELETE /api/v1/namespaces/:namespace/trust-rules/:rule",
    "own",
    trustRules.remove,
  ),
  route("exchange", "POST /api/v1/oidc/exchange", "none", exchange.create),
  route("openapi", "GET /api/v1/openapi.json", "none", openapi.read),
  route("repositories", "GET /api/v1/repositories", "none", repositories.list),
  route("repositories", "POST /api/v1/repositories", "login", repositories.create),
  // Before the repository itself, whose name takes as many segments as it can.
  route("tags", "GET /api/v1/repositories/:name+/-/tags", "pull", tags.list),
  route("manifests", "GET /api/v1/repositories/:name+/-/manifests", "pull", manifests.list),
  route("manifest", "GET /api/v1/repositories/:name+/-/manifests/:digest", "pull", manifests.read),
  route("pulls", "GET /api/v1/repositories/:name+/-/pulls", "pull", pulls.list),
  route("repository", "GET /api/v1/repositories/:name+", "pull", repositories.read),
  route("repository", "PATCH /api/v1/repositories/:name+", "maintain", repositories.update),
  route("repository", "DELETE /api/v1/repositories/:name+", "maintain", repositories.remove),
  route("audit", "GET /api/v1/audit", "administer", audit.list),
  route("audit", "GET /api/v1/namespaces/:namespace/audit", "own", audit.listNamespace),
];
