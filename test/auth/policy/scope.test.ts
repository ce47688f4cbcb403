import { expect, test } from "vitest";
import { type Actor, anonymous, roleGrant, scopeGrants } from "../../../src/auth/policy/access.ts";
import { grantScopes, parseScopes, repositoriesIn } from "../../../src/auth/policy/scope.ts";
import { quickest } from "../../support/waits.ts";

const writer: Actor = {
  ...anonymous(false),
  name: "ada",
  grants: [roleGrant("acme/*", "writer")],
};
const admin: Actor = { ...anonymous(false), name: "admin", grants: [roleGrant("*", "owner")] };

function entry(name: string, ...actions: string[]) {
  return { type: "repository", name, actions };
}

test("several scopes come repeated, joined by spaces, or both, and overlap", () => {
  expect(
    parseScopes(["repository:a/b:pull repository:c/d:push", "repository:a/b:pull,push"]),
  ).toEqual([entry("a/b", "pull", "push"), entry("c/d", "push")]);
});

test("a name may hold colons, as a host's port does", () => {
  expect(parseScopes(["repository:host:5000/a/b:pull"])).toEqual([entry("host:5000/a/b", "pull")]);
});

test.each([
  "",
  "repository",
  "repository:a/b",
  "repository::pull",
  ":a/b:pull",
  "Repository:a/b:pull",
  "repository:a/b:pull;push",
  "repository:a/b:PULL",
  "repository(a b):a/b:pull",
  "repo\u0000sitory:a/b:pull",
])("%j is passed over", (scope) => {
  expect(parseScopes([scope])).toEqual([]);
});

test("100 scopes are read, more are refused: the first of them would look like all", () => {
  const scopes = Array.from({ length: 101 }, (_, i) => `repository:a/b${i}:pull`);
  expect(parseScopes(scopes.slice(1))).toHaveLength(100);
  const tooMany = expect.objectContaining({
    status: 400,
    message: "101 scopes: at most 100 in one request",
  });
  expect(() => parseScopes(scopes)).toThrow(tooMany);
  expect(() => parseScopes([scopes.join("  ")])).toThrow(tooMany);
});

test("20 actions of one repository are read, more are refused", () => {
  const actions = Array.from({ length: 21 }, (_, i) => String.fromCharCode(97 + i));
  const [first, ...others] = actions;
  expect(parseScopes([`repository:a/b:${others.join(",")}`])[0]?.actions).toHaveLength(20);
  const scopes = [`repository:a/b:${first}`, `repository:a/b:${others.join(",")}`];
  expect(() => parseScopes(scopes)).toThrow(expect.objectContaining({ status: 400 }));
});

function read(length: number): void {
  for (const part of ["a:", ":", "a", "a,", "*", "("]) {
    parseScopes([`repository:${part.repeat(length)}!`, `repository(${part.repeat(length)}`]);
  }
}

test("a scope of 100,000 characters takes hardly more than four times as long as a quarter of it", async () => {
  const [quarter, whole] = await quickest(
    () => read(12_500),
    () => read(50_000),
  );
  expect(whole).toBeLessThan(8 * quarter + 100);
});

test("only names of repositories are looked up", () => {
  const asked = parseScopes([
    "repository:a/b:pull",
    "repository:A/b:pull",
    "repository:*:pull",
    "repository:a/../b:pull",
    "registry:catalog:*",
    "user:a/b:pull",
  ]);
  expect(repositoriesIn(asked)).toEqual(["a/b"]);
});

test("what is asked is divided into what may be done and what was refused", () => {
  expect(grantScopes(writer, [entry("acme/app", "pull", "push", "delete")])).toEqual({
    access: [entry("acme/app", "pull", "push")],
    refused: [{ pattern: "acme/app", rights: ["delete"] }],
    catalog: null,
  });
});

test("* asks for all that there is, and gives what the actor may", () => {
  expect(grantScopes(writer, [entry("acme/app", "*")])).toEqual({
    access: [entry("acme/app", "pull", "push")],
    refused: [{ pattern: "acme/app", rights: ["delete"] }],
    catalog: null,
  });
  expect(grantScopes(admin, [entry("acme/app", "*")]).access).toEqual([
    entry("acme/app", "pull", "push", "delete"),
  ]);
});

test.each(["own", "maintain", "admin", "fly", "constructor", ""])(
  "the action %j is none of a registry token's, not even an administrator's",
  (action) => {
    expect(grantScopes(admin, [entry("acme/app", action)])).toEqual({
      access: [],
      refused: [],
      catalog: null,
    });
  },
);

test.each(["*", "acme/*", "ACME/app", "acme//app", "acme/app/", "registry:catalog"])(
  "the name %j is no repository's: it gives nothing, not even to an administrator",
  (name) => {
    expect(grantScopes(admin, [entry(name, "*")])).toEqual({
      access: [],
      refused: [],
      catalog: null,
    });
  },
);

test("the catalog is everyone's, each with what they may pull by their own rights", () => {
  const asked = [{ type: "registry", name: "catalog", actions: ["*"] }];
  const catalogOf = (actor: Actor) => grantScopes(actor, asked).catalog;
  expect(grantScopes(admin, asked).access).toEqual(asked);
  expect(catalogOf(admin)).toEqual({ grants: ["*"], limits: null });
  expect(catalogOf(anonymous(true))).toEqual({ grants: [], limits: null });
  const limits = scopeGrants([
    { repositories: "acme/*", actions: ["push"] },
    { repositories: "acme/app", actions: ["pull"] },
  ]);
  expect(catalogOf({ ...admin, limits })).toEqual({ grants: ["*"], limits: ["acme/*"] });
  expect(grantScopes(admin, [{ type: "registry", name: "catalog", actions: ["pull"] }])).toEqual({
    access: [],
    refused: [],
    catalog: null,
  });
});

test("more patterns than a token can hold are no catalog", () => {
  const asked = [{ type: "registry", name: "catalog", actions: ["*"] }];
  const names = Array.from({ length: 2_000 }, (_, i) => `a${i}/b`);
  const grants = names.map((name) => roleGrant(name, "reader"));
  expect(grantScopes({ ...anonymous(false), grants }, asked)).toEqual({
    access: [],
    refused: [{ pattern: "registry:catalog:*", rights: ["pull"] }],
    catalog: null,
  });
});
test("a limit decides what a token is given, too", () => {
  const limits = scopeGrants([{ repositories: "acme/app", actions: ["pull"] }]);
  const asked = [entry("acme/app", "pull", "push"), entry("acme/other", "pull")];
  expect(grantScopes({ ...writer, limits }, asked)).toEqual({
    access: [entry("acme/app", "pull")],
    refused: [
      { pattern: "acme/app", rights: ["push"] },
      { pattern: "acme/other", rights: ["pull"] },
    ],
    catalog: null,
  });
});
