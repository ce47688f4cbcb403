/** containerd's ctr: uploads each blob in one PUT, from a store that keeps the very bytes. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hostsToml } from "../../src/cli/proxy/hosts-toml.ts";
import { anonymousStep } from "./access.ts";
import { reference, repository, step, type Bench, type Client, type Step } from "./client.ts";
import {
  expectEqual,
  expectLayout,
  expectMounted,
  expectSameFiles,
  expectStored,
  expectText,
} from "./compare.ts";
import { startContainerd } from "./engines.ts";
import type { Image } from "./images.ts";
import { expectRefusal } from "./shell.ts";
import { ctrVisitor } from "./visitors-engines.ts";
import { edgeSteps } from "./edge.ts";
import { visitSteps } from "./visits.ts";

/** Version 1.6 says one of three things, or hangs. */
const REFUSED_BY_CTR =
  /unexpected status(?: from PUT request to \S+)?: 413 Request Entity Too Large|io: read\/write on closed pipe|killed after/;

export async function ctr(bench: Bench): Promise<Client> {
  const engine = await startContainerd(bench);
  const tool = makeTool(bench, engine.socket);
  const stop = async () => expectEqual(await engine.stop(), [], "left behind");
  const visits = visitSteps(bench, (own) => ctrVisitor(own, engine.socket));
  const clean = step("clean", "containerd stops, leaving nothing behind", [], stop);
  const large = edgeSteps(bench, REFUSED_BY_CTR, (own) => ctrVisitor(own, engine.socket));
  return {
    steps: [
      ...accessSteps(bench, tool),
      ...imageSteps(bench, tool),
      ...visits,
      ...large,
      ...hostsSteps(bench, tool),
      clean,
    ],
  };
}

/** containerd keeps the registry's own name in the image's, and asks the proxy all the same. */
function hostsSteps(bench: Bench, tool: Tool): Step[] {
  const { edge: place, images, registry } = bench;
  if (place === undefined) return [];
  const run = async () => {
    const hosts = join(bench.folder, "hosts");
    const own = join(hosts, place.registry.host);
    const port = Number(new URL(place.proxied.url).port);
    await mkdir(own, { recursive: true });
    await writeFile(join(own, "hosts.toml"), hostsToml(place.registry.url, port, null));
    const name = `${place.registry.host}/${repository(bench, "own-name")}:v1`;
    await tool.call("images", "tag", "--force", await tool.load(images.large), name);
    const before = place.edge.refused;
    const account = ["--user", `${registry.user}:${registry.password}`];
    await tool.call("images", "push", "--hosts-dir", hosts, ...account, name);
    expectEqual(place.edge.refused, before, "requests that the edge refused");
    await expectSameFiles(bench, images.large, "own-name");
  };
  return [step("proxy", "the same by the registry's own name, with hosts.toml", [], run)];
}

type Tool = ReturnType<typeof makeTool>;

function makeTool(bench: Bench, socket: string) {
  const { registry, folder } = bench;
  const plain = registry.plain ? ["--plain-http"] : [];
  const account = ["--user", `${registry.user}:${registry.password}`];
  const base = ["ctr", "--address", socket];
  const call = async (...argv: string[]) => {
    const { stdout } = await bench.run([...base, ...argv], { timeout: 300 });
    return stdout.trim();
  };
  const remote = (name: string) => reference(bench, name);
  const load = async (image: Image) => {
    await call("images", "import", "--all-platforms", "--no-unpack", image.archive);
    return `docker.io/slipway/${image.name}:v1`;
  };
  const push = async (from: string, name: string) => {
    await call("images", "tag", "--force", from, remote(name));
    await call("images", "push", ...plain, ...account, remote(name));
  };
  /** Pulls into an empty store: without images, containerd deletes all content at once. */
  const pull = async (name: string, ...flags: string[]) => {
    const names = (await call("images", "list", "--quiet")).split("\n").filter(Boolean);
    if (names.length > 0) await call("images", "rm", "--sync", ...names);
    await call("images", "pull", ...plain, ...account, ...flags, remote(name));
  };
  /** Exports what was pulled as a layout, to compare. */
  const exported = async (name: string) => {
    const layout = join(folder, "exported");
    await rm(layout, { recursive: true, force: true });
    await mkdir(layout);
    await call("images", "export", "--all-platforms", `${layout}.tar`, remote(name));
    await bench.run(["tar", "--extract", "--file", `${layout}.tar`, "--directory", layout]);
    return layout;
  };
  return { plain, base, call, remote, load, push, pull, exported };
}

/** ctr has no login: each command gets the account. */
function accessSteps(bench: Bench, tool: Tool): Step[] {
  const { registry, images } = bench;
  const pullAs = (...account: string[]) =>
    bench.attempt([
      ...tool.base,
      "images",
      "pull",
      ...tool.plain,
      ...account,
      tool.remote("hello:v1"),
    ]);
  return [
    step("push", "push with an account", [], async () => {
      await tool.push(await tool.load(images.hello), "hello:v1");
      await expectStored(bench, images.hello, "hello");
    }),
    step("refusal", "a wrong password is refused", ["push"], async () =>
      expectRefusal(
        await pullAs("--user", `${registry.user}:not-${registry.password}`),
        /unauthorized|authorization failed|401/i,
      ),
    ),
    anonymousStep(() => pullAs()),
  ];
}

function imageSteps(bench: Bench, tool: Tool): Step[] {
  const { hello, twelve, index } = bench.images;
  const { call, load, push, pull, exported, remote } = tool;
  const runs = async (image: Image, name: string) => {
    const printed = await call("run", "--rm", "--snapshotter=overlayfs", remote(name), image.name);
    expectEqual(printed, image.sums, "what the image printed");
  };
  const pullAndCompare = async (image: Image, name: string, ...flags: string[]) => {
    await pull(name, ...flags);
    await expectLayout(image, await exported(name));
  };
  return [
    step("pull", "pull by tag", ["push"], () => pullAndCompare(hello, "hello:v1")),
    step("digest", "pull by digest", ["push"], () =>
      pullAndCompare(hello, `hello@${hello.digest}`),
    ),
    step("run", "run what was pulled", ["pull"], async () => {
      await pull("hello:v1");
      await runs(hello, "hello:v1");
    }),
    step("12 layers", "push, pull and run 12 layers", [], async () => {
      await push(await load(twelve), "twelve:v1");
      await expectStored(bench, twelve, "twelve");
      await pullAndCompare(twelve, "twelve:v1");
      await runs(twelve, "twelve:v1");
    }),
    step("copy", "push to another repository, blobs mounted", ["12 layers"], async () => {
      await pull("twelve:v1");
      await push(remote("twelve:v1"), "copied:v1");
      await expectStored(bench, twelve, "copied");
      expectMounted(bench, "copied", twelve.layers.length);
    }),
    step("platforms", "push an index, pull one platform, pull all", [], async () => {
      await push(await load(index), "index:v1");
      await expectStored(bench, index, "index");
      await pull("index:v1", "--platform=linux/arm64");
      expectText(await call("images", "list"), "linux/arm64", "platforms");
      await pullAndCompare(index, "index:v1", "--all-platforms");
      await runs(index, "index:v1");
    }),
  ];
}
