/** BuildKit inside dockerd: it pulls the base image and pushes the result by itself. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { repository, step, type Bench, type Step } from "./client.ts";
import { expectEqual, expectText } from "./compare.ts";
import type { Docker } from "./docker.ts";
import { readManifest } from "./registry.ts";

export async function buildSteps(bench: Bench, tool: Docker): Promise<Step[]> {
  const { code } = await bench.attempt(["docker", "buildx", "version"], tool.as("admin"));
  if (code !== 0) return [plainBuild(bench, tool)];
  const steps = [buildxBuild(bench, tool), imagetools(bench, tool)];
  // Only the containerd store keeps the blobs of a cache or an attestation.
  return tool.store === "containerd" ? [...steps, ...richSteps(bench, tool)] : steps;
}

async function writeRecipe(bench: Bench, tool: Docker): Promise<string> {
  const lines = [`FROM ${tool.remote("hello:v1")}`, "RUN /bin/sha256sum /greeting > /sums"];
  await writeFile(join(bench.folder, "Dockerfile"), `${lines.join("\n")}\n`);
  return bench.folder;
}

/** Runs the built image, which prints the sum of a file in the base image. */
async function expectBuilt(bench: Bench, tool: Docker, name: string): Promise<void> {
  await tool.pull(name);
  const printed = await tool.call("run", "--rm", "--network=none", tool.remote(name), ...CAT);
  expectEqual(printed, bench.images.hello.sums, "what the built image holds");
}

const CAT = ["/bin/cat", "/sums"];

function plainBuild(bench: Bench, tool: Docker): Step {
  return step(
    "build",
    "build with BuildKit on an image of the registry, push",
    ["push"],
    async () => {
      const flags = ["--network=none", "--pull", "--no-cache", "--tag", tool.remote("built:v1")];
      const home = await writeRecipe(bench, tool);
      const options = tool.as("admin");
      const env = { ...options.env, DOCKER_BUILDKIT: "1" };
      await bench.run(["docker", "build", ...flags, home], { ...options, env });
      await tool.call("push", tool.remote("built:v1"));
      await expectBuilt(bench, tool, "built:v1");
    },
  );
}

function build(tool: Docker, home: string, name: string, ...flags: string[]): Promise<string> {
  const base = ["--network=none", "--pull", "--push", "--tag", tool.remote(name)];
  return tool.call("buildx", "build", "--progress=plain", ...base, ...flags, home);
}

function buildxBuild(bench: Bench, tool: Docker): Step {
  return step("build", "buildx build --push on an image of the registry", ["push"], async () => {
    const home = await writeRecipe(bench, tool);
    await build(tool, home, "built:v1", "--no-cache", "--provenance=false");
    await expectBuilt(bench, tool, "built:v1");
  });
}

function imagetools(bench: Bench, tool: Docker): Step {
  return step(
    "build",
    "buildx imagetools: inspect, and make an index in another repository",
    ["platforms"],
    async () => {
      const seen = await tool.call("buildx", "imagetools", "inspect", tool.remote("index:v1"));
      expectText(seen, "linux/arm64", "platforms");
      const make = ["buildx", "imagetools", "create", "--tag", tool.remote("made:v1")];
      await tool.call(...make, tool.remote("index:v1"));
      await tool.pull("made:v1");
      await tool.runs(bench.images.index, "made:v1");
    },
  );
}

function richSteps(bench: Bench, tool: Docker): Step[] {
  return [
    step("build", "buildx build --push with a provenance attestation", ["push"], async () => {
      const home = await writeRecipe(bench, tool);
      await build(tool, home, "attested:v1", "--no-cache", "--provenance=mode=max");
      const path = repository(bench, "attested");
      const { manifest } = await readManifest(bench.registry, path, "v1");
      const platforms = manifest.manifests?.map(({ platform }) => platform?.os);
      expectEqual(platforms, ["linux", "unknown"], "platforms of the index");
      await expectBuilt(bench, tool, "attested:v1");
    }),
    ...["true", "false"].map((imageManifest) => cacheStep(bench, tool, imageManifest)),
  ];
}

/** Old BuildKit makes the cache an index of layer blobs, newer ones can make it an image. */
function cacheStep(bench: Bench, tool: Docker, imageManifest: string): Step {
  const shape = imageManifest === "true" ? "an image" : "an index of blobs";
  return step(
    "build",
    `buildx exports its cache as ${shape} and builds from it`,
    ["push"],
    async () => {
      const home = await writeRecipe(bench, tool);
      const cache = `type=registry,ref=${tool.remote(`cache:image-${imageManifest}`)}`;
      const shaped = `--cache-to=${cache},mode=max,image-manifest=${imageManifest}`;
      await build(tool, home, "cached:v1", "--no-cache", shaped);
      await tool.call("builder", "prune", "--all", "--force");
      const argv = ["build", "--progress=plain", "--network=none", `--cache-from=${cache}`, home];
      const again = await bench.run(["docker", "buildx", ...argv], tool.as("admin"));
      expectText(again.output, "CACHED", "the second build");
    },
  );
}
