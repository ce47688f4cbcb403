/** podman: an engine without a daemon. It compresses each layer again while it pushes. */
import { anonymousStep, loginSteps } from "./access.ts";
import { credentials, reference, step, type Bench, type Client, type Step } from "./client.ts";
import { expectEqual, expectMounted, expectSameFiles, expectText } from "./compare.ts";
import type { Image } from "./images.ts";
import { loadIntoStorage } from "./skopeo.ts";
import { storageVisitor } from "./visitors-engines.ts";
import { edgeSteps, REFUSED_BY_STORAGE } from "./edge.ts";
import { visitSteps } from "./visits.ts";

export function podman(bench: Bench): Client {
  const tool = makeTool(bench);
  return {
    steps: [
      ...basicSteps(bench, tool),
      ...moreSteps(bench, tool),
      ...visitSteps(bench, storageVisitor("podman")),
      ...edgeSteps(bench, REFUSED_BY_STORAGE, storageVisitor("podman")),
    ],
  };
}

type Tool = ReturnType<typeof makeTool>;

function makeTool(bench: Bench) {
  const { registry } = bench;
  const verify = registry.plain ? ["--tls-verify=false"] : [];
  const as = (who: string) => ({
    env: credentials(bench, who),
    timeout: 300,
  });
  const call = async (...argv: string[]) => {
    const { stdout } = await bench.run(["podman", ...argv], as("admin"));
    return stdout.trim();
  };
  const remote = (name: string) => reference(bench, name);
  const push = (from: string, name: string, ...flags: string[]) =>
    call("push", "--quiet", ...verify, ...flags, from, `docker://${remote(name)}`);
  /** Pulls into an empty storage, so that nothing can come from anywhere but the registry. */
  const pull = async (name: string, ...flags: string[]) => {
    await call("rmi", "--all", "--force");
    return call("pull", "--quiet", ...verify, ...flags, remote(name));
  };
  const load = async (image: Image) => {
    const name = `localhost/${image.name}:v1`;
    await loadIntoStorage(bench, image, name);
    return name;
  };
  return { verify, as, call, remote, push, pull, load };
}

/** Running it prints the sums of its files: they are compared with the image's. */
async function expectRuns(tool: Tool, image: Image, name: string): Promise<void> {
  const printed = await tool.call("run", "--rm", "--network=none", tool.remote(name));
  expectEqual(printed, image.sums, "what the image printed");
}

function basicSteps(bench: Bench, tool: Tool): Step[] {
  const { registry, images } = bench;
  const { hello, twelve } = images;
  const { call, pull, push, load, verify } = tool;
  const account = ["--username", registry.user, "--password-stdin", registry.host];
  let pushed = "";
  return [
    ...loginSteps(registry, (password) =>
      bench.attempt(["podman", "login", ...verify, ...account], {
        ...tool.as("admin"),
        input: password,
      }),
    ),
    step("push", "push", ["login"], async () => {
      await push(await load(hello), "hello:v1");
      pushed = (await expectSameFiles(bench, hello, "hello")).digest;
    }),
    step("pull", "pull by tag", ["push"], async () => {
      const id = await pull("hello:v1");
      expectEqual(`sha256:${id}`, hello.config, "image id");
      const digests = await call("image", "inspect", "--format={{.RepoDigests}}", id);
      expectText(digests, `hello@${pushed}`, "digests of the pulled image");
    }),
    step("digest", "pull by digest", ["push"], async () =>
      expectEqual(`sha256:${await pull(`hello@${pushed}`)}`, hello.config, "id"),
    ),
    step("run", "run what was pulled", ["pull"], async () => {
      await pull("hello:v1");
      await expectRuns(tool, hello, "hello:v1");
    }),
    anonymousStep(() =>
      bench.attempt(["podman", "pull", ...verify, tool.remote("hello:v1")], tool.as("nobody")),
    ),
    step("12 layers", "push, pull and run 12 layers", ["login"], async () => {
      await push(await load(twelve), "twelve:v1");
      await expectSameFiles(bench, twelve, "twelve");
      await pull("twelve:v1");
      await expectRuns(tool, twelve, "twelve:v1");
    }),
  ];
}

function moreSteps(bench: Bench, tool: Tool): Step[] {
  const { hello, twelve, index } = bench.images;
  const { call, pull, push, remote, verify, load } = tool;
  return [
    step("tags", "list tags", ["push"], async () => {
      const local = await load(hello);
      for (const tag of ["v2", "v10"]) await push(local, `hello:${tag}`);
      const search = ["search", "--list-tags", "--format=json", ...verify];
      const [found] = JSON.parse(await call(...search, remote("hello")));
      expectEqual(found.Tags, ["v1", "v10", "v2"], "tags");
    }),
    step("copy", "push to another repository, blobs mounted", ["12 layers"], async () => {
      await pull("twelve:v1");
      const flags = ["--log-level=debug", "push", ...verify, remote("twelve:v1")];
      const to = `docker://${remote("copied:v1")}`;
      const { output } = await bench.run(["podman", ...flags, to], tool.as("admin"));
      expectText(output, "mount=", "the debug log");
      await expectSameFiles(bench, twelve, "copied");
      expectMounted(bench, "copied", twelve.layers.length);
    }),
    step("push", "push as Docker schema 2 and with zstd layers", ["login"], async () => {
      const local = await load(hello);
      await push(local, "v2s2:v1", "--format=v2s2");
      const { mediaType } = await expectSameFiles(bench, hello, "v2s2");
      expectEqual(mediaType, "application/vnd.docker.distribution.manifest.v2+json", "type");
      // The cache knows the gzip twin of each layer and would send that one.
      await bench.run(["rm", "-rf", "/var/lib/containers/cache"]);
      await push(local, "zstd:v1", "--compression-format=zstd");
      const { manifest } = await expectSameFiles(bench, hello, "zstd");
      expectText(manifest.layers?.[0]?.mediaType ?? "", "zstd", "the layer's type");
    }),
    step("platforms", "push an index, read it, pull one platform", ["login"], async () => {
      await call("manifest", "create", "podman-index");
      await call("manifest", "add", "--all", "podman-index", `oci:${index.layout}:v1`);
      const to = `docker://${remote("index:v1")}`;
      await call("manifest", "push", "--all", ...verify, "podman-index", to);
      const stored = await call("manifest", "inspect", remote("index:v1"));
      for (const digest of Object.values(index.platforms)) expectText(stored, digest, "index");
      const id = await pull("index:v1", "--platform=linux/arm64");
      expectEqual(await call("inspect", "--format={{.Architecture}}", id), "arm64", "platform");
      await pull("index:v1");
      await expectRuns(tool, index, "index:v1");
    }),
  ];
}
