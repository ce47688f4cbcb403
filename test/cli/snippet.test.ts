/** The workflow that CI is given, run as GitHub runs it, against a registry and an issuer of its own. */
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { type Server, startServer } from "../../scripts/server.ts";
import { githubSnippet } from "../../src/cli/ci-snippet.ts";
import { Runner, type Stage } from "../action/runner.ts";
import { type Issuer, startIssuer } from "../server/issuer.ts";
import { type JobTokens, startJobTokens } from "../server/job-tokens.ts";
import { CommandLine } from "./harness.ts";

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: { readonly image: { readonly steps: readonly Step[] } };
}

interface Step {
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const cli = new CommandLine();
let server: Server;
let issuer: Issuer;
let jobs: JobTokens;
let runner: Runner;

beforeAll(async () => {
  issuer = await startIssuer();
  jobs = await startJobTokens(issuer);
  jobs.claims = { project: "7" };
  runner = await Runner.start();
  server = await startServer({ env: { ALLOW_INSECURE_ISSUERS: "true" } });
  await cli.logIn(server);
});

afterAll(async () => {
  await server.stop();
  await jobs.stop();
  await issuer.stop();
  await runner.stop();
});

/** Runs the action with the snippet's inputs, and on a free port. */
async function runAction({ jobs: { image } }: Workflow): Promise<Stage> {
  const action = image.steps.find(({ uses }) => uses?.includes("/action@"));
  const inputs = Object.entries(action?.with ?? {}).map(([name, value]) => [
    `INPUT_${name.toUpperCase()}`,
    value,
  ]);
  const step = await runner.step({ ...jobs.env, INPUT_PORT: "0", ...Object.fromEntries(inputs) });
  const stage = await step.main();
  expect((await step.post()).code).toBe(0);
  return stage;
}

/** The workflow for a rule of this namespace, which is made with the default audience or another. */
async function workflowFor(namespace: string, audience?: string): Promise<Workflow> {
  await cli.ok(`namespace create ${namespace}`);
  const more = audience === undefined ? "" : ` --audience ${audience}`;
  const rule = `--issuer ${issuer.url} --claim project=7 --push ${namespace}/*${more}`;
  const { audience: wanted } = await cli.json<{ audience: string }>(`trust add oidc ${rule}`);
  const { url, host } = server;
  const place = { url, host, audience: wanted, namespace, image: `${namespace}/app` };
  return parse(githubSnippet(place)) as Workflow;
}

test.each([
  ["the audience that trust add gives a rule", "acme", undefined],
  ["another audience", "other", "https://other.example/x?y"],
])("a job of a trusted repository is logged in, with %s", async (_, namespace, audience) => {
  const workflow = await workflowFor(namespace, audience);
  expect(workflow.permissions).toEqual({ contents: "read", "id-token": "write" });
  const { code, log, outputs } = await runAction(workflow);
  expect([code, log]).toEqual([0, expect.stringContaining("Docker is logged in")]);
  const build = workflow.jobs.image.steps.find(({ run }) => run !== undefined);
  const image = build?.env?.["IMAGE"]
    ?.replace("${{ steps.slipway.outputs.proxy }}", outputs["proxy"] ?? "")
    .replace("${{ github.ref_name }}", "v1.2.3");
  const script = `docker() { echo "$*"; }; ${build?.run}`;
  const { stdout } = spawnSync("bash", ["-ec", script], {
    env: { IMAGE: image },
    encoding: "utf8",
  });
  expect(stdout).toBe(`build --tag ${outputs["proxy"]}/${namespace}/app:v1.2.3 --push .\n`);
});

test("the inputs that need no words are left out", () => {
  const url = "https://registry.example.com";
  const place = { url, host: "registry.example.com", audience: url };
  const snippet = githubSnippet({ ...place, namespace: "acme", image: "acme/app" });
  expect(snippet).toContain("with: { registry: registry.example.com, namespaces: acme }\n");
});
