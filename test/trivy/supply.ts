/** Fetches real packages by the ordinary clients of their kinds and keeps them in the cache. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../e2e/install.ts";
import { attempt, run } from "../e2e/shell.ts";

/** Returns a folder in the cache that `make` has filled; what else decides what is in it is `what`. */
async function kept(
  kind: string,
  what: unknown,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(what)).digest("hex").slice(0, 16);
  const parent = join(cacheFolder(), "trivy");
  const folder = join(parent, `${kind}-${hash}`);
  if (existsSync(folder)) return folder;
  await mkdir(parent, { recursive: true });
  const draft = await mkdtemp(join(parent, "draft-"));
  try {
    await make(draft);
    await rename(draft, folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return folder;
}

/** Installs Debian's packages that have programs which the machine lacks. */
export async function ensurePrograms(packages: Readonly<Record<string, string>>): Promise<void> {
  const missing = new Set<string>();
  for (const [program, name] of Object.entries(packages)) {
    const { code } = await attempt(["sh", "-c", `command -v ${program}`]);
    if (code !== 0) missing.add(name);
  }
  if (missing.size === 0) return;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run(["apt-get", "update"], { env, timeout: 300 });
  const install = ["apt-get", "install", "--yes", "--no-install-recommends", ...missing];
  await run(install, { env, timeout: 900 });
}

export interface Deb {
  readonly path: string;
  /** The fields of its control file. */
  readonly control: string;
}

/** Debian's packages by name, of the machine's own release. */
export async function debs(names: readonly string[]): Promise<readonly Deb[]> {
  const folder = await kept("deb", names, async (draft) => {
    await run(["apt-get", "update"], { timeout: 300 });
    const fetch = ["apt-get", "-o", "APT::Sandbox::User=root", "download", ...names];
    await run(fetch, { cwd: draft, timeout: 600 });
  });
  const files = (await readdir(folder)).toSorted().map((name) => join(folder, name));
  return Promise.all(
    files.map(async (path) => ({
      path,
      control: (await run(["dpkg-deb", "--field", path])).stdout,
    })),
  );
}

/** Unpacks the files of packages, as dpkg does. */
export async function unpackDebs(all: readonly Deb[], tree: string): Promise<void> {
  for (const { path } of all) await run(["dpkg-deb", "--extract", path, tree], { timeout: 300 });
}

/** Installs packages of npm: the lock file may hold them at different versions in different places. */
export async function npmTree(dependencies: Record<string, string>): Promise<string> {
  return kept("npm", dependencies, async (draft) => {
    const manifest = { name: "app", version: "1.0.0", private: true, dependencies };
    await writeFile(join(draft, "package.json"), JSON.stringify(manifest));
    const install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"];
    await run(install, { cwd: draft, timeout: 600 });
  });
}

/** Installs wheels of Python. */
export async function pythonTree(requirements: readonly string[]): Promise<string> {
  return kept("python", requirements, async (draft) => {
    const install = ["python3", "-m", "pip", "install", "--no-deps", "--no-compile", "--quiet"];
    await run([...install, "--target", draft, ...requirements], { cwd: draft, timeout: 600 });
  });
}

/** Jars of Maven Central, as group:artifact:version. */
export async function jars(coordinates: readonly string[]): Promise<string> {
  await ensurePrograms({ mvn: "maven", jar: "default-jdk-headless" });
  return kept("jar", coordinates, async (draft) => {
    for (const one of coordinates) {
      const goal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy";
      const copy = ["mvn", "--batch-mode", "--quiet", goal, `-Dartifact=${one}`];
      await run([...copy, `-DoutputDirectory=${draft}`], { cwd: draft, timeout: 600 });
    }
  });
}

/** Builds a program of Go from its files and returns the folder that has it as `program`. */
export async function goProgram(
  files: Record<string, string>,
  flags: readonly string[],
): Promise<string> {
  return kept("go", [files, flags], async (draft) => {
    const source = join(draft, "source");
    await mkdir(source);
    for (const [name, text] of Object.entries(files)) await writeFile(join(source, name), text);
    const env = { CGO_ENABLED: "0", GOFLAGS: "-mod=mod -buildvcs=false" };
    const build = ["go", "build", "-p", "1", ...flags, "-o", join(draft, "program"), "."];
    await run(build, { cwd: source, env, timeout: 900 });
    await rm(source, { recursive: true });
  });
}

/** Copies a folder's content, links as they are. */
export async function copyTree(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, verbatimSymlinks: true });
}
