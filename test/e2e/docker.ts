/**
 * Docker Engine. With the overlay2 store it compresses layers again and uploads each in one chunked PATCH; with the
 * containerd store it keeps the layers as loaded and uploads each in one PUT.
 */
import { join } from "node:path";
import { anonymousStep, loginSteps } from "./access.ts";
import { buildSteps } from "./buildkit.ts";
import { reference, step, type Bench, type Client, type Step } from "./client.ts";
import { expectEqual, expectMounted, expectSameFiles, expectText } from "./compare.ts";
import { startDocker, type ImageStore } from "./engines.ts";
import { nativeArchitecture, type Image } from "./images.ts";
import type { RunOptions } from "./shell.ts";
import { buildxVisitor, dockerVisitor } from "./visitors-engines.ts";
import { edgeSteps } from "./edge.ts";
import { visitSteps } from "./visits.ts";

export type Docker = ReturnType<typeof makeTool>;

/** What they say of a layer above the edge's limit. Docker 26 tries five times first. */
const REFUSED: Record<ImageStore, RegExp> = {
  overlay2: /error parsing HTTP 413 response body: invalid character '<'|Retrying in \d+ seconds?/,
  containerd: /unexpected status from PUT request to \S+: 413 Request Entity Too Large/,
};
const LARGE_FILE_BYTES = 12 * 1024 ** 2;

export function docker(store: ImageStore): (bench: Bench) => Promise<Client> {
  return async (bench) => {
    const engine = await startDocker(bench, store);
    const tool = makeTool(bench, engine.socket, store);
    const stop = async () => expectEqual(await engine.stop(), [], "left behind");
    const large = [
      (own: Bench) => dockerVisitor(own, engine.socket),
      ...(store === "containerd"
        ? [(own: Bench) => buildxVisitor(own, engine.socket, LARGE_FILE_BYTES)]
        : []),
    ];
    const visitors = [dockerVisitor, ...(store === "containerd" ? [buildxVisitor] : [])].map(
      (make) => (own: Bench) => make(own, engine.socket),
    );
    const steps = [
      ...basicSteps(bench, tool),
      ...sizeSteps(bench, tool),
      ...platformSteps(bench, tool),
      ...(await buildSteps(bench, tool)),
      ...visitSteps(bench, ...visitors),
      ...edgeSteps(bench, REFUSED[store], ...large),
      step("clean", "the engine stops, leaving nothing behind", [], stop),
    ];
    return { steps };
  };
}

function makeTool(bench: Bench, socket: string, store: ImageStore) {
  const as = (who: string): RunOptions => ({
    env: { DOCKER_CONFIG: join(bench.folder, who), DOCKER_HOST: `unix://${socket}` },
    timeout: 300,
  });
  const call = async (...argv: string[]) => {
    const { stdout } = await bench.run(["docker", ...argv], as("admin"));
    return stdout.trim();
  };
  const remote = (name: string) => reference(bench, name);
  const load = async (image: Image) => {
    await call("load", "--quiet", "--input", image.archive);
    return `slipway/${image.name}:v1`;
  };
  const push = async (from: string, name: string) => {
    await call("tag", from, remote(name));
    return call("push", remote(name));
  };
  /** Pulls into an engine without images, so that everything comes from the registry. */
  const pull = async (name: string, ...flags: string[]) => {
    await forget();
    return call("pull", ...flags, remote(name));
  };
  const forget = async () => {
    const ids = (await call("images", "--all", "--quiet")).split(/\s+/).filter((id) => id !== "");
    if (ids.length > 0) await call("rmi", "--force", ...new Set(ids));
    await call("system", "prune", "--all", "--force");
  };
  const inspect = (name: string, format: string) =>
    call("image", "inspect", `--format=${format}`, remote(name));
  const runs = async (image: Image, name: string) => {
    const printed = await call("run", "--rm", "--network=none", remote(name));
    expectEqual(printed, image.sums, "what the image printed");
  };
  return { as, call, remote, load, push, pull, inspect, runs, store };
}

/** The id of an image is its config's digest; in the containerd store, its manifest's. */
async function expectPulled(tool: Docker, image: Image, name: string, pushed: string) {
  const id = await tool.inspect(name, "{{.Id}}");
  expectEqual(id, tool.store === "overlay2" ? image.config : pushed, "image id");
  const repository = tool.remote(name).replace(/(@sha256)?:[^:/]*$/, "");
  const digests = await tool.inspect(name, "{{.RepoDigests}}");
  expectText(digests, `${repository}@${pushed}`, "digests of the pulled image");
}

function basicSteps(bench: Bench, tool: Docker): Step[] {
  const { registry, images } = bench;
  const { hello } = images;
  const { call, load, push, pull, remote } = tool;
  const account = ["--username", registry.user, "--password-stdin", registry.host];
  let pushed = "";
  return [
    ...loginSteps(registry, (password) =>
      bench.attempt(["docker", "login", ...account], { ...tool.as("admin"), input: password }),
    ),
    step("push", "push", ["login"], async () => {
      await push(await load(hello), "hello:v1");
      pushed = (await expectSameFiles(bench, hello, "hello")).digest;
    }),
    step("pull", "pull by tag", ["push"], async () => {
      await pull("hello:v1");
      await expectPulled(tool, hello, "hello:v1", pushed);
      expectText(await call("pull", remote("hello:v1")), "up to date", "the second pull");
    }),
    step("digest", "pull by digest", ["push"], async () => {
      await pull(`hello@${pushed}`);
      await expectPulled(tool, hello, `hello@${pushed}`, pushed);
    }),
    step("run", "run what was pulled", ["push"], async () => {
      await pull("hello:v1");
      await tool.runs(hello, "hello:v1");
    }),
    anonymousStep(() => bench.attempt(["docker", "pull", remote("hello:v1")], tool.as("nobody"))),
    step("tags", "find the repository by a word, with the login", ["push"], async () => {
      const found = await call("search", "--format={{.Name}}", `${registry.host}/hel`);
      const name = remote("hello").slice(registry.host.length + 1);
      expectText(found, name, "what the search found");
    }),
    step("tags", "push and pull all tags of a repository", ["push"], async () => {
      const local = await load(hello);
      for (const tag of ["v1", "v2", "v3"]) await call("tag", local, remote(`tags:${tag}`));
      await call("push", "--all-tags", remote("tags"));
      await pull("tags", "--all-tags");
      const tags = await call("images", "--format={{.Tag}}", remote("tags"));
      expectEqual(tags.split("\n").toSorted(), ["v1", "v2", "v3"], "tags");
    }),
  ];
}

function sizeSteps(bench: Bench, tool: Docker): Step[] {
  const { twelve, big } = bench.images;
  const { load, push, pull } = tool;
  const roundTrip = async (image: Image) => {
    await push(await load(image), `${image.name}:v1`);
    const { digest } = await expectSameFiles(bench, image, image.name);
    await pull(`${image.name}:v1`);
    await expectPulled(tool, image, `${image.name}:v1`, digest);
    await tool.runs(image, `${image.name}:v1`);
  };
  return [
    step("12 layers", "push, pull and run 12 layers", ["login"], () => roundTrip(twelve)),
    step("copy", "push to another repository, blobs mounted", ["12 layers"], async () => {
      await pull("twelve:v1");
      const output = await push(tool.remote("twelve:v1"), "copied:v1");
      const mounts = output.match(/Mounted from/g) ?? [];
      expectEqual(mounts.length, twelve.layers.length, "layers mounted");
      await expectSameFiles(bench, twelve, "copied");
      expectMounted(bench, "copied", twelve.layers.length);
    }),
    step("600 MB", "push, pull and run a layer of 600 MB", ["login"], () => roundTrip(big)),
  ];
}

/** The overlay2 store can't load an index: there one is made of manifests pushed before. */
function platformSteps(bench: Bench, tool: Docker): Step[] {
  const { index, hello } = bench.images;
  const { call, remote, pull } = tool;
  const insecure = bench.registry.plain ? ["--insecure"] : [];
  const foreign = nativeArchitecture === "amd64" ? "arm64" : "amd64";
  const makeIndex = async () => {
    if (tool.store === "containerd") {
      await tool.push(await tool.load(index), "index:v1");
      return;
    }
    await tool.push(await tool.load(index), "index:native");
    await tool.push(await tool.load(hello), "index:foreign");
    const parts = [remote("index:native"), remote("index:foreign")];
    await call("manifest", "create", ...insecure, remote("index:v1"), ...parts);
    const annotate = ["manifest", "annotate", `--arch=${foreign}`, remote("index:v1")];
    await call(...annotate, remote("index:foreign"));
    await call("manifest", "push", ...insecure, remote("index:v1"));
  };
  return [
    step("platforms", "push an index, read it, pull one platform", ["push"], async () => {
      await makeIndex();
      const seen = await call("manifest", "inspect", ...insecure, remote("index:v1"));
      for (const platform of ["arm64", "amd64"]) expectText(seen, platform, "platforms");
      await pull("index:v1", `--platform=linux/${foreign}`);
      await pull("index:v1");
      await tool.runs(index, "index:v1");
    }),
  ];
}
