/** regctl: everything the API has. Told to, it uploads in chunks with Content-Range. */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { anonymousStep, loginSteps } from "./access.ts";
import { reference, repository, step, type Bench, type Client, type Step } from "./client.ts";
import {
  expectEqual,
  expectLayout,
  expectMounted,
  expectStored,
  expectText,
  referrersOf,
  requestsTo,
} from "./compare.ts";
import type { Image } from "./images.ts";
import { manifestStatus, readBlob } from "./registry.ts";
import { regctlVisitor } from "./visitors-tools.ts";
import { edgeSteps } from "./edge.ts";
import { visitSteps } from "./visits.ts";

const TYPE = "application/vnd.example.note";
const MIB = 1024 * 1024;

export function regctl(bench: Bench): Client {
  const tool = makeTool(bench);
  return {
    steps: [
      ...basicSteps(bench, tool),
      ...moreSteps(bench, tool),
      ...visitSteps(bench, regctlVisitor),
      ...edgeSteps(bench, null, regctlVisitor),
    ],
  };
}

type Tool = ReturnType<typeof makeTool>;

function makeTool(bench: Bench) {
  const { registry, folder } = bench;
  // REGCTL_CONFIG holds logins and settings; docker's credentials are not looked at.
  const as = (who: string) => ({
    env: { REGCTL_CONFIG: join(folder, `${who}.regctl.json`), DOCKER_CONFIG: join(folder, who) },
  });
  const call = async (...argv: string[]) => {
    const { stdout } = await bench.run(["regctl", ...argv], { ...as("admin"), timeout: 300 });
    return stdout.trim();
  };
  const trust = async (who: string) => {
    const tls = registry.plain ? "--tls=disabled" : "--tls=enabled";
    const settings = ["registry", "set", "--skip-check", tls, registry.host];
    await bench.run(["regctl", ...settings], as(who));
  };
  const remote = (name: string) => reference(bench, name);
  const push = async (image: Image, name = image.name) => {
    await call("image", "copy", `ocidir://${image.layout}:v1`, remote(`${name}:v1`));
    await expectStored(bench, image, name);
  };
  const pull = async (name: string, ...flags: string[]) => {
    const layout = join(folder, "layout");
    await rm(layout, { recursive: true, force: true });
    await call("image", "copy", ...flags, remote(name), `ocidir://${layout}:v1`);
    return layout;
  };
  return { as, call, trust, remote, push, pull };
}

function basicSteps(bench: Bench, tool: Tool): Step[] {
  const { registry, images } = bench;
  const { hello, twelve, big } = images;
  const { call, pull, push, remote } = tool;
  return [
    ...loginSteps(registry, async (password) => {
      await tool.trust("admin");
      const account = ["--user", registry.user, "--pass-stdin", registry.host];
      const options = { ...tool.as("admin"), input: password };
      return bench.attempt(["regctl", "registry", "login", ...account], options);
    }),
    step("push", "push", ["login"], () => push(hello)),
    step("pull", "pull by tag", ["push"], async () => expectLayout(hello, await pull("hello:v1"))),
    step("digest", "pull by digest", ["push"], async () => {
      await expectLayout(hello, await pull(`hello@${hello.digest}`));
      expectEqual(await call("image", "digest", remote("hello:v1")), hello.digest, "digest");
    }),
    anonymousStep(async () => {
      await tool.trust("nobody");
      return bench.attempt(["regctl", "manifest", "get", remote("hello:v1")], tool.as("nobody"));
    }),
    step("12 layers", "push and pull 12 layers", ["login"], async () => {
      await push(twelve);
      await expectLayout(twelve, await pull("twelve:v1"));
    }),
    step("copy", "copy to another repository, blobs mounted", ["12 layers"], async () => {
      await call("image", "copy", remote("twelve:v1"), remote("copied:v1"));
      await expectStored(bench, twelve, "copied");
      expectMounted(bench, "copied", twelve.layers.length);
    }),
    ...[twelve, big].map((image) => chunkedStep(bench, tool, image)),
  ];
}

/**
 * Many PATCH requests with Content-Range for one blob: the shape that few clients have. The blob
 * comes by pipe, since regctl mounts a blob that the registry has already anywhere.
 */
function chunkedStep(bench: Bench, tool: Tool, image: Image): Step {
  const feature = image.name === "big" ? "600 MB" : "12 layers";
  const mib = image.name === "big" ? 16 : 1;
  const name = `chunked-${image.name}`;
  return step(feature, `push the largest layer in chunks of ${mib} MiB`, ["login"], async () => {
    const size = `${mib * MIB}`;
    const chunks = ["--skip-check", `--blob-chunk=${size}`, `--blob-max=${size}`];
    await tool.call("registry", "set", ...chunks, bench.registry.host);
    const digest = image.layers.at(-1) ?? "";
    const file = join(image.layout, "blobs", digest.replace(":", "/"));
    const put = 'exec regctl blob put "$0" < "$1"';
    await bench.run(["sh", "-c", put, tool.remote(name), file], {
      ...tool.as("admin"),
      timeout: 300,
    });
    await readBlob(bench.registry, repository(bench, name), { mediaType: "", digest, size: 0 });
    const patches = requestsTo(bench, name, "PATCH");
    if (patches !== undefined && patches < 10) throw new Error(`only ${patches} PATCH requests`);
  });
}

function moreSteps(bench: Bench, tool: Tool): Step[] {
  const { hello, index } = bench.images;
  const { call, pull, push, remote } = tool;
  const status = (tag: string) => manifestStatus(bench.registry, repository(bench, "hello"), tag);
  return [
    step("tags", "list tags, list repositories", ["push"], async () => {
      for (const tag of ["v2", "v10"]) {
        await call("image", "copy", remote("hello:v1"), remote(`hello:${tag}`));
      }
      const tags = await call("tag", "ls", remote("hello"));
      expectEqual(tags.split("\n"), ["v1", "v10", "v2"], "tags");
      expectText(
        await call("repo", "ls", bench.registry.host),
        repository(bench, "hello"),
        "repos",
      );
    }),
    step("platforms", "push an index, read it, pull one platform", ["login"], async () => {
      await push(index);
      const text = await call("manifest", "get", "--format=raw-body", remote("index:v1"));
      for (const digest of Object.values(index.platforms)) expectText(text, digest, "index");
      await expectLayout(index, await pull("index:v1"));
      const arm64 = index.platforms["linux/arm64"] ?? "";
      await expectLayout(index, await pull("index:v1", "--platform=linux/arm64"), arm64);
    }),
    step(
      "referrers",
      "put an artifact with a subject, list it, copy image and artifact",
      ["push"],
      async () => {
        await writeFile(join(bench.folder, "note.txt"), "a note\n");
        const put = ["artifact", "put", `--artifact-type=${TYPE}`, "--file=note.txt"];
        await call(...put, `--subject=${remote("hello:v1")}`);
        expectText(await call("artifact", "list", remote("hello:v1")), TYPE, "list");
        await call("image", "copy", "--referrers", remote("hello:v1"), remote("whole:v1"));
        expectEqual(await referrersOf(bench, "whole", hello.digest), [TYPE], "referrers");
        const get = ["artifact", "get", `--filter-artifact-type=${TYPE}`];
        expectEqual(await call(...get, `--subject=${remote("whole:v1")}`), "a note", "artifact");
      },
    ),
    step("delete", "delete a tag, a manifest and a blob", ["tags"], async () => {
      await call("tag", "delete", remote("hello:v2"));
      expectEqual(await status("v2"), 404, "GET of the deleted tag");
      expectEqual(await status("v10"), 200, "GET of another tag of that manifest");
      await call("manifest", "delete", `${remote("hello")}@${hello.digest}`);
      expectEqual(await status("v10"), 404, "GET of the deleted manifest");
      await call("blob", "delete", remote("hello"), hello.layers[0] ?? "");
    }),
  ];
}
