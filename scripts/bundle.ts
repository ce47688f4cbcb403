/** Programs as one file each, for places where no package is installed. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..");

/** Packages in CommonJS load Node's own modules by it, which a module does not have. */
const REQUIRE = `
import { createRequire as requireOf } from "node:module";
const require = requireOf(import.meta.url);`;

export interface Bundle {
  readonly entry: string;
  readonly outfile: string;
  readonly target: string;
  readonly banner?: string;
}

/**
 * Writes a program with all that it imports. The same sources give the same bytes.
 * @returns the folders of the packages whose code is in it
 */
export async function bundle({
  entry,
  outfile,
  target,
  banner = "",
}: Bundle): Promise<Set<string>> {
  const { metafile } = await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target,
    charset: "utf8",
    metafile: true,
    absWorkingDir: ROOT,
    banner: { js: `${banner}${REQUIRE}` },
  });
  const inputs = Object.keys(metafile.inputs);
  const found = inputs.flatMap((path) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return new Set(found);
}

/** Collects the licence texts of other packages' code, which have to be delivered with it. */
export async function licences(packages: Iterable<string>): Promise<string> {
  const texts = Array.from(packages, async (folder) => {
    const manifest = await readFile(join(ROOT, folder, "package.json"), "utf8");
    const { name, version } = JSON.parse(manifest) as { name: string; version: string };
    const file = (await readdir(join(ROOT, folder))).find((one) => /^licen[cs]e/i.test(one));
    if (file === undefined) throw new Error(`${name} comes without a licence`);
    return `${name} ${version}\n\n${await readFile(join(ROOT, folder, file), "utf8")}`;
  });
  return (await Promise.all(texts)).join("\n\n");
}
