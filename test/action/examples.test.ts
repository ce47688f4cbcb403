/** The examples: what they name exists, and their scripts release an image to a registry that trusts the job. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type Server, startServer } from "../../scripts/server.ts";
import { CommandLine } from "../cli/harness.ts";
import { type Issuer, startIssuer } from "../server/issuer.ts";
import { type JobTokens, startJobTokens } from "../server/job-tokens.ts";
import { CiShell, type Job } from "./ci-shell.ts";

const ROOT = join(import.meta.dirname, "../..");
const EXAMPLES = join(ROOT, "examples");
const FILES = readdirSync(EXAMPLES, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => join(parentPath, name).slice(EXAMPLES.length + 1));
const YAML = FILES.filter((name) => name.endsWith(".yml"));

interface ActionFile {
  readonly inputs: Readonly<Record<string, { readonly required?: boolean }>>;
  readonly outputs: Readonly<Record<string, unknown>>;
}

interface WorkflowStep {
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

const cli = new CommandLine();
let server: Server;
let issuer: Issuer;
let jobs: JobTokens;
let shell: CiShell;

beforeAll(async () => {
  issuer = await startIssuer();
  jobs = await startJobTokens(issuer);
  shell = await CiShell.start();
  server = await startServer({ env: { ALLOW_INSECURE_ISSUERS: "true" } });
  await cli.logIn(server);
  await cli.ok("namespace create acme");
  const audience = `--audience ${server.url}`;
  const rule = `--issuer ${issuer.url} --claim project=7 ${audience} --push acme/*`;
  await cli.ok(`trust add oidc --name jobs ${rule}`);
});

beforeEach(() => {
  jobs.claims = { project: "7" };
});

afterAll(async () => {
  await server.stop();
  await jobs.stop();
  await issuer.stop();
  await shell.stop();
});

function read(name: string): string {
  return readFileSync(join(EXAMPLES, name), "utf8");
}

function objectIn(name: string): unknown {
  return parse(read(name));
}

/** The steps of a workflow of GitHub's or Forgejo's. */
function stepsIn(name: string): WorkflowStep[] {
  const { jobs: all } = objectIn(name) as { jobs: Record<string, { steps: WorkflowStep[] }> };
  return Object.values(all).flatMap(({ steps }) => steps);
}

/** Each example's script, as its CI would run it. */
const SCRIPTS: Readonly<Record<string, () => string>> = {
  "github/release.yml": () => runsOf("github/release.yml"),
  "gitlab/.gitlab-ci.yml": () =>
    (objectIn("gitlab/.gitlab-ci.yml") as { release: { script: string[] } }).release.script.join(
      "\n",
    ),
  "circleci/.circleci/config.yml": () => {
    const { jobs: all } = objectIn("circleci/.circleci/config.yml") as {
      jobs: { release: { steps: (string | { run: string | { command: string } })[] } };
    };
    return all.release.steps
      .flatMap((step) => (typeof step === "string" ? [] : step.run))
      .map((run) => (typeof run === "string" ? run : run.command))
      .join("\n");
  },
  // The agent takes $$ for a dollar.
  "buildkite/.buildkite/pipeline.yml": () =>
    (objectIn("buildkite/.buildkite/pipeline.yml") as { steps: { command: string }[] }).steps
      .map(({ command }) => command)
      .join("\n")
      .replaceAll("$$", "$"),
  "forgejo/.forgejo/workflows/release.yml": () => runsOf("forgejo/.forgejo/workflows/release.yml"),
  "shell/release.sh": () => read("shell/release.sh"),
};

function runsOf(name: string): string {
  return stepsIn(name)
    .flatMap(({ run }) => run ?? [])
    .join("\n");
}

test("each example's script is known here", () => {
  expect(Object.keys(SCRIPTS).toSorted()).toEqual(
    FILES.filter((name) => !name.endsWith(".md")).toSorted(),
  );
});

test.each(Object.entries(SCRIPTS))("the script of %s is right bash", (_, script) => {
  const { status, stderr } = spawnSync("bash", ["-n"], { input: script(), encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  expect(script()).not.toBe("");
});

test("the GitHub example gives the action what it takes, and uses what it gives", () => {
  const action = parse(readFileSync(join(ROOT, "action/action.yml"), "utf8")) as ActionFile;
  const steps = stepsIn("github/release.yml");
  const [step] = steps.filter(({ uses }) => uses?.startsWith("slipway-registry/slipway/action@"));
  const given = Object.keys(step?.with ?? {});
  expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(given));
  const required = Object.entries(action.inputs).filter(([, { required: is }]) => is === true);
  expect(given).toEqual(expect.arrayContaining(required.map(([name]) => name)));
  const used = [...read("github/release.yml").matchAll(/steps\.slipway\.outputs\.(\w+)/g)];
  expect(used.length).toBeGreaterThan(0);
  expect(Object.keys(action.outputs)).toEqual(expect.arrayContaining(used.map(([, name]) => name)));
  expect(step?.id).toBe("slipway");
});

test("the action's programs are where action.yml says", () => {
  const { runs } = parse(readFileSync(join(ROOT, "action/action.yml"), "utf8")) as {
    runs: Record<string, string>;
  };
  expect(runs["using"]).toBe("node24");
  const dist = readdirSync(join(ROOT, "action/dist")).map((name) => `dist/${name}`);
  expect(dist).toEqual(expect.arrayContaining([runs["main"], runs["post"]]));
});

test("checkout is pinned as in this repository's own workflows", () => {
  const own = readFileSync(join(ROOT, ".github/workflows/ci.yml"), "utf8");
  const [pin = "none"] = /actions\/checkout@\S+ # \S+/.exec(own) ?? [];
  expect(read("github/release.yml")).toContain(pin);
});

/** Commands that trust a CI, with ids where the comment has words for them. */
const TRUSTS = YAML.filter((name) => !name.startsWith("github")).map((name) => {
  const [, command = ""] = /^# +slipway (trust add .+)$/m.exec(read(name)) ?? [];
  return [name, command.replaceAll(/[A-Z]+-ID\b/g, "0b1c").replaceAll("'", "")] as const;
});

test.each(TRUSTS)("the registry takes the rule of %s", async (_, command) => {
  const { code, stdout } = await cli.slipway(`${command} --json`);
  expect([code, stdout]).toEqual([0, expect.stringContaining('"scopes"')]);
});

/** Checks that a job released 1.2.3, and left nothing. */
async function expectReleased(job: Job, tags = ["1.2", "1.2.3", "latest"]): Promise<void> {
  expect([job.code, job.log]).toEqual([0, expect.any(String)]);
  for (const tag of tags) {
    const { digest } = await cli.json<{ digest: string }>(`inspect acme/app:${tag}`);
    expect(digest).toBe(shell.image);
  }
  const listed = await cli.json<{ items: { name: string }[] }>("tag list acme/app");
  expect(listed.items.map(({ name }) => name).toSorted()).toEqual(tags);
  await expectNothingLeft(job);
}

async function expectNothingLeft({ calls, log, password }: Job): Promise<void> {
  expect(password).toMatch(/^slpo_/);
  const headers = { authorization: `Bearer ${password}` };
  expect((await fetch(`${server.url}/api/v1/me`, { headers })).status).toBe(401);
  expect(calls).toContain(`docker logout ${server.host}`);
  expect(log + calls.join("\n")).not.toContain(password);
}

function variables(): Record<string, string> {
  return { REGISTRY: server.host, REGISTRY_URL: server.url, IMAGE: "acme/app" };
}

function idToken(): Promise<string> {
  return issuer.sign({ ...jobs.claims, aud: server.url });
}

describe("what releases a version", () => {
  beforeEach(async () => {
    await cli.slipway("repo delete acme/app --yes");
  });

  test("GitLab: the job's variable has the ID token", async () => {
    const { release } = objectIn("gitlab/.gitlab-ci.yml") as {
      release: { id_tokens: Record<string, { aud: string }>; variables: Record<string, string> };
    };
    expect(release.id_tokens["SLIPWAY_ID_TOKEN"]?.aud).toBe(
      `https://${release.variables["REGISTRY"]}`,
    );
    const job = await shell.run(SCRIPTS["gitlab/.gitlab-ci.yml"]?.() ?? "", {
      ...variables(),
      SLIPWAY_CLI: "slipway-cli.tgz",
      SLIPWAY_ID_TOKEN: await idToken(),
      CI_COMMIT_TAG: "v1.2.3",
    });
    await expectReleased(job);
    expect(job.calls).toContain("npm install --global slipway-cli.tgz");
  });

  test("CircleCI: its command makes a token for the registry", async () => {
    const job = await shell.run(SCRIPTS["circleci/.circleci/config.yml"]?.() ?? "", {
      ...variables(),
      SLIPWAY_CLI: "slipway-cli.tgz",
      ID_TOKEN: await idToken(),
      CIRCLE_TAG: "v1.2.3",
    });
    await expectReleased(job);
    expect(job.calls).toContain(
      'circleci run oidc get --claims {"aud": "https://registry.example.com"}',
    );
  });

  test("Buildkite: its agent makes a token for the registry", async () => {
    const job = await shell.run(SCRIPTS["buildkite/.buildkite/pipeline.yml"]?.() ?? "", {
      ...variables(),
      ID_TOKEN: await idToken(),
      BUILDKITE_TAG: "v1.2.3",
    });
    await expectReleased(job);
  });

  test("Forgejo: the script asks for the token itself", async () => {
    const job = await shell.run(SCRIPTS["forgejo/.forgejo/workflows/release.yml"]?.() ?? "", {
      ...variables(),
      ...jobs.env,
      GITHUB_REF_NAME: "v1.2.3",
    });
    await expectReleased(job);
  });

  test("the script alone: a version with a suffix is only itself", async () => {
    const job = await shell.run("./release.sh", {
      ...variables(),
      SLIPWAY_ID_TOKEN: await idToken(),
      VERSION: "1.2.3-rc.1",
    });
    await expectReleased(job, ["1.2.3-rc.1"]);
  });

  test("a job that no rule takes ends with the registry's words", async () => {
    jobs.claims = { project: "8" };
    const job = await shell.run("./release.sh", {
      ...variables(),
      SLIPWAY_ID_TOKEN: await idToken(),
      VERSION: "1.2.3",
    });
    expect(job.code).not.toBe(0);
    expect(job.log).toContain('acme: \\"project\\" is \\"8\\"');
    expect(job.password).toBe("");
  });

  test("a push that fails leaves nothing either", async () => {
    const job = await shell.run("./release.sh", {
      ...variables(),
      SLIPWAY_ID_TOKEN: await idToken(),
      VERSION: "not a tag",
    });
    expect(job.code).not.toBe(0);
    await expectNothingLeft(job);
  });

  test("a job without an ID token is told which variable is missing", async () => {
    const job = await shell.run("./release.sh", { ...variables(), VERSION: "1.2.3" });
    expect(job.code).not.toBe(0);
    expect(job.log).toContain("ACTIONS_ID_TOKEN_REQUEST_URL: is missing, and SLIPWAY_ID_TOKEN");
  });
});
