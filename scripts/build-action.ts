/**
 * `npm run build-action`: writes action/dist, which GitHub runs as it is in the repository. A test compares it with the
 * sources.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundle, licences } from "./bundle.ts";

const ACTION = join(import.meta.dirname, "..", "action");
/** `main` and `post` are the step's, `slipway` is the part of the command line that runs the proxy. */
const PROGRAMS = ["main", "post", "slipway"];

if (import.meta.main) {
  await rm(join(ACTION, "dist"), { recursive: true, force: true });
  await buildAction(join(ACTION, "dist"));
}

export async function buildAction(out: string): Promise<void> {
  await mkdir(out, { recursive: true });
  const packages = new Set<string>();
  for (const name of PROGRAMS) {
    const entry = join(ACTION, "src", `${name}.ts`);
    const used = await bundle({ entry, outfile: join(out, `${name}.mjs`), target: "node24" });
    for (const folder of used) packages.add(folder);
  }
  await writeFile(join(out, "THIRD-PARTY"), await licences([...packages].toSorted()));
}
