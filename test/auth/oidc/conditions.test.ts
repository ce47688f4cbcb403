/** What the console's try-out shows of a rule is what decides about a login. */
import { expect, test } from "vitest";
import {
  compare,
  conditionsOf,
  refusedEvent,
  type TrustRule,
} from "../../../src/auth/oidc/trust.ts";

const RULE: TrustRule = {
  id: "acme+ci",
  issuer: "https://token.actions.githubusercontent.com",
  audience: "https://registry.example",
  claims: { ref: ["refs/heads/main", "refs/tags/v*"], repository_id: ["123"] },
  scopes: [{ repositories: "acme/*", actions: ["push"] }],
  lifetime: 900,
};
const CLAIMS = {
  aud: ["https://other.example", "https://registry.example"],
  repository_id: "123",
  ref: "refs/tags/v1",
  event_name: "push",
};

test("a token that a rule takes meets every condition, those that say whose it is first", () => {
  expect(conditionsOf(RULE, CLAIMS)).toEqual([
    { claim: "repository_id", wanted: ["123"], found: ["123"], holds: true },
    {
      claim: "ref",
      wanted: ["refs/heads/main", "refs/tags/v*"],
      found: ["refs/tags/v1"],
      holds: true,
    },
    { claim: "aud", wanted: [RULE.audience], found: CLAIMS.aud, holds: true },
  ]);
  expect(refusedEvent(RULE, CLAIMS)).toBeNull();
  expect(compare([RULE], CLAIMS).matching).toEqual([RULE]);
});

test.each([
  ["ref", { ref: "refs/heads/other" }],
  ["ref", { ref: { name: "refs/heads/main" } }],
  ["repository_id", { repository_id: Number.MAX_SAFE_INTEGER + 2 }],
  ["aud", { aud: undefined }],
])("%s fails alone for %j, and the login is refused", (claim, change) => {
  const claims = { ...CLAIMS, ...change };
  const failed = conditionsOf(RULE, claims).filter(({ holds }) => !holds);
  expect(failed.map((one) => one.claim)).toEqual([claim]);
  expect(compare([RULE], claims).matching).toEqual([]);
});

test("an event that outsiders cause fails for a rule that gives more than pull, and does not name it", () => {
  const claims = { ...CLAIMS, event_name: "pull_request" };
  expect(conditionsOf(RULE, claims).every(({ holds }) => holds)).toBe(true);
  expect(refusedEvent(RULE, claims)).toBe("pull_request");
  expect(compare([RULE], claims).matching).toEqual([]);
  const pulls = { ...RULE, scopes: [{ repositories: "acme/*", actions: ["pull"] as const }] };
  expect(refusedEvent(pulls, claims)).toBeNull();
});
