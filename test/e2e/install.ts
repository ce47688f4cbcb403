/**
 * Brings the clients onto the machine: Debian's packages, a tree of each other Debian release, and
 * Go modules built into a cache. What is there already is left alone, so a second run costs nothing.
 * Nothing here throws for one client's sake: what can't be had is told, and its clients fail.
 */
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { attempt, run } from "./shell.ts";

const DEBIAN_PACKAGES = [
  "docker.io",
  "containerd",
  "runc",
  "podman",
  "buildah",
  "skopeo",
  "busybox-static",
  "debootstrap",
  "ca-certificates",
];
/** From Debian 13 on, the docker command and its plugins are packages of their own. */
const TREE_PACKAGES = [
  "docker.io",
  "docker-cli",
  "docker-buildx",
  "containerd",
  "runc",
  "crun",
  "podman",
  "netavark",
  "buildah",
  "skopeo",
];

export const GO_MODULES: Record<string, string> = {
  crane: "github.com/google/go-containerregistry/cmd/crane@v0.21.9",
  oras: "oras.land/oras/cmd/oras@v1.3.6",
  regctl: "github.com/regclient/regclient/cmd/regctl@v0.11.7",
  helm: "helm.sh/helm/v3/cmd/helm@v3.19.5",
  cosign: "github.com/sigstore/cosign/v2/cmd/cosign@v2.6.2",
};

export function cacheFolder(): string {
  const base = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  return resolve(process.env.SLIPWAY_CACHE ?? join(base, "slipway"));
}

/** The machine's own release, such as "bookworm". */
export async function machineSuite(): Promise<string> {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  return /^VERSION_CODENAME=(\w+)/m.exec(text)?.[1] ?? "";
}

export async function installDebianPackages(): Promise<void> {
  const missing: string[] = [];
  for (const name of DEBIAN_PACKAGES) {
    const { stdout } = await attempt(["dpkg-query", "--show", "--showformat=${Status}", name]);
    if (!stdout.endsWith("ok installed")) missing.push(name);
  }
  if (missing.length === 0) return;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run(["apt-get", "update"], { env, timeout: 300 });
  // Installing an engine would start it as the machine's service; the suite starts its own.
  const guard = "/usr/sbin/policy-rc.d";
  const guarded = existsSync(guard);
  if (!guarded) await writeFile(guard, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    const install = ["apt-get", "install", "--yes", "--no-install-recommends", ...missing];
    await run(install, { env, timeout: 900 });
  } finally {
    if (!guarded) await rm(guard);
  }
}

/** Builds one tool into the cache and returns the path of its program. */
export async function installGoTool(cache: string, name: string): Promise<string> {
  const folder = join(cache, "bin");
  const version = GO_MODULES[name]?.split("@")[1] ?? "";
  const program = join(folder, `${name}-${version}`);
  if (existsSync(program)) return program;
  const draft = join(folder, "draft", name);
  await mkdir(join(folder, "draft"), { recursive: true });
  // Plain binaries, free of the machine's C library and of its checkout's version control.
  const env = { GOBIN: join(folder, "draft"), CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false" };
  const build = ["go", "install", "-p", "2", "-trimpath", "-ldflags=-s -w"];
  await run([...build, GO_MODULES[name] ?? name], { env, timeout: 900 });
  await rename(draft, program);
  return program;
}

/** A tree of another release in the cache. */
export async function installTree(cache: string, suite: string): Promise<string> {
  const tree = join(cache, suite);
  if (existsSync(tree)) return tree;
  const draft = `${tree}.draft`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(cache, { recursive: true });
  const mirror = await debianMirror();
  const include = "--include=ca-certificates";
  await run(["debootstrap", "--variant=minbase", include, suite, draft, mirror], { timeout: 900 });
  await writeFile(join(draft, "usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n");
  await chmod(join(draft, "usr/sbin/policy-rc.d"), 0o755);
  // The tree can be made again at any time: syncing each file to disk would only cost minutes.
  await writeFile(join(draft, "etc/dpkg/dpkg.cfg.d/unsafe-io"), "force-unsafe-io\n");
  await copyAptSettings(draft);
  // A mirror of the testing release may be out of date; its signature is checked all the same.
  await writeFile(
    join(draft, "etc/apt/apt.conf.d/95snapshot"),
    'Acquire::Check-Valid-Until "false";\n',
  );
  const environment = ["env", "DEBIAN_FRONTEND=noninteractive"];
  const install = ["apt-get", "install", "--yes", "--no-install-recommends", ...TREE_PACKAGES];
  await run(["chroot", draft, ...environment, ...install], { timeout: 900 });
  await run(["chroot", draft, "apt-get", "clean"]);
  await rename(draft, tree);
  return tree;
}

/** A proxy or a mirror's certificate that the machine needs, its tree needs as well. */
async function copyAptSettings(tree: string): Promise<void> {
  await copyFile("/etc/resolv.conf", join(tree, "etc/resolv.conf"));
  const folder = "etc/apt/apt.conf.d";
  for (const name of await readdir(`/${folder}`)) {
    const text = await readFile(`/${folder}/${name}`, "utf8");
    if (/Proxy|Acquire::http/i.test(text)) await writeFile(join(tree, folder, name), text);
  }
}

/** The mirror that the machine itself uses for Debian's main archive. */
async function debianMirror(): Promise<string> {
  const lists = "/etc/apt/sources.list.d";
  const names = await readdir(lists).catch(() => []);
  const files = ["/etc/apt/sources.list", ...names.map((name) => join(lists, name))];
  for (const path of files) {
    const text = await readFile(path, "utf8").catch(() => "");
    const uri = /^(?:URIs:|deb(?: \[[^\]]*\])?)\s+(https?:\/\/\S+\/debian\/?)(?=\s|$)/m.exec(text);
    if (uri?.[1] !== undefined) return uri[1];
  }
  throw new Error("no mirror of Debian's main archive in the machine's apt sources");
}
