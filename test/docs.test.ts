/** What README and docs say of the code. */
import { expect, test } from "vitest";
import performance from "../docs/performance.md?raw";
import wire from "../docs/wire.md?raw";
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

test("docs/wire.md has every endpoint", () => {
  const table = /\| endpoints \|[^]*?\n\n/.exec(wire)?.[0] ?? "";
  // The management API has a document of its own, which is held to the routes by another test.
  const missing = ROUTES.filter(({ path }) => !path.startsWith("/api/")).filter(({ id, path }) => {
    const number = /^end-(\d+)$/.exec(id)?.[1];
    return number === undefined
      ? !table.includes(path.slice(path.lastIndexOf("/") + 1))
      : !new RegExp(`[- ]${number}[, ]`).test(table);
  });
  expect(missing).toEqual([]);
});

/** What a million pulls of the smaller image cost, as a row of the table has it. */
function cost(row: string): string {
  return new RegExp(`\\| ${row} +\\| \\$([\\d.,]+) `).exec(performance)?.[1] ?? "";
}

test("the numbers of the README's first screen are those of the pages that have them", () => {
  const screen = readme.slice(0, readme.indexOf("## Try it"));
  const [warm, cold] = ["Slipway, 95 % warm", "Slipway, 0 % warm"].map((row) => Number(cost(row)));
  expect(screen).toContain(`cost $${warm?.toFixed(0)} to $${cold?.toFixed(0)} by`);
  expect(screen).toContain(`$${cost("Amazon ECR")} by Amazon ECR's price list`);
  const cases =
    /([\d,]+) cases of 1.0, ([\d,]+) of 1.1, ([\d,]+) of its/
      .exec(wire.replaceAll("\n", " "))
      ?.slice(1) ?? [];
  const sum = cases.reduce((total, count) => total + Number(count.replace(",", "")), 0);
  expect(screen).toContain(`${sum.toLocaleString("en")} cases`);
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
