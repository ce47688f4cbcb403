import { expect, test } from "vitest";
import { type Actor, anonymous, roleGrant, scopeGrants } from "../../src/auth/access.ts";
import { grantScopes, parseScopes, repositoriesIn } from "../../src/auth/scope.ts";

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

test("no more than 100 scopes are read", () => {
  const scopes = Array.from({ length: 1_000 }, (_, i) => `repository:a/b${i}:pull`);
  expect(parseScopes(scopes)).toHaveLength(100);
  expect(parseScopes([scopes.join(" ")])).toHaveLength(100);
});

test("a scope of 100,000 characters is read at once", () => {
  const began = performance.now();
  for (const part of ["a:", ":", "a", "a,", "*", "("]) {
    parseScopes([`repository:${part.repeat(50_000)}!`, `repository(${part.repeat(50_000)}`]);
  }
  expect(performance.now() - began).toBeLessThan(2_000);
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
  });
});

test("* asks for all that there is, and gives what the actor may", () => {
  expect(grantScopes(writer, [entry("acme/app", "*")])).toEqual({
    access: [entry("acme/app", "pull", "push")],
    refused: [{ pattern: "acme/app", rights: ["delete"] }],
  });
  expect(grantScopes(admin, [entry("acme/app", "*")]).access).toEqual([
    entry("acme/app", "pull", "push", "delete"),
  ]);
});

test.each(["own", "maintain", "admin", "fly", "constructor", ""])(
  "the action %j is none of a registry token's, not even an administrator's",
  (action) => {
    expect(grantScopes(admin, [entry("acme/app", action)])).toEqual({ access: [], refused: [] });
  },
);

test.each(["*", "acme/*", "ACME/app", "acme//app", "acme/app/", "registry:catalog"])(
  "the name %j is no repository's: it gives nothing, not even to an administrator",
  (name) => {
    expect(grantScopes(admin, [entry(name, "*")])).toEqual({ access: [], refused: [] });
  },
);

test("the catalog is an administrator's alone, with no limit", () => {
  const asked = [{ type: "registry", name: "catalog", actions: ["*"] }];
  expect(grantScopes(admin, asked).access).toEqual(asked);
  expect(grantScopes(writer, asked).access).toEqual([]);
  const limits = scopeGrants([{ repositories: "*", actions: ["delete"] }]);
  expect(grantScopes({ ...admin, limits }, asked).access).toEqual([]);
  expect(grantScopes(admin, [{ type: "registry", name: "catalog", actions: ["pull"] }])).toEqual({
    access: [],
    refused: [],
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
  });
});
