/** buildah: builds on an image that it pulls from the registry, and pushes what it built. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { anonymousStep, loginSteps } from "./access.ts";
import { credentials, reference, step, type Bench, type Client, type Step } from "./client.ts";
import { expectEqual, expectSameFiles, expectText } from "./compare.ts";
import { loadIntoStorage } from "./skopeo.ts";
import { storageVisitor } from "./visitors-engines.ts";
import { edgeSteps, REFUSED_BY_STORAGE } from "./edge.ts";
import { visitSteps } from "./visits.ts";

export function buildah(bench: Bench): Client {
  const tool = makeTool(bench);
  return {
    steps: [
      ...basicSteps(bench, tool),
      ...buildSteps(bench, tool),
      ...visitSteps(bench, storageVisitor("buildah")),
      ...edgeSteps(bench, REFUSED_BY_STORAGE, storageVisitor("buildah")),
    ],
  };
}

type Tool = ReturnType<typeof makeTool>;

function makeTool(bench: Bench) {
  const { registry } = bench;
  const verify = registry.plain ? ["--tls-verify=false"] : [];
  const as = (who: string) => ({
    // chroot: the isolation that works for root in any container or machine.
    env: { ...credentials(bench, who), BUILDAH_ISOLATION: "chroot" },
    timeout: 300,
  });
  const call = async (...argv: string[]) => {
    const { stdout } = await bench.run(["buildah", ...argv], as("admin"));
    return stdout.trim();
  };
  const remote = (name: string) => reference(bench, name);
  const push = (from: string, name: string) =>
    call("push", "--quiet", ...verify, from, `docker://${remote(name)}`);
  const pull = async (name: string) => {
    await call("rm", "--all");
    await call("rmi", "--all", "--force");
    return call("pull", "--quiet", ...verify, remote(name));
  };
  return { verify, as, call, remote, push, pull };
}

function basicSteps(bench: Bench, tool: Tool): Step[] {
  const { registry, images } = bench;
  const { hello, twelve } = images;
  const { pull, push, verify } = tool;
  const account = ["--username", registry.user, "--password-stdin", registry.host];
  let pushed = "";
  return [
    ...loginSteps(registry, (password) =>
      bench.attempt(["buildah", "login", ...verify, ...account], {
        ...tool.as("admin"),
        input: password,
      }),
    ),
    step("push", "push", ["login"], async () => {
      await loadIntoStorage(bench, hello, "localhost/hello:v1");
      await push("localhost/hello:v1", "hello:v1");
      pushed = (await expectSameFiles(bench, hello, "hello")).digest;
    }),
    step("pull", "pull by tag", ["push"], async () =>
      expectEqual(`sha256:${await pull("hello:v1")}`, hello.config, "image id"),
    ),
    step("digest", "pull by digest", ["push"], async () =>
      expectEqual(`sha256:${await pull(`hello@${pushed}`)}`, hello.config, "id"),
    ),
    anonymousStep(() =>
      bench.attempt(["buildah", "pull", ...verify, tool.remote("hello:v1")], tool.as("nobody")),
    ),
    step("12 layers", "push and pull 12 layers", ["login"], async () => {
      await loadIntoStorage(bench, twelve, "localhost/twelve:v1");
      await push("localhost/twelve:v1", "twelve:v1");
      await expectSameFiles(bench, twelve, "twelve");
      expectEqual(`sha256:${await pull("twelve:v1")}`, twelve.config, "image id");
    }),
  ];
}

function buildSteps(bench: Bench, tool: Tool): Step[] {
  const { hello, index } = bench.images;
  const { call, pull, push, remote, verify } = tool;
  return [
    step("run", "run a command in what was pulled", ["pull"], async () => {
      await pull("hello:v1");
      const container = await call("from", "--pull-never", remote("hello:v1"));
      const printed = await call("run", container, "--", "/bin/sha256sum", "/greeting");
      expectEqual(printed, hello.sums, "what the container printed");
    }),
    step("build", "build on an image of the registry and push the result", ["push"], async () => {
      await call("rm", "--all");
      await call("rmi", "--all", "--force");
      const recipe = join(bench.folder, "Containerfile");
      const lines = [`FROM ${remote("hello:v1")}`, "RUN /bin/sha256sum /greeting > /sums"];
      await writeFile(recipe, lines.join("\n"));
      const id = await call("bud", "--quiet", ...verify, "--file", recipe, bench.folder);
      await push(id, "built:v1");
      await pull("built:v1");
      const container = await call("from", "--pull-never", remote("built:v1"));
      expectEqual(await call("run", container, "--", "/bin/cat", "/sums"), hello.sums, "sums");
    }),
    step("platforms", "push an index and pull one platform of it", ["login"], async () => {
      await call("manifest", "create", "buildah-index");
      await call("manifest", "add", "--all", "buildah-index", `oci:${index.layout}:v1`);
      const to = `docker://${remote("index:v1")}`;
      await call("manifest", "push", "--all", ...verify, "buildah-index", to);
      const stored = await call("manifest", "inspect", remote("index:v1"));
      for (const digest of Object.values(index.platforms)) expectText(stored, digest, "index");
      const arm = ["--quiet", "--arch=arm64", ...verify];
      const id = await call("pull", ...arm, remote("index:v1"));
      const architecture = await call(
        "inspect",
        "--type=image",
        "--format={{.OCIv1.Architecture}}",
        id,
      );
      expectEqual(architecture, "arm64", "platform");
    }),
  ];
}
