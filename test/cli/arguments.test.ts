/** The command line's arguments, as far as reading them needs no registry. */
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { parseMoment } from "../../src/cli/audit.ts";
import { compare, type TrustRule } from "../../src/auth/oidc/trust.ts";
import { checkRule } from "../../src/auth/oidc/trust-check.ts";
import {
  type Claims,
  collectClaim,
  githubClaims,
  gitlabClaims,
  ruleName,
} from "../../src/cli/claims.ts";
import { githubSnippet } from "../../src/cli/ci-snippet.ts";
import { type ImmutableOptions, immutableOptions, immutableTags } from "../../src/cli/immutable.ts";
import { bytes } from "../../src/cli/output.ts";
import { table } from "../../src/cli/table.ts";
import { parseCount, parseSize } from "../../src/cli/quota.ts";
import { isClear, parseRegistry } from "../../src/cli/registry-url.ts";
import {
  expiry,
  parseExpiry,
  parseLifetime,
  parseMemberName,
  type ScopeOptions,
  scopeOptions,
  scopesOf,
} from "../../src/cli/scope.ts";
import { parseTagName } from "../../src/cli/tag.ts";

describe("registry", () => {
  test.each([
    ["registry.example.com", "https://registry.example.com"],
    ["registry.example.com:5000", "https://registry.example.com:5000"],
    ["https://registry.example.com/", "https://registry.example.com"],
    ["HTTP://10.0.0.1:8080", "http://10.0.0.1:8080"],
    ["localhost", "http://localhost"],
    ["localhost:8787", "http://localhost:8787"],
    ["127.0.0.1:8787", "http://127.0.0.1:8787"],
    ["[::1]:8787", "http://[::1]:8787"],
    ["https://localhost:8787", "https://localhost:8787"],
    ["localhost.example.com", "https://localhost.example.com"],
    ["127.0.0.1.example.com", "https://127.0.0.1.example.com"],
  ])("%s is %s", (text, initiator) => {
    expect(parseRegistry(text)).toBe(initiator);
  });

  test.each([
    "",
    "ftp://host",
    "host/acme/app",
    "https://user@host",
    "user:secret@host",
    "a b",
    "host?x",
  ])("%j is none", (text) => {
    expect(() => parseRegistry(text)).toThrow(/is no registry: name its host/);
  });

  test.each([
    ["http://registry.example.com", true],
    ["http://10.0.0.1:8080", true],
    ["http://localhost.example.com", true],
    ["https://registry.example.com", false],
    ["http://localhost:8787", false],
    ["http://127.0.0.1:8787", false],
    ["http://[::1]:8787", false],
  ])("what is sent to %s can be read on the way: %s", (registry, clear) => {
    expect(isClear(registry)).toBe(clear);
  });
});

describe("scopes", () => {
  test("there is one for each glob, with all of its actions", () => {
    const args = ["--push", "acme/*", "--pull", "base/*", "--delete=acme/*", "--pull", "acme/*"];
    expect(scopesOf(parseScopes(args))).toEqual([
      { repositories: "base/*", actions: ["pull"] },
      { repositories: "acme/*", actions: ["pull", "push", "delete"] },
    ]);
  });

  test("a glob that is said twice counts once", () => {
    const args = ["--pull", "acme/app", "--pull", "acme/app"];
    expect(scopesOf(parseScopes(args))).toEqual([{ repositories: "acme/app", actions: ["pull"] }]);
  });

  test.each(["Acme/*", "acme/**", "acme/app:v1", "", "a".repeat(256)])("%j is no glob", (glob) => {
    expect(() => parseScopes(["--pull", glob])).toThrow(/Write a glob over repository names/);
  });
});

describe("times", () => {
  test.each([
    ["90d", { expiresInDays: 90 }],
    ["never", { expiresInDays: null }],
  ])("--expires %s", (text, field) => {
    expect(expiry(parseExpiry(text))).toEqual(field);
  });

  test("the registry decides where nothing is said", () => {
    expect(expiry(undefined)).toEqual({});
  });

  test.each(["90", "0d", "-1d", "1.5d", "1y", "d"])("%s is no number of days", (text) => {
    expect(() => parseExpiry(text)).toThrow("Give days, such as 90d, or never.");
  });

  test.each([
    ["15m", 900],
    ["900s", 900],
    ["1h", 3600],
  ])("--lifetime %s is %i seconds", (text, seconds) => {
    expect(parseLifetime(text)).toBe(seconds);
  });

  test.each(["15", "m", "0m", "1d"])("%s is no lifetime", (text) => {
    expect(() => parseLifetime(text)).toThrow(/Give a time/);
  });

  test.each([
    ["7d", 7 * 86_400_000],
    ["12h", 12 * 3_600_000],
  ])("--since %s is that long ago", (text, ago) => {
    const distance = Date.now() - Date.parse(parseMoment(text));
    expect(Math.abs(distance - ago)).toBeLessThan(5_000);
  });

  test.each(["2026-12-24", "2026-12-24T18:00:00Z"])("--since %s stays as it is", (text) => {
    expect(parseMoment(text)).toBe(text);
  });

  test.each(["yesterday", "7", "2026-13-01", "12"])("%s is no moment", (text) => {
    expect(() => parseMoment(text)).toThrow(/Give a date/);
  });
});

describe("immutable tags", () => {
  const VERSIONS = ["v[0-9]*.[0-9]*.[0-9]*", "[0-9]*.[0-9]*.[0-9]*"];

  test.each<[string[], { tags: string; except: string[] }[] | undefined]>([
    [[], undefined],
    [["--immutable", "none"], []],
    [["--immutable", "all"], [{ tags: "*", except: [] }]],
    [["--immutable", "semver"], VERSIONS.map((tags) => ({ tags, except: [] }))],
    [
      ["--immutable", "all", "--mutable", "latest", "--mutable=edge"],
      [{ tags: "*", except: ["latest", "edge"] }],
    ],
    [
      ["--immutable", "semver", "--immutable", "release-*", "--mutable", "*-rc*"],
      [...VERSIONS, "release-*"].map((tags) => ({ tags, except: ["*-rc*"] })),
    ],
    [["--immutable", "v*", "--immutable", "v*"], [{ tags: "v*", except: [] }]],
    [["--immutable", "constructor"], [{ tags: "constructor", except: [] }]],
  ])("%j", (args, rules) => {
    expect(parseImmutable(args)).toEqual(rules);
  });

  test.each([
    [["--mutable", "latest"], "--mutable makes exceptions: give --immutable too"],
    [["--immutable", "none", "--immutable", "v*"], "--immutable none stands alone"],
    [["--immutable", "none", "--mutable", "v*"], "--immutable none stands alone"],
    [["--immutable", "v?"], '"?" is in no tag: a glob over tags is made of letters'],
    [["--immutable", "v*", "--mutable", "-rc"], 'No tag begins with "-": write "*" before it.'],
  ])("%j is a mistake: %s", (args, fault) => {
    expect(() => parseImmutable(args)).toThrow(fault);
  });
});

describe("quotas", () => {
  test.each<[string, number | "none"]>([
    ["none", "none"],
    ["0", 0],
    ["1000000", 1_000_000],
    ["1000B", 1000],
    ["10GiB", 10 * 1024 ** 3],
    ["10gib", 10 * 1024 ** 3],
    ["1.5 MiB", 1.5 * 1024 ** 2],
    ["500MB", 500_000_000],
    ["2k", 2000],
    ["1TiB", 1024 ** 4],
  ])("%s is %s bytes", (text, size) => {
    expect(parseSize(text)).toBe(size);
  });

  test.each(["", "much", "-1", "1e9", "10XB", "10iB", "GiB", "1,5GiB", "99999PiB", "0x10"])(
    "%j is no size",
    (text) => {
      expect(() => parseSize(text)).toThrow("Give a size, such as 10GiB");
    },
  );

  test("numbers are whole, or none", () => {
    expect(["0", "50", "none"].map(parseCount)).toEqual([0, 50, "none"]);
    for (const text of ["", "-1", "1.5", "all"]) {
      expect(() => parseCount(text)).toThrow("Give a whole number, or none.");
    }
  });
});

describe("names", () => {
  test("acme+ci is ci of the namespace acme", () => {
    expect(parseMemberName("acme+ci")).toEqual({ namespace: "acme", short: "ci" });
  });

  test.each(["ci", "+ci", "acme+", "acme+ci+x"])("%s is not of a namespace", (text) => {
    expect(() => parseMemberName(text)).toThrow(/NAMESPACE\+NAME/);
  });

  test("acme/app:v1 is a tag", () => {
    expect(parseTagName("acme/app:v1")).toEqual({ repository: "acme/app", tag: "v1" });
  });

  test.each(["acme/app", "acme/app:", ":v1", "host:5000/acme/app:v1", "acme/app:a/b", "Acme:v1"])(
    "%s is no tag",
    (text) => {
      expect(() => parseTagName(text)).toThrow(/Write a tag as REPOSITORY:TAG/);
    },
  );

  test.each([
    ["github", "Octo/My_App", "github-my_app"],
    ["gitlab", "group/sub/project", "gitlab-project"],
    ["oidc", "ci.example.com", "oidc-ci.example.com"],
    ["github", "octo/.github", "github-.github"],
    ["github", `octo/${"a".repeat(60)}--b`, `github-${"a".repeat(57)}`],
    ["github", `octo/${"a".repeat(56)}--b`, `github-${"a".repeat(56)}`],
  ])("a rule of %s for %s is called %s", (kind, trusted, name) => {
    expect(ruleName(kind, trusted)).toBe(name);
  });
});

describe("claims", () => {
  const repository = { id: "11", ownerId: "22", name: "octo/app" };
  const ids = { repository_id: ["11"], repository_owner_id: ["22"] };

  test("a repository at GitHub is known by its ids, and by its name only where that is wanted", () => {
    expect(githubClaims(repository, {})).toEqual(ids);
    expect(githubClaims(repository, { pinName: true })).toEqual({
      ...ids,
      repository: ["octo/app"],
    });
  });

  test("a rule for a repository at GitHub takes its tokens whatever the repository is called by now", () => {
    const options = { ref: "refs/tags/v*", workflow: "release.yml" };
    const own = ruleOf(githubClaims(repository, options));
    const token = (name: string, workflow = "release.yml") => ({
      aud: own.audience,
      repository_id: "11",
      repository_owner_id: "22",
      repository: name,
      ref: "refs/tags/v1",
      workflow_ref: `${name}/.github/workflows/${workflow}@refs/tags/v1`,
      job_workflow_ref: `${name}/.github/workflows/${workflow}@refs/tags/v1`,
    });
    expect(takes(own, token("octo/app"))).toBe(true);
    expect(takes(own, token("octo/renamed"))).toBe(true);
    expect(takes(own, token("octo/app", "other.yml"))).toBe(false);
    expect(takes(own, { ...token("octo/app"), repository_id: "12" })).toBe(false);
  });

  const rule = (workflow: string) =>
    ruleOf(githubClaims(repository, { ref: "refs/tags/v*", workflow }));

  test("a rule for another repository's workflow takes a tag's job that called it at its own branch", () => {
    const workflow = "other/shared/.github/workflows/build.yml";
    const token = {
      aud: "https://registry.example.com",
      repository_id: "11",
      repository_owner_id: "22",
      ref: "refs/tags/v1",
      workflow_ref: "octo/app/.github/workflows/release.yml@refs/tags/v1",
      job_workflow_ref: `${workflow}@refs/heads/main`,
    };
    expect(takes(rule(workflow), token)).toBe(true);
    expect(takes(rule(`${workflow}@refs/heads/main`), token)).toBe(true);
    expect(takes(rule(`${workflow}@refs/tags/*`), token)).toBe(false);
    expect(takes(rule(workflow), { ...token, ref: "refs/heads/x" })).toBe(false);
  });

  test("a rule can name the ref, the environment, the workflow and the event", () => {
    const ref = "refs/heads/main";
    const options = { ref, environment: "prod", workflow: "release.yml", event: "push" };
    expect(githubClaims(repository, options)).toEqual({
      ...ids,
      ref: [ref],
      environment: ["prod"],
      workflow_ref: ["*/.github/workflows/release.yml@*"],
      event_name: ["push"],
    });
  });

  test.each([
    ["release.yml", "workflow_ref", "*/.github/workflows/release.yml@*"],
    [".github/workflows/release.yml", "workflow_ref", "*/.github/workflows/release.yml@*"],
    ["Octo/App/.github/workflows/release.yml", "workflow_ref", "*/.github/workflows/release.yml@*"],
    ["release.yml@refs/tags/v*", "workflow_ref", "*/.github/workflows/release.yml@refs/tags/v*"],
    [
      "octo/ci/.github/workflows/build.yml",
      "job_workflow_ref",
      "octo/ci/.github/workflows/build.yml@*",
    ],
    [
      "octo/ci/.github/workflows/build.yml@refs/heads/main",
      "job_workflow_ref",
      "octo/ci/.github/workflows/build.yml@refs/heads/main",
    ],
  ])("--workflow %s is %s %s", (workflow, claim, glob) => {
    expect(githubClaims(repository, { workflow })).toEqual({ ...ids, [claim]: [glob] });
  });

  test("--workflow has the repository's name where names are pinned", () => {
    const claims = githubClaims(repository, { workflow: "release.yml", pinName: true });
    expect(claims["workflow_ref"]).toEqual(["octo/app/.github/workflows/release.yml@*"]);
  });

  test("a project at GitLab is known by its id; its refs are bare names, or whole paths", () => {
    const options = { projectId: "33", namespaceId: "44" };
    const project = { project_id: ["33"], namespace_id: ["44"] };
    expect(gitlabClaims("group/app", { ...options, ref: "main" })).toEqual({
      ...project,
      ref: ["main"],
    });
    expect(gitlabClaims("group/app", { ...options, ref: "refs/tags/v*" })).toEqual({
      ...project,
      ref_path: ["refs/tags/v*"],
    });
    expect(gitlabClaims("group/app", { ...options, pinName: true })).toEqual({
      ...project,
      project_path: ["group/app"],
    });
  });

  test("several globs for one claim are alternatives", () => {
    const claims = collectClaim("sub=b=c", collectClaim("sub=a", collectClaim("org=x")));
    expect(claims).toEqual({ org: ["x"], sub: ["a", "b=c"] });
  });

  test.each(["sub", "=x", "sub="])("%s is no claim", (text) => {
    expect(() => collectClaim(text)).toThrow(/NAME=GLOB/);
  });

  test("an audience that would mean something to YAML is quoted", () => {
    const url = "https://registry.example.com";
    const place = { url, host: "registry.example.com", namespace: "acme", image: "acme/app" };
    const snippet = githubSnippet({ ...place, audience: 'a: "b", {c}' });
    expect(snippet).toContain(
      String.raw`with: { registry: registry.example.com, namespaces: acme, audience: "a: \"b\", {c}" }`,
    );
  });
});

describe("tables", () => {
  const columns = {
    NAME: ({ name }: { name: string }) => name,
    LENGTH: ({ name }: { name: string }) => String(name.length),
  };

  test("columns are aligned", () => {
    expect(table([{ name: "a" }, { name: "longer" }], columns).text).toBe(
      "NAME    LENGTH\na       1\nlonger  6",
    );
  });

  test("what others wrote cannot steer the terminal", () => {
    const [, row] = table([{ name: "a\u001B[2Jb\u009Bc\nd" }], columns).text.split("\n");
    expect(row).toBe("a\u{FFFD}[2Jb\u{FFFD}c d  10");
  });

  test.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [94.5 * 1024 ** 2, "94.5 MiB"],
    [1024 ** 5, "1024.0 TiB"],
  ])("%i bytes are %s", (count, text) => {
    expect(bytes(count)).toBe(text);
  });
});

function parseScopes(args: string[]): ScopeOptions {
  const silent = { writeErr: () => {} };
  const command = new Command().exitOverride().configureOutput(silent);
  return scopeOptions(command).parse(args, { from: "user" }).opts();
}

function parseImmutable(args: string[]): unknown {
  const silent = { writeErr: () => {} };
  const command = immutableOptions(new Command().exitOverride().configureOutput(silent));
  const options = command.parse(args, { from: "user" }).opts<ImmutableOptions>();
  return immutableTags(options, command).immutableTags;
}

function ruleOf(claims: Claims): TrustRule {
  const scopes = [{ repositories: "acme/*", actions: ["push" as const] }];
  const issuer = "https://token.actions.githubusercontent.com";
  const audience = "https://registry.example.com";
  return { id: "acme+ci", issuer, audience, claims, scopes, lifetime: 900 };
}

function takes(rule: TrustRule, token: Readonly<Record<string, unknown>>): boolean {
  expect(checkRule(rule, { insecure: false })).toBeNull();
  return compare([rule], token).matching.length === 1;
}
