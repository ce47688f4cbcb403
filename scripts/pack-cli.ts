/**
 * `npm run pack-cli`: packs the command line as src/cli/package.json describes it, in build/slipway-cli.tgz. All of its
 * code is in one file, so that installing it fetches no further package.
 */
import { execFile } from "node:child_process";
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
const SOURCE = join(ROOT, "src", "cli");
const TARBALL = "slipway-cli.tgz";

interface Manifest {
  readonly engines: { readonly node: string };
}

if (import.meta.main) {
  console.log(await packCli(resolve(process.argv[2] ?? join(ROOT, "build"))));
}

/** @returns the package's path */
export async function packCli(out: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-cli-"));
  try {
    const { engines } = JSON.parse(
      await readFile(join(SOURCE, "package.json"), "utf8"),
    ) as Manifest;
    const packages = await bundle(join(folder, "slipway.js"), engines.node);
    await writeFile(join(folder, "THIRD-PARTY"), await licences(packages));
    for (const name of ["package.json", "README.md"]) {
      await copyFile(join(SOURCE, name), join(folder, name));
    }
    await copyFile(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
    await mkdir(out, { recursive: true });
    const pack = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
    const { stdout } = await promisify(execFile)("npm", pack, { cwd: folder });
    const [packed] = JSON.parse(stdout) as { filename: string }[];
    if (packed === undefined) throw new Error("npm pack made nothing");
    await copyFile(join(folder, packed.filename), join(out, `${TARBALL}.new`));
    await rename(join(out, `${TARBALL}.new`), join(out, TARBALL));
    return join(out, TARBALL);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @returns the folders of the packages whose code is in it */
async function bundle(outfile: string, needs: string): Promise<Set<string>> {
  const { metafile } = await build({
    entryPoints: [join(SOURCE, "main.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    // A target that older versions can parse, so that they can report that they are too old.
    target: "es2022",
    charset: "utf8",
    metafile: true,
    absWorkingDir: ROOT,
    banner: { js: `#!/usr/bin/env node\n${ageCheck(needs)}` },
  });
  const inputs = Object.keys(metafile.inputs);
  const found = inputs.flatMap((path) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return new Set(found);
}

function ageCheck(needs: string): string {
  const least = needs.replace(/^>=/, "");
  return `{
  const [major, minor] = process.versions.node.split(".").map(Number);
  const [needsMajor, needsMinor] = "${least}".split(".").map(Number);
  if (major < needsMajor || (major === needsMajor && minor < needsMinor)) {
    console.error(\`slipway: Node \${process.versions.node} is too old: it needs ${least} or newer\`);
    process.exit(1);
  }
}`;
}

async function licence(folder: string): Promise<string> {
  const file = (await readdir(folder)).find((name) => /^licen[cs]e(\.|$)/i.test(name));
  if (file === undefined) throw new Error(`${folder} has no licence`);
  return readFile(join(folder, file), "utf8");
}

/** Collects the licence texts of other packages' code, which have to be delivered with it. */
async function licences(packages: Iterable<string>): Promise<string> {
  const texts = Array.from(packages, async (folder) => {
    const manifest = await readFile(join(ROOT, folder, "package.json"), "utf8");
    const { name, version } = JSON.parse(manifest) as { name: string; version: string };
    return `${name} ${version}\n\n${await licence(join(ROOT, folder))}`;
  });
  return (await Promise.all(texts)).join("\n\n");
}
