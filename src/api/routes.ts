import * as audit from "../events/api.ts";
import * as gc from "../gc/api.ts";
import * as exchange from "./exchange.ts";
import * as history from "../trash/list-api.ts";
import * as fsck from "../fsck/api.ts";
import * as exports from "../backup/api.ts";
import * as manifests from "./manifests.ts";
import * as me from "./me.ts";
import * as members from "./members.ts";
import * as namespaces from "./namespaces.ts";
import * as openapi from "./openapi.ts";
import * as pulls from "./pulls.ts";
import * as repositories from "./repositories.ts";
import * as quotas from "../quota/api.ts";
import * as retention from "../retention/api.ts";
import * as robots from "./robots.ts";
import * as tags from "./tags.ts";
import * as tokens from "./tokens.ts";
import * as trustRules from "./trust-rules.ts";
import * as undo from "../trash/api.ts";
import * as users from "./users.ts";
import { type Route, route } from "../http/route.ts";

/** The routes of the management API. */
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
  route("tokens", "PATCH /api/v1/tokens/:token", "login", tokens.update),
  route("tokens", "DELETE /api/v1/tokens/:token", "login", tokens.remove),
  route("namespaces", "GET /api/v1/namespaces", "login", namespaces.list),
  route("namespaces", "POST /api/v1/namespaces", "administer", namespaces.create),
  route("namespaces", "GET /api/v1/namespaces/:namespace", "own", namespaces.read),
  route("namespaces", "PATCH /api/v1/namespaces/:namespace", "own", namespaces.update),
  route("namespaces", "DELETE /api/v1/namespaces/:namespace", "administer", namespaces.remove),
  route("quota", "GET /api/v1/namespaces/:namespace/quota", "own", quotas.read),
  route("quota", "PUT /api/v1/namespaces/:namespace/quota", "administer", quotas.update),
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
    "PATCH /api/v1/namespaces/:namespace/robots/:robot/tokens/:token",
    "own",
    robots.updateToken,
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
  // These precede the repository's own route, whose name takes as many segments as it can.
  route("tags", "GET /api/v1/repositories/:name+/-/tags", "pull", tags.list),
  route("manifests", "GET /api/v1/repositories/:name+/-/manifests", "pull", manifests.list),
  route("manifest", "GET /api/v1/repositories/:name+/-/manifests/:digest", "pull", manifests.read),
  route("pulls", "GET /api/v1/repositories/:name+/-/pulls", "pull", pulls.list),
  route("history", "GET /api/v1/repositories/:name+/-/history", "push", history.tags),
  route("deleted", "GET /api/v1/repositories/:name+/-/deleted", "delete", history.manifests),
  route(
    "retention-preview",
    "POST /api/v1/repositories/:name+/-/retention/preview",
    "maintain",
    retention.preview,
  ),
  route("retention", "GET /api/v1/repositories/:name+/-/retention", "maintain", retention.read),
  route("retention", "PUT /api/v1/repositories/:name+/-/retention", "maintain", retention.write),
  route(
    "retention",
    "DELETE /api/v1/repositories/:name+/-/retention",
    "maintain",
    retention.remove,
  ),
  route("retention", "GET /api/v1/namespaces/:namespace/retention", "own", retention.readNamespace),
  route(
    "retention",
    "PUT /api/v1/namespaces/:namespace/retention",
    "own",
    retention.writeNamespace,
  ),
  route(
    "retention",
    "DELETE /api/v1/namespaces/:namespace/retention",
    "own",
    retention.removeNamespace,
  ),
  route("restore", "POST /api/v1/repositories/:name+/-/restore", "delete", undo.restore),
  route("purge", "POST /api/v1/repositories/:name+/-/purge", "maintain", undo.purge),
  route("repository", "GET /api/v1/repositories/:name+", "pull", repositories.read),
  route("repository", "PATCH /api/v1/repositories/:name+", "maintain", repositories.update),
  route("repository", "DELETE /api/v1/repositories/:name+", "maintain", repositories.remove),
  route("deleted", "GET /api/v1/deleted-repositories", "login", history.repositories),
  route("fsck", "GET /api/v1/fsck", "administer", fsck.read),
  route("fsck", "POST /api/v1/fsck", "administer", fsck.run),
  route("gc", "GET /api/v1/gc", "administer", gc.read),
  route("gc", "POST /api/v1/gc", "administer", gc.run),
  route("exports", "GET /api/v1/exports", "administer", exports.read),
  route("exports", "POST /api/v1/exports", "administer", exports.begin),
  route("exports", "POST /api/v1/exports/steps", "administer", exports.step),
  route("import", "POST /api/v1/import", "administer", exports.recover),
  route("import", "POST /api/v1/import/objects", "administer", exports.search),
  route("audit", "GET /api/v1/audit", "administer", audit.list),
  route("audit", "GET /api/v1/namespaces/:namespace/audit", "own", audit.listNamespace),
];
