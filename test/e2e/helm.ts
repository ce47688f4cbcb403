/** helm: charts as OCI artifacts, with a config and a layer of its own types. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { anonymousStep, loginSteps } from "./access.ts";
import { reference, repository, step, type Bench, type Client, type Step } from "./client.ts";
import { expectEqual, expectSameBytes, expectText } from "./compare.ts";
import { readManifest } from "./registry.ts";
import { helmVisitor } from "./visitors-tools.ts";
import { visitSteps } from "./visits.ts";

const CHART = "demo";
const VERSIONS = ["1.0.0", "1.2.0", "2.0.0+build.7"];

export function helm(bench: Bench): Client {
  return { steps: [...steps(bench), ...visitSteps(bench, helmVisitor)] };
}

async function packageCharts(bench: Bench): Promise<void> {
  const templates = join(bench.folder, CHART, "templates");
  await mkdir(templates, { recursive: true });
  const map = ["apiVersion: v1", "kind: ConfigMap", "metadata: {name: demo}"];
  await writeFile(join(templates, "map.yaml"), `${map.join("\n")}\n`);
  for (const version of VERSIONS) {
    const chart = ["apiVersion: v2", `name: ${CHART}`, `version: ${version}`];
    await writeFile(join(bench.folder, CHART, "Chart.yaml"), `${chart.join("\n")}\n`);
    await bench.run(["helm", "package", CHART]);
  }
}

function steps(bench: Bench): Step[] {
  const { registry } = bench;
  const plain = registry.plain ? ["--plain-http"] : [];
  const chart = `oci://${reference(bench, CHART)}`;
  const as = (who: string) => ["--registry-config", join(bench.folder, `${who}.helm.json`)];
  const call = (...argv: string[]) => bench.run(["helm", ...argv, ...as("admin"), ...plain]);
  const account = ["--username", registry.user, "--password-stdin", registry.host];
  let digest = "";
  const pull = async (version: string, ...flags: string[]) => {
    const folder = join(bench.folder, "pulled");
    await mkdir(folder, { recursive: true });
    await call("pull", ...flags, "--destination", folder);
    const name = `${CHART}-${version}.tgz`;
    await expectSameBytes(join(bench.folder, name), join(folder, name));
  };
  return [
    ...loginSteps(registry, (password) =>
      bench.attempt(["helm", "registry", "login", ...account, ...as("admin"), ...plain], {
        input: password,
      }),
    ),
    step("push", "push three versions of a chart", ["login"], async () => {
      await packageCharts(bench);
      for (const version of VERSIONS) {
        await call("push", `${CHART}-${version}.tgz`, `oci://${reference(bench, "")}`);
      }
      const stored = await readManifest(registry, repository(bench, CHART), "1.2.0");
      const type = stored.manifest.config?.mediaType;
      expectEqual(type, "application/vnd.cncf.helm.config.v1+json", "type of the config");
      ({ digest } = stored);
    }),
    step("pull", "pull by version, also one with build metadata", ["push"], async () => {
      await pull("1.0.0", chart, "--version=1.0.0");
      await pull("2.0.0+build.7", chart, "--version=2.0.0+build.7");
    }),
    step("digest", "pull by digest", ["push"], async () => {
      const { output } = await call("show", "chart", `${chart}@${digest}`);
      expectText(output, "version: 1.2.0", "the chart");
    }),
    step("tags", "pull by a range of versions, found in the list of tags", ["push"], () =>
      pull("1.2.0", chart, "--version=^1"),
    ),
    step("run", "render the chart from the registry", ["push"], async () => {
      const { output } = await call("template", "demo", chart, "--version=1.0.0");
      expectText(output, "kind: ConfigMap", "what it renders");
    }),
    anonymousStep(() => {
      const argv = ["helm", "show", "chart", chart, "--version=1.0.0"];
      return bench.attempt([...argv, ...as("nobody"), ...plain]);
    }),
  ];
}
