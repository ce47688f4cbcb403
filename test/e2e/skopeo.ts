/** skopeo: copies between registries, folders and layouts. It uploads by PATCH with a length. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { anonymousStep, loginSteps } from "./access.ts";
import {
  credentials,
  reference,
  repository,
  step,
  type Bench,
  type Client,
  type Step,
} from "./client.ts";
import {
  expectEqual,
  expectFolder,
  expectMounted,
  expectSameFiles,
  expectStored,
  expectText,
} from "./compare.ts";
import type { Image } from "./images.ts";
import { manifestStatus } from "./registry.ts";
import type { Result } from "./shell.ts";
import { skopeoVisitor } from "./visitors-tools.ts";
import { edgeSteps, REFUSED_BY_STORAGE } from "./edge.ts";
import { visitSteps } from "./visits.ts";

export function skopeo(bench: Bench): Client {
  const tool = makeTool(bench);
  return {
    steps: [
      ...basicSteps(bench, tool),
      ...copySteps(bench, tool),
      ...endSteps(bench, tool),
      ...visitSteps(bench, skopeoVisitor),
      ...edgeSteps(bench, REFUSED_BY_STORAGE, skopeoVisitor),
    ],
  };
}

type Tool = ReturnType<typeof makeTool>;

function makeTool(bench: Bench) {
  const { registry, folder } = bench;
  const verify = (side: string) => (registry.plain ? [`--${side}tls-verify=false`] : []);
  const as = (who: string) => ({
    env: credentials(bench, who),
    timeout: 300,
  });
  const remote = (name: string) => `docker://${reference(bench, name)}`;
  const copy = (from: string, to: string, ...flags: string[]) =>
    bench.run(
      [
        "skopeo",
        ...flags.filter(isGlobal),
        "copy",
        ...verify("src-"),
        ...verify("dest-"),
        ...flags.filter((flag) => !isGlobal(flag)),
        from,
        to,
      ],
      as("admin"),
    );
  const call = (command: string, name: string, ...flags: string[]) =>
    bench.run(["skopeo", command, ...verify(""), ...flags, remote(name)], as("admin"));
  /** Pulls into a folder of files and compares them with the image's. */
  const pull = async (image: Image, name: string, root = image.digest, ...flags: string[]) => {
    const at = join(folder, "pulled");
    await rm(at, { recursive: true, force: true });
    await mkdir(at);
    await copy(remote(name), `dir:${at}`, ...flags);
    await expectFolder(image, at, root);
  };
  const push = async (image: Image) => {
    await copy(local(image), remote(`${image.name}:v1`));
    await expectStored(bench, image, image.name);
  };
  return { verify, as, remote, copy, call, pull, push };
}

/** These go before the name of the command, all others after it. */
function isGlobal(flag: string): boolean {
  return flag === "--debug" || flag.startsWith("--override-");
}

function local({ layout }: Image): string {
  return `oci:${layout}:v1`;
}

function basicSteps(bench: Bench, tool: Tool): Step[] {
  const { registry, images, folder } = bench;
  const { hello, twelve, big } = images;
  const login = (password: string): Promise<Result> =>
    bench.attempt(
      [
        "skopeo",
        "login",
        ...tool.verify(""),
        "--username",
        registry.user,
        "--password-stdin",
        registry.host,
      ],
      { ...tool.as("admin"), input: password },
    );
  const from = tool.remote("hello:v1");
  return [
    ...loginSteps(registry, login),
    step("push", "push", ["login"], () => tool.push(hello)),
    step("pull", "pull by tag", ["push"], () => tool.pull(hello, "hello:v1")),
    step("digest", "pull by digest", ["push"], () => tool.pull(hello, `hello@${hello.digest}`)),
    anonymousStep(() =>
      bench.attempt(
        ["skopeo", "copy", ...tool.verify("src-"), from, `dir:${folder}/no`],
        tool.as("nobody"),
      ),
    ),
    ...[twelve, big].map((image): Step => {
      const feature = image === twelve ? "12 layers" : "600 MB";
      const run = async () => {
        await tool.push(image);
        await tool.pull(image, `${image.name}:v1`);
      };
      return { feature, name: `push and pull, ${feature}`, needs: ["login"], run };
    }),
  ];
}

function copySteps(bench: Bench, tool: Tool): Step[] {
  const { hello, twelve, index } = bench.images;
  const { remote } = tool;
  return [
    step("push", "push as Docker schema 2", ["login"], async () => {
      await tool.copy(local(hello), remote("v2s2:v1"), "--format=v2s2");
      const { mediaType } = await expectSameFiles(bench, hello, "v2s2");
      expectEqual(mediaType, "application/vnd.docker.distribution.manifest.v2+json", "type");
    }),
    step("copy", "copy to another repository, blobs mounted", ["12 layers"], async () => {
      const result = await tool.copy(remote("twelve:v1"), remote("copied:v1"), "--debug");
      expectText(result.output, "mount=", "the debug log");
      await expectStored(bench, twelve, "copied");
      expectMounted(bench, "copied", twelve.layers.length);
    }),
    step("push", "push with zstd layers", ["login"], async () => {
      // The cache knows the gzip twin of each layer and would send that one.
      await bench.run(["rm", "-rf", "/var/lib/containers/cache"]);
      const zstd = ["--dest-compress", "--dest-compress-format=zstd"];
      await tool.copy(local(hello), remote("zstd:v1"), ...zstd);
      const { manifest } = await expectSameFiles(bench, hello, "zstd");
      expectText(manifest.layers?.[0]?.mediaType ?? "", "zstd", "the layer's type");
    }),
    step("platforms", "push an index, read it, pull one platform", ["login"], async () => {
      await tool.copy(local(index), remote("index:v1"), "--all");
      await expectStored(bench, index, "index");
      const { stdout } = await tool.call("inspect", "index:v1", "--raw");
      for (const digest of Object.values(index.platforms)) expectText(stdout, digest, "index");
      const arm64 = index.platforms["linux/arm64"] ?? "";
      await tool.pull(index, "index:v1", arm64, "--override-arch=arm64");
      await tool.pull(index, "index:v1", index.digest, "--all");
    }),
  ];
}

function endSteps(bench: Bench, tool: Tool): Step[] {
  const { hello } = bench.images;
  const { remote } = tool;
  const status = (tag: string) => manifestStatus(bench.registry, repository(bench, "tags"), tag);
  return [
    step("tags", "list tags", ["login"], async () => {
      for (const tag of ["v2", "v1", "v10"]) {
        await tool.copy(local(hello), remote(`tags:${tag}`), `--format=${FORMATS[tag]}`);
      }
      const { stdout } = await tool.call("list-tags", "tags");
      expectEqual(JSON.parse(stdout).Tags, ["v1", "v10", "v2"], "tags");
    }),
    step("tags", "sync a repository into a folder", ["tags"], async () => {
      const from = reference(bench, "tags");
      const sides = [...tool.verify("src-"), "--src=docker", "--dest=dir", "--scoped"];
      await bench.run(["skopeo", "sync", ...sides, from, bench.folder], tool.as("admin"));
      await expectFolder(hello, join(bench.folder, `${from}:v1`));
    }),
    step("delete", "delete by tag and by digest", ["tags"], async () => {
      await tool.call("delete", "tags:v2");
      expectEqual(await status("v2"), 404, "GET of the deleted tag");
      await tool.call("delete", `tags@${hello.digest}`);
      expectEqual(await status(hello.digest), 404, "GET of the deleted manifest");
      expectEqual(await status("v1"), 404, "GET of its tag");
    }),
  ];
}

/** v2 is another manifest, so that deleting it leaves the others. */
const FORMATS: Record<string, string> = { v1: "oci", v2: "v2s2", v10: "oci" };

/** Puts an image into the storage of podman and buildah, for them to push. */
export async function loadIntoStorage(bench: Bench, image: Image, name: string): Promise<void> {
  await bench.run(["skopeo", "copy", `oci:${image.layout}:v1`, `containers-storage:${name}`]);
}
