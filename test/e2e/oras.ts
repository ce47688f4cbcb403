/** oras: artifacts of any kind, and what refers to what. It uploads each blob in one PUT. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { anonymousStep, loginSteps } from "./access.ts";
import { reference, repository, step, type Bench, type Client, type Step } from "./client.ts";
import {
  expectEqual,
  expectLayout,
  expectMounted,
  expectSameBytes,
  expectStored,
  expectText,
  referrersOf,
} from "./compare.ts";
import type { Image } from "./images.ts";
import { manifestStatus } from "./registry.ts";
import { orasVisitor } from "./visitors-tools.ts";
import { edgeSteps } from "./edge.ts";
import { visitSteps } from "./visits.ts";

const SBOM = "application/vnd.example.sbom";
const REVIEW = "application/vnd.example.review";

export function oras(bench: Bench): Client {
  const tool = makeTool(bench);
  return {
    steps: [
      ...basicSteps(bench, tool),
      ...referrerSteps(bench, tool),
      ...endSteps(bench, tool),
      ...visitSteps(bench, orasVisitor),
      ...edgeSteps(bench, /response status code 413: Request Entity Too Large/, orasVisitor),
    ],
  };
}

type Tool = ReturnType<typeof makeTool>;

function makeTool(bench: Bench) {
  const plain = bench.registry.plain ? ["--plain-http"] : [];
  const as = (who: string) => ["--registry-config", join(bench.folder, `${who}.oras.json`)];
  const call = async (command: string, ...argv: string[]) => {
    const words = command.split(" ");
    const { stdout } = await bench.run(["oras", ...words, ...as("admin"), ...plain, ...argv]);
    return stdout.trim();
  };
  const remote = (name: string) => reference(bench, name);
  const copy = async (from: string[], to: string[], ...flags: string[]) => {
    const sides = bench.registry.plain ? ["--from-plain-http", "--to-plain-http"] : [];
    const configs = ["from", "to"].flatMap((side) => [
      `--${side}-registry-config`,
      join(bench.folder, "admin.oras.json"),
    ]);
    return bench.run(["oras", "cp", "--no-tty", ...sides, ...configs, ...flags, ...from, ...to]);
  };
  const push = async (image: Image) => {
    const from = ["--from-oci-layout", `${image.layout}:v1`];
    await copy(from, [remote(`${image.name}:v1`)]);
    await expectStored(bench, image, image.name);
  };
  const pull = async (name: string, ...flags: string[]) => {
    const layout = join(bench.folder, "layout");
    await rm(layout, { recursive: true, force: true });
    await copy([remote(name)], ["--to-oci-layout", `${layout}:v1`], ...flags);
    return layout;
  };
  return { plain, as, call, remote, copy, push, pull };
}

function basicSteps(bench: Bench, tool: Tool): Step[] {
  const { registry, images } = bench;
  const { hello, twelve, index } = images;
  const { pull, push, remote, plain } = tool;
  const account = ["--username", registry.user, "--password-stdin", registry.host];
  return [
    ...loginSteps(registry, (password) =>
      bench.attempt(["oras", "login", ...tool.as("admin"), ...plain, ...account], {
        input: password,
      }),
    ),
    step("push", "push an image", ["login"], () => push(hello)),
    step("pull", "pull by tag", ["push"], async () => expectLayout(hello, await pull("hello:v1"))),
    step("digest", "pull by digest", ["push"], async () =>
      expectLayout(hello, await pull(`hello@${hello.digest}`)),
    ),
    anonymousStep(() =>
      bench.attempt(["oras", "resolve", ...tool.as("nobody"), ...plain, remote("hello:v1")]),
    ),
    step("12 layers", "push and pull 12 layers", ["login"], async () => {
      await push(twelve);
      await expectLayout(twelve, await pull("twelve:v1"));
    }),
    step("copy", "copy to another repository, blobs mounted", ["12 layers"], async () => {
      await tool.copy([remote("twelve:v1")], [remote("copied:v1")]);
      await expectStored(bench, twelve, "copied");
      expectMounted(bench, "copied", twelve.layers.length);
    }),
    step("platforms", "push an index, pull one platform", ["login"], async () => {
      await push(index);
      await expectLayout(index, await pull("index:v1"));
      const arm64 = index.platforms["linux/arm64"] ?? "";
      await expectLayout(index, await pull("index:v1", "--platform=linux/arm64"), arm64);
    }),
  ];
}

function referrerSteps(bench: Bench, tool: Tool): Step[] {
  const { hello } = bench.images;
  const { call, remote } = tool;
  const subject = remote("hello:v1");
  return [
    step("push", "push files as an artifact, pull them", ["login"], async () => {
      await writeFile(join(bench.folder, "notes.txt"), "a file\n");
      await writeFile(join(bench.folder, "empty.txt"), "");
      const type = "--artifact-type=application/vnd.example.files";
      await call("push", "--no-tty", type, remote("files:v1"), "notes.txt", "empty.txt");
      const folder = join(bench.folder, "files");
      await mkdir(folder);
      await call("pull", "--no-tty", "--output", folder, remote("files:v1"));
      for (const name of ["notes.txt", "empty.txt"]) {
        await expectSameBytes(join(bench.folder, name), join(folder, name));
      }
    }),
    step("referrers", "attach, discover, filter by type", ["push"], async () => {
      for (const type of [SBOM, REVIEW]) {
        await call("attach", "--no-tty", `--artifact-type=${type}`, subject, "notes.txt");
      }
      expectEqual(await referrersOf(bench, "hello", hello.digest), [REVIEW, SBOM], "referrers");
      const api = "--distribution-spec=v1.1-referrers-api";
      const all = await call("discover", api, "--format=json", subject);
      expectEqual(artifactTypes(all), [REVIEW, SBOM], "discovered");
      const one = ["--format=json", `--artifact-type=${SBOM}`, subject];
      expectEqual(artifactTypes(await call("discover", api, ...one)), [SBOM], "filtered");
    }),
    step("copy", "copy an image with all that refers to it", ["referrers"], async () => {
      await tool.copy([subject], [remote("whole:v1")], "--recursive");
      expectEqual(await referrersOf(bench, "whole", hello.digest), [REVIEW, SBOM], "referrers");
    }),
  ];
}

function artifactTypes(discovered: string): string[] {
  const { referrers } = JSON.parse(discovered) as { referrers: { artifactType: string }[] };
  return referrers.map(({ artifactType }) => artifactType).toSorted();
}

function endSteps(bench: Bench, tool: Tool): Step[] {
  const { hello, index } = bench.images;
  const { call, remote } = tool;
  return [
    step("tags", "tag, list tags, list repositories", ["push"], async () => {
      await call("tag", remote("hello:v1"), "v2", "v10");
      expectEqual((await call("repo tags", remote("hello"))).split("\n"), ["v1", "v10", "v2"], "");
      const all = await call("repo ls", bench.registry.host);
      expectText(all, repository(bench, "hello"), "repositories");
    }),
    step("platforms", "make an index of manifests", ["platforms"], async () => {
      const parts = Object.values(index.platforms).slice(0, 2);
      await call("manifest index create", remote("index:made"), ...parts);
      const made = await call("manifest fetch", remote("index:made"));
      for (const digest of parts) expectText(made, digest, "the index");
    }),
    step(
      "delete",
      "delete a manifest and a blob; one in use is refused",
      ["platforms"],
      async () => {
        const repo = remote("hello");
        await call("manifest delete", "--force", `${repo}@${hello.digest}`);
        const status = await manifestStatus(bench.registry, repository(bench, "hello"), "v1");
        expectEqual(status, 404, "GET of the deleted manifest");
        const [child = ""] = Object.values(index.platforms);
        const flags = [...tool.as("admin"), ...tool.plain, "--force"];
        const target = `${remote("index")}@${child}`;
        const refused = await bench.attempt(["oras", "manifest", "delete", ...flags, target]);
        if (refused.code === 0) throw new Error("an index's child could be deleted");
        const [blob = ""] = hello.layers;
        await call("blob delete", "--force", `${repo}@${blob}`);
      },
    ),
  ];
}
