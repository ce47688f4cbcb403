/** The README's statements about the code. */
import { expect, test } from "vitest";
import readme from "../README.md?raw";
import { githubSnippet, gitlabSnippet } from "../src/cli/ci-snippet.ts";
import { ROUTES } from "../src/routes.ts";
import wrangler from "../wrangler.toml?raw";

const vars = /\[vars\]\n((?:\w+ = ".*"\n)+)/.exec(wrangler)?.[1] ?? "";

test.each([...vars.matchAll(/(\w+) = "(.*)"/g)].map(([, name, value]) => [name, value]))(
  "the README has the setting %s with its default %s",
  (name, value) => {
    expect(readme).toContain(`| \`${name}\` | \`${value}\` |`);
  },
);

test("the README has every endpoint", () => {
  const table = /\| endpoints \|[^]*?\n\n/.exec(readme)?.[0] ?? "";
  // The management API has a document of its own, which another test compares with the routes.
  const missing = ROUTES.filter(({ path }) => !path.startsWith("/api/")).filter(({ id, path }) => {
    const number = /^end-(\d+)$/.exec(id)?.[1];
    return number === undefined
      ? !table.includes(path.slice(path.lastIndexOf("/") + 1))
      : !new RegExp(`[- ]${number}[, ]`).test(table);
  });
  expect(missing).toEqual([]);
});

test("the README is short enough to be read", () => {
  // Code blocks are left out.
  const prose = readme.replaceAll(/^```[^]*?^```$/gm, "");
  expect(prose.match(/\S+/g)?.length).toBeLessThanOrEqual(1_200);
});

test("what CI is to run is in the README as `slipway trust add` prints it", () => {
  const registry = {
    url: "https://registry.example.com",
    host: "registry.example.com",
    audience: "https://registry.example.com",
    namespace: "acme",
    image: "acme/app",
  };
  for (const snippet of [githubSnippet(registry), gitlabSnippet(registry)]) {
    expect(readme).toContain(`\`\`\`yaml\n${snippet}\`\`\`\n`);
  }
});

test("each rate limit has a namespace of its own, so that none takes another's turns", () => {
  const ids = [...wrangler.matchAll(/^namespace_id = "(\d+)"$/gm)].map(([, id]) => id);
  expect(ids.length).toBeGreaterThan(4);
  expect(new Set(ids).size).toBe(ids.length);
});
