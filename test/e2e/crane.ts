/** crane: copies, changes and deletes images in place. It uploads by PATCH with a length. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { anonymousStep, keptLoginSteps } from "./access.ts";
import { reference, repository, step, type Bench, type Client, type Step } from "./client.ts";
import { expectEqual, expectLayout, expectMounted, expectStored, expectText } from "./compare.ts";
import type { Image } from "./images.ts";
import { manifestStatus } from "./registry.ts";
import { craneVisitor } from "./visitors-tools.ts";
import { edgeSteps } from "./edge.ts";
import { visitSteps } from "./visits.ts";

export function crane(bench: Bench): Client {
  const tool = makeTool(bench);
  return {
    steps: [
      ...basicSteps(bench, tool),
      ...moreSteps(bench, tool),
      ...visitSteps(bench, craneVisitor),
      ...edgeSteps(
        bench,
        /unexpected status code 413 Request Entity Too Large: <html>/,
        craneVisitor,
      ),
    ],
  };
}

type Tool = ReturnType<typeof makeTool>;

function makeTool(bench: Bench) {
  const as = (who: string) => ({ env: { DOCKER_CONFIG: join(bench.folder, who) } });
  const plain = bench.registry.plain ? ["--insecure"] : [];
  const call = async (...argv: string[]) => {
    const { stdout } = await bench.run(["crane", ...plain, ...argv], as("admin"));
    return stdout.trim();
  };
  const remote = (name: string) => reference(bench, name);
  const pull = async (name: string, ...flags: string[]) => {
    const layout = join(bench.folder, "layout");
    await rm(layout, { recursive: true, force: true });
    await call("pull", "--format=oci", ...flags, remote(name), layout);
    return layout;
  };
  const push = async (image: Image) => {
    await call("push", image.layout, remote(`${image.name}:v1`));
    await expectStored(bench, image, image.name);
  };
  return { as, plain, call, remote, pull, push };
}

function basicSteps(bench: Bench, tool: Tool): Step[] {
  const { registry, images } = bench;
  const { hello, twelve } = images;
  const { pull, push, remote } = tool;
  const login = (password: string, who: string) => {
    const account = ["--username", registry.user, "--password-stdin", registry.host];
    return bench.attempt(["crane", "auth", "login", ...account], {
      ...tool.as(who),
      input: password,
    });
  };
  const list = (who: string) =>
    bench.attempt(["crane", ...tool.plain, "ls", remote("hello")], tool.as(who));
  return [
    ...keptLoginSteps(registry, login, list),
    step("push", "push", ["login"], () => push(hello)),
    step("pull", "pull by tag", ["push"], async () => expectLayout(hello, await pull("hello:v1"))),
    step("digest", "pull by digest, and ask for the digest", ["push"], async () => {
      await expectLayout(hello, await pull(`hello@${hello.digest}`));
      expectEqual(await tool.call("digest", remote("hello:v1")), hello.digest, "digest");
    }),
    anonymousStep(() =>
      bench.attempt(["crane", ...tool.plain, "digest", remote("hello:v1")], tool.as("nobody")),
    ),
    step("12 layers", "push and pull 12 layers, validate", ["login"], async () => {
      await push(twelve);
      await expectLayout(twelve, await pull("twelve:v1"));
      expectText(await tool.call("validate", "--remote", remote("twelve:v1")), "PASS", "validate");
    }),
  ];
}

function moreSteps(bench: Bench, tool: Tool): Step[] {
  const { hello, twelve, index } = bench.images;
  const { call, pull, push, remote } = tool;
  const tags = async () => (await call("ls", remote("hello"))).split("\n");
  const status = (tag: string) => manifestStatus(bench.registry, repository(bench, "hello"), tag);
  return [
    step("tags", "tag, list tags, list repositories", ["push"], async () => {
      for (const tag of ["v2", "v10"]) await call("tag", remote("hello:v1"), tag);
      expectEqual(await tags(), ["v1", "v10", "v2"], "tags");
      expectText(await call("catalog", bench.registry.host), repository(bench, "hello"), "catalog");
    }),
    step("copy", "copy to another repository, blobs mounted", ["12 layers"], async () => {
      await call("copy", remote("twelve:v1"), remote("copied:v1"));
      await expectStored(bench, twelve, "copied");
      expectMounted(bench, "copied", twelve.layers.length);
    }),
    step("platforms", "push an index, read it, pull one platform", ["login"], async () => {
      await push(index);
      const text = await call("manifest", remote("index:v1"));
      for (const digest of Object.values(index.platforms)) expectText(text, digest, "index");
      const arm64 = index.platforms["linux/arm64"] ?? "";
      const layout = await pull("index:v1", "--platform=linux/arm64");
      await expectLayout(index, layout, arm64);
      await expectLayout(index, await pull("index:v1"));
    }),
    step("build", "append a layer, change the config, in the registry", ["push"], async () => {
      await bench.run(["tar", "--create", "--file=more.tar", "--files-from=/dev/null"]);
      const more = ["--new_layer=more.tar", `--new_tag=${remote("appended:v1")}`];
      await call("append", `--base=${remote("hello:v1")}`, ...more);
      const label = ["--label=by=crane", `--tag=${remote("appended:v2")}`];
      await call("mutate", ...label, remote("appended:v1"));
      const config = JSON.parse(await call("config", remote("appended:v2")));
      expectEqual(config.config.Labels, { by: "crane" }, "labels");
      expectEqual(config.rootfs.diff_ids.length, hello.diffIds.length + 1, "layers");
      await call("validate", "--remote", remote("appended:v2"));
    }),
    step("delete", "delete a tag and a manifest", ["tags"], async () => {
      await call("delete", remote("hello:v2"));
      expectEqual(await tags(), ["v1", "v10"], "tags without v2");
      await call("delete", `${remote("hello")}@${hello.digest}`);
      expectEqual(await status("v1"), 404, "GET of the deleted manifest's tag");
    }),
  ];
}
