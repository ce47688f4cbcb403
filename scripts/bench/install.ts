/** Installs the peers into a cache; what is there already costs nothing. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheFolder } from "../../test/e2e/install.ts";
import { attempt, run } from "../../test/e2e/shell.ts";

/** "found": only what exists; "built": the rest is downloaded and built, which takes minutes. */
export type Supply = "found" | "built";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * Finds Debian's docker-registry: the machine's own if it has the version, else the package of that release, unpacked.
 */
export async function debianProgram(
  suite: string,
  version: string,
  supply: Supply,
): Promise<string> {
  const name = "docker-registry";
  const own = await attempt([name, "--version"]).catch(() => null);
  if (own?.stdout.includes(` ${version}`)) return name;
  const folder = join(cacheFolder(), "bench", `${name}-${version}`);
  const program = join(folder, "usr/bin", name);
  if (!existsSync(program)) {
    if (supply === "found") throw new Error("not installed, and a short run installs nothing");
    await unpackPackage(name, suite, folder);
  }
  const found = await attempt([program, "--version"]);
  if (!found.stdout.includes(` ${version}`)) {
    throw new Error(`Debian's ${suite} has another: ${found.output.trim()}`);
  }
  return program;
}

/** Unpacks a package of another release, by an apt with lists and a cache of its own. */
async function unpackPackage(name: string, suite: string, folder: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), "slipway-apt-"));
  try {
    await mkdir(join(work, "lists/partial"), { recursive: true });
    await mkdir(join(work, "archives/partial"), { recursive: true });
    await writeFile(join(work, "status"), "");
    const source = `deb [signed-by=${KEYRING}] ${await debianMirror()} ${suite} main\n`;
    await writeFile(join(work, "sources.list"), source);
    const settings = {
      "Dir::State": work,
      "Dir::State::status": `${work}/status`,
      "Dir::Cache": work,
    };
    const sources = {
      "Dir::Etc::SourceList": `${work}/sources.list`,
      "Dir::Etc::SourceParts": "-",
    };
    const lines = Object.entries({ ...settings, ...sources, "APT::Sandbox::User": "root" });
    const config = join(work, "apt.conf");
    await writeFile(config, lines.map(([key, value]) => `${key} "${value}";\n`).join(""));
    const options = { env: { APT_CONFIG: config }, cwd: work, timeout: 300 };
    await run(["apt-get", "update"], options);
    await run(["apt-get", "download", name], options);
    const file = (await readdir(work)).find((entry) => entry.endsWith(".deb"));
    if (file === undefined) throw new Error(`apt-get downloaded no ${name}`);
    const draft = `${folder}.draft`;
    await mkdir(draft, { recursive: true });
    await run(["dpkg-deb", "--extract", join(work, file), draft]);
    await rename(draft, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The mirror of Debian's main archive that the machine itself uses. */
async function debianMirror(): Promise<string> {
  const format = "$(ORIGIN) $(SUITE) $(REPO_URI)";
  const argv = ["apt-get", "indextargets", "--format", format, "Created-By: Packages"];
  const { stdout } = await run(argv);
  const uri = /^Debian [a-z]+ (\S+)$/m.exec(stdout)?.[1];
  if (uri === undefined) throw new Error("no mirror of Debian's main archive in apt's sources");
  return uri;
}

/** Builds a program of a Go module, once for each version. */
export async function goProgram(
  module: string,
  env: Readonly<Record<string, string>>,
  supply: Supply,
): Promise<string> {
  const [path = "", version = ""] = module.split("@");
  const base = path.slice(path.lastIndexOf("/") + 1);
  const folder = join(cacheFolder(), "bench");
  const program = join(folder, `${base}-${version}`);
  if (existsSync(program)) return program;
  if (supply === "found") throw new Error("not built, and a short run builds nothing");
  const draft = join(folder, "draft");
  await mkdir(draft, { recursive: true });
  console.log(`building ${module}: once, some minutes`);
  const install = ["go", "install", "-trimpath", "-ldflags=-s -w", module];
  const options = { env: { ...env, GOBIN: draft, CGO_ENABLED: "0" }, timeout: 1200 };
  const result = await attempt(install, options);
  if (result.code !== 0) throw new Error(`go install ${module}: ${reasonOf(result.output)}`);
  await rename(join(draft, base), program);
  return program;
}

/** Returns the reason of a failure, which is the last line that Go prints. */
function reasonOf(output: string): string {
  return output.trimEnd().split("\n").at(-1)?.split(": ").at(-1)?.trim() ?? "";
}
