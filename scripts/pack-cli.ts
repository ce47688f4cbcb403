/**
 * `npm run pack-cli`: packs the command line as src/cli/package.json describes it, in build/slipway-cli.tgz. All of its
 * code is in one file, so that installing it fetches no further package.
 */
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { bundle, licences } from "./bundle.ts";

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
    const packages = await bundle({
      entry: join(SOURCE, "main.ts"),
      outfile: join(folder, "slipway.js"),
      // A target that older versions can parse, so that they can report that they are too old.
      target: "es2022",
      banner: `#!/usr/bin/env node\n${ageCheck(engines.node)}`,
    });
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
