/** The command line as people install it: a package of its own, in an empty folder, without any registry of packages. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packCli } from "../../scripts/pack-cli.ts";
import { type Server, startServer } from "../../scripts/server.ts";

const ROOT = join(import.meta.dirname, "../..");
const NAME = "@slipway-registry/cli";
const MOST_BYTES = 2 * 1024 * 1024;
let folder: string;
let installed: string;
let server: Server;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-package-"));
  const place = join(folder, "empty");
  await mkdir(place);
  const [tarball, started] = await Promise.all([packCli(folder), startServer()]);
  server = started;
  // --offline: it would fail where anything else is needed.
  await run(
    "npm",
    ["install", "--offline", "--no-audit", "--no-fund", "--prefix", place, tarball],
    place,
  );
  installed = join(place, "node_modules");
}, 180_000);

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** With this Node, and nothing of the checkout's. */
async function run(program: string, args: string[], cwd: string, env: Record<string, string> = {}) {
  const PATH = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;
  return promisify(execFile)(program, args, { cwd, env: { PATH, HOME: folder, ...env } });
}

test("it is installed without anything else, and small", async () => {
  const files = await readdir(installed, { recursive: true, withFileTypes: true });
  const own = files.filter((file) => file.isFile() && !file.parentPath.endsWith(".bin"));
  const paths = own.map(({ parentPath, name }) => join(parentPath, name));
  const inPackage = join(installed, ...NAME.split("/"));
  expect(paths.filter((path) => path !== join(installed, ".package-lock.json")).toSorted()).toEqual(
    ["LICENSE", "README.md", "THIRD-PARTY", "package.json", "slipway.js"].map((name) =>
      join(inPackage, name),
    ),
  );
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MOST_BYTES);
});

test("its manifest has what npm expects, under a name that can be owned, and no install script", async () => {
  const path = join(installed, ...NAME.split("/"), "package.json");
  const manifest = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  expect(manifest).toMatchObject({
    name: expect.stringMatching(/^@[a-z-]+\/[a-z-]+$/),
    license: "Apache-2.0",
    repository: { type: "git", url: expect.stringMatching(/^git\+https:/), directory: "src/cli" },
    bin: { slipway: "slipway.js" },
    type: "module",
  });
  const { dependencies, scripts } = manifest;
  expect([dependencies, scripts]).toEqual([undefined, undefined]);
  const root = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as {
    version: string;
  };
  expect(manifest["version"]).toBe(root.version);
  // The one package whose code is in it may need a newer Node, never an older one.
  const commander = await readFile(join(ROOT, "node_modules/commander/package.json"), "utf8");
  const { engines } = JSON.parse(commander) as { engines: { node: string } };
  expect((manifest["engines"] as { node: string }).node).toBe(engines.node.replace(/\.0$/, ""));
});

test("it runs from an empty folder: help, a login, a command, and no wish for more", async () => {
  const place = join(folder, "empty");
  const slipway = join(installed, ".bin", "slipway");
  const env = { XDG_CONFIG_HOME: join(folder, "config") };
  const { stdout: help } = await run(slipway, ["--help"], place, env);
  expect(help).toContain("Manages a Slipway registry");
  const login = `printf %s "$PASSWORD" | "$1" login "$2" -u admin --password-stdin`;
  const password = { ...env, PASSWORD: server.password };
  await run("sh", ["-c", login, "sh", slipway, server.url], place, password);
  const { stdout: me } = await run(slipway, ["whoami", "--json"], place, env);
  expect(JSON.parse(me)).toMatchObject({ name: "admin", admin: true });
  // What a command loads only when it runs is in the one file, too.
  const mirrored = join(folder, "mirrored.yml");
  const { host } = new URL(server.url);
  await writeFile(
    mirrored,
    `version: 1\nsync:\n  - { source: "${host}/a/none", target: "${host}/b/none", type: repository }\n`,
  );
  const sync = run(slipway, ["sync", mirrored, "--dry-run"], place, env);
  await expect(sync).rejects.toMatchObject({ stderr: expect.stringContaining("1 of 1") });
  expect(await readdir(place)).not.toContain(".slipway");
});

test("on a Node that is too old it says which one it needs", async () => {
  const code = join(installed, ...NAME.split("/"), "slipway.js");
  // Sets the version that an older Node would report, before anything else runs.
  const older = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.19.0" } });
    await import(process.argv[1]);`;
  const failed = run(process.execPath, ["--input-type=module", "-e", older, code], folder);
  await expect(failed).rejects.toMatchObject({
    code: 1,
    stderr: "slipway: Node 20.19.0 is too old: it needs 22.12 or newer\n",
  });
});

test("no page and no message shows a command that asks the public registry for a package that nobody owns", async () => {
  const pages = ["README.md", "docs", "src", "scripts"];
  const files = await Promise.all(pages.map((page) => filesOf(join(ROOT, page))));
  const shown = await Promise.all(
    files.flat().map(async (file) => {
      const found = (await readFile(file, "utf8")).match(
        /\b(npx|npm exec|npm x|bunx|pnpm dlx) (-\S+ )*slipway\b/,
      );
      return found === null ? [] : `${file}: ${found[0]}`;
    }),
  );
  expect(shown.flat()).toEqual([]);
});

async function filesOf(path: string): Promise<string[]> {
  if ((await stat(path)).isFile()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && /\.(md|ts|js|sh)$/.test(entry.name));
  return files.map(({ parentPath, name }) => join(parentPath, name));
}
