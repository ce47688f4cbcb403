import {
  change,
  type Groups,
  NAMESPACE,
  op,
  page,
  PAGE,
  remove,
  REPOSITORY,
} from "./openapi-shape.ts";

const EVENTS = ["repository", "actor", "action", "outcome", "since", "until", ...PAGE] as const;
const ROBOT = `${NAMESPACE}/robots/{robot}`;
const RULE = `${NAMESPACE}/trust-rules/{rule}`;

/** Operations on identities and rights, and on what is stored. */
export const GROUPS: Groups = {
  about: {
    "GET /openapi.json": op("readOpenApi", "This document", { open: true, answer: ["one", "Any"] }),
  },
  me: {
    "GET /me": op("readMe", "Who the caller is", { answer: ["one", "Me"] }),
    "PUT /me/password": op("changePassword", "Change the caller's password, by the current one", {
      body: "NewPassword",
      answer: null,
    }),
    "GET /tokens": page("listTokens", "The caller's tokens", "Token"),
    "POST /tokens": op("createToken", "Make a token of the caller's", {
      body: "NewToken",
      answer: ["issued", "MadeToken"],
    }),
    "PATCH /tokens/{token}": op("updateToken", "Let a token end at another time", {
      body: "Expiry",
      answer: ["one", "Token"],
    }),
    "DELETE /tokens/{token}": op("deleteToken", "Delete a token", { answer: null }),
    "POST /oidc/exchange": op("exchangeToken", "An ID token for a password that lasts minutes", {
      open: true,
      body: "Exchange",
      answer: ["one", "Exchanged"],
    }),
  },
  users: {
    "GET /users": page("listUsers", "All users", "User"),
    "POST /users": op("createUser", "Create a user", { body: "NewUser", answer: ["new", "User"] }),
    "GET /users/{user}": op("readUser", "A user", { answer: ["one", "User"] }),
    "PATCH /users/{user}": change(
      "updateUser",
      "Change a user, or disable it; what was logged in is revoked",
      ["UserChange", "User"],
      ["confirm"],
    ),
    "DELETE /users/{user}": remove("deleteUser", "Delete a user, its tokens and memberships", [
      "confirm",
    ]),
  },
  namespaces: {
    "GET /namespaces": page(
      "listNamespaces",
      "Those in which the caller may do something",
      "Namespace",
    ),
    "POST /namespaces": op("createNamespace", "Create a namespace", {
      body: "NewNamespace",
      answer: ["new", "Namespace"],
    }),
    [`GET ${NAMESPACE}`]: op("readNamespace", "A namespace", { answer: ["one", "Namespace"] }),
    [`PATCH ${NAMESPACE}`]: change("updateNamespace", "Change what its new repositories get", [
      "NamespaceChange",
      "Namespace",
    ]),
    [`DELETE ${NAMESPACE}`]: remove("deleteNamespace", "Delete a namespace without repositories"),
    [`GET ${NAMESPACE}/members`]: page("listMembers", "Who has which role", "Member"),
    [`PUT ${NAMESPACE}/members/{user}`]: op("setMember", "Give a user a role", {
      query: ["confirm"],
      body: "Membership",
      answer: ["set", "Member"],
    }),
    [`DELETE ${NAMESPACE}/members/{user}`]: op("removeMember", "Take a user's roles away", {
      query: ["repositories", "confirm"],
      answer: null,
    }),
  },
  robots: {
    [`GET ${NAMESPACE}/robots`]: page("listRobots", "A namespace's robots", "Robot"),
    [`POST ${NAMESPACE}/robots`]: op("createRobot", "Create a robot, with its first secret", {
      body: "NewRobot",
      answer: ["new", "MadeRobot"],
    }),
    [`GET ${ROBOT}`]: op("readRobot", "A robot", { answer: ["one", "Robot"] }),
    [`PATCH ${ROBOT}`]: change("updateRobot", "Change a robot, or disable it", [
      "RobotChange",
      "Robot",
    ]),
    [`DELETE ${ROBOT}`]: remove("deleteRobot", "Delete a robot"),
    [`POST ${ROBOT}/tokens`]: op("createRobotToken", "A further secret, for rotation", {
      body: "NewRobotToken",
      answer: ["issued", "MadeRobotToken"],
    }),
    [`PATCH ${ROBOT}/tokens/{token}`]: op("updateRobotToken", "Let a secret end at another time", {
      body: "Expiry",
      answer: ["one", "RobotToken"],
    }),
    [`DELETE ${ROBOT}/tokens/{token}`]: op("deleteRobotToken", "Delete one secret", {
      answer: null,
    }),
  },
  "trust rules": {
    [`GET ${NAMESPACE}/trust-rules`]: page("listTrustRules", "Whose ID tokens hold", "TrustRule"),
    [`POST ${NAMESPACE}/trust-rules`]: op("createTrustRule", "Trust an issuer's ID tokens", {
      body: "NewTrustRule",
      answer: ["new", "TrustRule"],
    }),
    [`GET ${RULE}`]: op("readTrustRule", "A trust rule", { answer: ["one", "TrustRule"] }),
    [`PATCH ${RULE}`]: change("updateTrustRule", "Change a trust rule", [
      "TrustRuleChange",
      "TrustRule",
    ]),
    [`DELETE ${RULE}`]: remove("deleteTrustRule", "Delete a trust rule"),
  },
  repositories: {
    "GET /repositories": op("listRepositories", "Those that the caller may pull", {
      open: true,
      query: ["namespace", ...PAGE],
      answer: ["page", "Repository"],
    }),
    "POST /repositories": op("createRepository", "Create a repository", {
      body: "NewRepository",
      answer: ["new", "RepositoryDetail"],
    }),
    [`GET ${REPOSITORY}`]: op("readRepository", "A repository", {
      open: true,
      answer: ["one", "RepositoryDetail"],
    }),
    [`PATCH ${REPOSITORY}`]: change("updateRepository", "Change a repository", [
      "RepositoryChange",
      "RepositoryDetail",
    ]),
    [`DELETE ${REPOSITORY}`]: remove("deleteRepository", "Delete a repository and all in it"),
    [`GET ${REPOSITORY}/-/tags`]: op("listTags", "Its tags, at most 100 a page", {
      open: true,
      query: PAGE,
      answer: ["page", "Tag"],
    }),
    [`GET ${REPOSITORY}/-/manifests`]: op("listManifests", "Its manifests, at most 100 a page", {
      open: true,
      query: PAGE,
      answer: ["page", "Manifest"],
    }),
    [`GET ${REPOSITORY}/-/manifests/{digest}`]: op("readManifest", "What a manifest is", {
      open: true,
      answer: ["one", "Manifest"],
    }),
    [`GET ${REPOSITORY}/-/pulls`]: op("listPulls", "Its pulls, by tag and day", {
      open: true,
      query: ["sinceDay", "untilDay", ...PAGE],
      answer: ["page", "PullCount"],
    }),
  },
  audit: {
    "GET /audit": op("listAudit", "What was done and refused, the newest first", {
      query: ["namespace", ...EVENTS],
      answer: ["lines", "AuditEvent"],
    }),
    [`GET ${NAMESPACE}/audit`]: op("listNamespaceAudit", "The same, in one namespace", {
      query: EVENTS,
      answer: ["lines", "AuditEvent"],
    }),
  },
};
