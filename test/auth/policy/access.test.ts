import { expect, test } from "vitest";
import {
  type Actor,
  anonymous,
  covers,
  type Grant,
  isAdministrator,
  may,
  type Right,
  type Role,
  roleGrant,
  type ScopeAction,
  scopeGrants,
  sourcesOf,
  withPublic,
} from "../../../src/auth/policy/access.ts";

const RIGHTS: readonly Right[] = ["pull", "push", "delete", "maintain", "own"];

function actor(grants: readonly Grant[], limits: readonly Grant[] | null = null): Actor {
  return { ...anonymous(false), name: "ada", via: "password", grants, limits };
}

/** Lists the actor's rights on the repository. */
function rights(who: Actor, repository: string): Right[] {
  return RIGHTS.filter((right) => may(who, right, repository));
}

test.each<[Role, Right[]]>([
  ["reader", ["pull"]],
  ["writer", ["pull", "push"]],
  ["maintainer", ["pull", "push", "delete", "maintain"]],
  ["owner", ["pull", "push", "delete", "maintain", "own"]],
])("the role %s gives %j on what its pattern names, and nothing elsewhere", (role, given) => {
  const who = actor([roleGrant("acme/*", role)]);
  expect(rights(who, "acme/app")).toEqual(given);
  expect(rights(who, "acme/team/app")).toEqual(given);
  expect(rights(who, "acmes/app")).toEqual([]);
  expect(rights(who, "other/acme/app")).toEqual([]);
});

test.each<[ScopeAction, Right[]]>([
  ["pull", ["pull"]],
  ["push", ["pull", "push"]],
  ["delete", ["pull", "delete"]],
  ["admin", ["pull", "push", "delete", "maintain", "own"]],
])("the scope %s stands for %j", (action, given) => {
  const who = actor(scopeGrants([{ repositories: "acme/*", actions: [action] }]));
  expect(rights(who, "acme/app")).toEqual(given);
});

test("the rights of several scopes add up, each on its own repositories", () => {
  const who = actor(
    scopeGrants([
      { repositories: "acme/*", actions: ["pull"] },
      { repositories: "acme/app", actions: ["push", "delete"] },
    ]),
  );
  expect(rights(who, "acme/app")).toEqual(["pull", "push", "delete"]);
  expect(rights(who, "acme/other")).toEqual(["pull"]);
});

test("a limit takes rights away and gives none", () => {
  const owner = [roleGrant("acme/*", "owner")];
  const limits = scopeGrants([
    { repositories: "acme/app", actions: ["push"] },
    { repositories: "other/*", actions: ["admin"] },
  ]);
  const who = actor(owner, limits);
  expect(rights(who, "acme/app")).toEqual(["pull", "push"]);
  expect(rights(who, "acme/other")).toEqual([]);
  expect(rights(who, "other/app")).toEqual([]);
});

test("credentials that are limited to nothing do nothing", () => {
  expect(rights(actor([roleGrant("*", "owner")], []), "acme/app")).toEqual([]);
});

test.each([
  ["acme/*", "acme", true],
  ["acme/*", "acme/app", true],
  ["acme", "acme", true],
  ["acme*", "acme", true],
  ["acme", "acme/app", false],
  ["acme/app", "acme", false],
  ["acme/a*", "acme", false],
  ["acm*", "acme", true],
  ["cme/*", "acme", false],
  ["acme/*", "acm", false],
])("%j covers the repository %j: %j", (pattern, repository, covered) => {
  expect(covers(pattern, repository)).toBe(covered);
});

test.each([
  ["acme/*", true],
  ["*", true],
  ["acm*", true],
  // Each of these patterns leaves out some repository of the namespace.
  ["acme/app", false],
  ["acme/a*", false],
  ["acme/*/app", false],
  ["*/app", false],
  ["acme", false],
  ["acme/*a", false],
])("who owns %j owns the namespace acme: %j", (pattern, owned) => {
  expect(may(actor([roleGrant(pattern, "owner")]), "own", "acme/")).toBe(owned);
});

function limited(repositories: string, action: ScopeAction): Grant[] {
  return scopeGrants([{ repositories, actions: [action] }]);
}

test("only who owns everything is an administrator, and only with credentials for everything", () => {
  const everything = [roleGrant("*", "owner")];
  expect(isAdministrator(actor(everything))).toBe(true);
  expect(isAdministrator(actor(everything, limited("*", "admin")))).toBe(true);
  expect(isAdministrator(actor(everything, limited("*", "delete")))).toBe(false);
  expect(isAdministrator(actor(everything, limited("acme/*", "admin")))).toBe(false);
  expect(isAdministrator(actor(everything, []))).toBe(false);
  expect(isAdministrator(actor([roleGrant("*", "maintainer")]))).toBe(false);
  expect(isAdministrator(actor([roleGrant("acme/*", "owner")]))).toBe(false);
  expect(isAdministrator(actor([roleGrant("acme/*", "owner")], limited("*", "admin")))).toBe(false);
  expect(isAdministrator(anonymous(true))).toBe(false);
});

test("who may pull everything takes blobs from everywhere, others from what is named and theirs to pull", () => {
  const reader = roleGrant("acme/*", "reader");
  expect(sourcesOf(actor([roleGrant("*", "reader")]))).toBe("all");
  expect(sourcesOf(actor([reader]))).toEqual([]);
  expect(sourcesOf(actor([reader, roleGrant("acme/app", "writer")]))).toEqual(["acme/app"]);
});

test("a limit holds for what blobs are taken from", () => {
  const limits = scopeGrants([{ repositories: "acme/app", actions: ["pull"] }]);
  expect(sourcesOf(actor([roleGrant("*", "owner")], limits))).toEqual([]);
  const named = [roleGrant("acme/app", "writer"), roleGrant("acme/secret", "writer")];
  expect(sourcesOf(actor(named, limits))).toEqual(["acme/app"]);
});

test("a grant without pull is no source", () => {
  expect(sourcesOf(actor([{ pattern: "acme/app", rights: ["push"] }]))).toEqual([]);
});

test("a registry token's own claim says where blobs may be taken from", () => {
  const token = { refused: [], catalog: null };
  const grants = [roleGrant("acme/app", "writer")];
  const all = { ...actor(grants), token: { ...token, sources: "all" as const } };
  const granted = { ...actor(grants), token: { ...token, sources: "granted" as const } };
  expect(sourcesOf(all)).toBe("all");
  expect(sourcesOf(granted)).toEqual(["acme/app"]);
  // The public's right to pull everything does not make every repository a source.
  expect(sourcesOf(withPublic(granted, ["*"]))).toEqual(["acme/app"]);
});

test("what is public everyone may pull, and no more, whatever their credentials are limited to", () => {
  const limits = scopeGrants([{ repositories: "acme/app", actions: ["push"] }]);
  const strangers = [anonymous(false), actor([]), actor([roleGrant("acme/*", "owner")], limits)];
  for (const who of strangers) {
    const changed = withPublic(who, ["other/public"]);
    expect(rights(changed, "other/public")).toEqual(["pull"]);
    expect(rights(changed, "other/private")).toEqual([]);
    expect(rights(changed, "acme/app")).toEqual(rights(who, "acme/app"));
  }
});

test("a public repository gives a limited token no right that the owner has on it beyond pull", () => {
  const limits = scopeGrants([{ repositories: "acme/app", actions: ["pull"] }]);
  const who = withPublic(actor([roleGrant("*", "owner")], limits), ["acme/public"]);
  expect(rights(who, "acme/public")).toEqual(["pull"]);
  expect(isAdministrator(who)).toBe(false);
});

test("a limit of push and a public repository do not add up to a push", () => {
  const limits = scopeGrants([{ repositories: "*", actions: ["push"] }]);
  expect(rights(withPublic(actor([], limits), ["other/public"]), "other/public")).toEqual(["pull"]);
});

test("anonymous: nothing, or pull where everything is public", () => {
  expect(rights(anonymous(false), "acme/app")).toEqual([]);
  expect(rights(anonymous(true), "acme/app")).toEqual(["pull"]);
  expect(anonymous(true).name).toBeNull();
});
