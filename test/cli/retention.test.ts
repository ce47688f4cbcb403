/** Retention policies on the command line: a process, against a registry of its own. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { CommandLine, unwrapped } from "./harness.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";
const POLICY = {
  rules: [
    {
      rulePriority: 1,
      description: "two releases",
      selection: {
        tagStatus: "tagged",
        tagPatternList: ["v*"],
        countType: "imageCountMoreThan",
        countNumber: 2,
        orderBy: "semver",
      },
      action: { type: "expire" },
    },
  ],
};
const commandLine = new CommandLine();
const { home, ok, slipway } = commandLine;
let server: Server;
const file = join(home, "policy.json");

beforeAll(async () => {
  await writeFile(file, JSON.stringify(POLICY));
  server = await startServer({ env: { GC_GRACE_HOURS: "0" } });
  await commandLine.logIn(server);
});

/**
 * Pushes three releases, the first of which the policy deletes. A repository that a policy was set for is of no more use
 * to others: its job runs as soon as the queue brings it.
 */
async function release(repository: string): Promise<void> {
  for (const version of ["1.0.0", "1.10.0", "1.9.0"]) await push(repository, `v${version}`);
}

afterAll(async () => {
  await server.stop();
});

/** An empty index of its own. */
async function push(repository: string, tag: string): Promise<void> {
  const annotations = { tag };
  const body = { schemaVersion: 2, mediaType: INDEX, manifests: [], annotations };
  const response = await fetch(`${server.url}/v2/${repository}/manifests/${tag}`, {
    method: "PUT",
    headers: {
      authorization: `Basic ${btoa(`admin:${server.password}`)}`,
      "content-type": INDEX,
    },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(201);
}

test("a policy is previewed, set, shown and removed", async () => {
  await release("acme/app");
  const previewed = await ok(`retention preview acme/app ${file}`);
  expect(previewed.split("\n")).toEqual([
    expect.stringMatching(/^DIGEST +PUSHED \(UTC\) +WITH +RULE +WHY +TAGS$/),
    expect.stringMatching(
      /^sha256:\w{64} +\d{4}-\S+ \S+ +1 +not one of the 2 highest versions +v1\.0\.0$/,
    ),
    "",
    "1 image would be deleted.",
    "",
  ]);
  const { stdout } = await slipway(`retention preview acme/app ${file} --json`);
  expect(JSON.parse(stdout)).toMatchObject({ items: [{ tags: ["v1.0.0"], rule: 1 }], next: null });
  expect(await ok("retention show acme/app")).toContain("acme/app has no retention policy");
  expect(await ok("retention set acme/app - --yes", { input: JSON.stringify(POLICY) })).toContain(
    "was set",
  );
  const shown = await ok("retention show acme/app");
  expect(shown).toContain('"orderBy": "semver"');
  expect(shown).toMatch(/Next run \d{4}-/);
  expect(await ok("retention remove acme/app --yes")).toBe(
    "The policy of acme/app was removed. To undo: slipway retention set acme/app FILE\n",
  );
  const nothing = await slipway("retention remove acme/app --yes");
  expect(nothing.code).toBe(1);
  expect(nothing.stderr).toContain("there is no retention policy of its own");
});

test("a namespace's holds in its repositories", async () => {
  await release("whole/app");
  await push("whole/other", "v1.0.0");
  expect(await ok(`retention preview whole ${file}`)).toContain("1 image would be deleted.");
  await ok(`retention set whole ${file} --yes`);
  expect(await ok("retention show whole/other")).toContain("It is the namespace's.");
  expect(await ok("retention preview whole/other")).toBe("Nothing would be deleted.\n");
  await ok("retention remove whole --yes");
  expect(await ok("retention show whole")).toContain("has no retention policy");
});

test("what is protected is said, and by what, by preview and set", async () => {
  for (const version of ["1.0.0", "2.0.0", "3.0.0"]) await push("acme/kept", `v${version}`);
  await ok("repo set acme/kept --immutable v1*");
  const protects = [
    "",
    "1 image that a rule would take is protected:",
    "  1 with an immutable tag (acme/kept:v1.0.0)",
    "",
  ];
  const previewed = await ok(`retention preview acme/kept ${file}`);
  expect(previewed.split("\n")).toEqual(["Nothing would be deleted.", ...protects]);
  const set = (await ok(`retention set acme/kept ${file} --yes`)).split("\n");
  expect(set).toEqual([
    ...protects.slice(1),
    "The policy of acme/kept was set. It deletes nothing now; it runs within minutes, then once a day.",
    "",
    "To stop it: slipway retention remove acme/kept",
    expect.stringMatching(/^To undo, within 7 days .*: slipway trash restore acme\/kept@DIGEST$/),
    "",
  ]);
  const { stdout } = await slipway(`retention preview acme/kept ${file} --json`);
  expect(JSON.parse(stdout)).toMatchObject({
    items: [],
    kept: [{ by: "immutability", images: 1, examples: [{ tags: ["v1.0.0"] }] }],
  });
});

test("set says how many images go, and changes nothing unless somebody agrees", async () => {
  await release("agreed/app");
  const nobody = await slipway(`retention set agreed/app ${file}`);
  expect(nobody).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("add --yes to set the"),
  });
  expect(await ok("retention show agreed/app")).toContain("no retention policy");
  expect(await ok(`retention set agreed/app ${file} --yes`)).toContain("It deletes 1 image now;");
  await ok("retention remove agreed/app --yes");
  const set = await commandLine.json(`retention set agreed ${file} --yes`);
  expect(set).toMatchObject({ policy: POLICY });
  await ok("retention remove agreed --yes");
});

// util-linux's `script` gives a terminal; elsewhere its arguments are others.
test.runIf(process.platform === "linux").each([
  ["asked/app", "asked/app@DIGEST"],
  ["asked", "asked/NAME@DIGEST"],
])("set asks at a terminal: %s", async (name, restored) => {
  await release("asked/app");
  const typing = [["[y/N]", "n"]] as const;
  const shown = unwrapped(
    await commandLine.atTerminal(`retention set ${name} ${file}`, { typing, columns: 100 }),
  );
  expect(shown).toContain(
    `Set the retention policy of ${name}, which deletes 1 image now? To undo, within 7 days (until`,
  );
  expect(shown).toContain(`slipway trash restore ${restored} [y/N]`);
  expect(shown).toContain("nothing was changed");
  expect(await ok(`retention show ${name}`)).toContain("no retention policy");
});

test("what means nothing here is said, and what is wrong is named", async () => {
  const archive = { type: "transition", targetStorageClass: "archive" };
  const policy = { rules: [{ ...POLICY.rules[0], action: archive }] };
  const set = await slipway("retention set acme/app - --yes", { input: JSON.stringify(policy) });
  expect(set.code).toBe(0);
  expect(set.stderr).toMatch(/^slipway: warning: rule 1 changes nothing/);
  const wrong = await slipway("retention set acme/app - --yes", {
    input: '{"rules":[{"rulePriority":0}]}',
  });
  expect(wrong).toMatchObject({
    code: 2,
    stderr: "slipway: rules[0].rulePriority: a whole number from 1 on is missing\n",
  });
  const broken = await slipway("retention set acme/app - --yes", { input: "{" });
  expect(broken).toMatchObject({ code: 1, stderr: expect.stringContaining("- is no JSON") });
  const missing = await slipway(`retention set acme/app ${home}/none --yes`);
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining("cannot read") });
  const nobody = await slipway("retention remove acme/app");
  expect(nobody).toMatchObject({ code: 2, stderr: expect.stringContaining("add --yes") });
});
