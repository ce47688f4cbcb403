/** A client of the suite: a table of named steps, run in order. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Images } from "./images.ts";
import type { Registry } from "./registry.ts";
import * as shell from "./shell.ts";
import type { Result, RunOptions } from "./shell.ts";
import type { EdgePlace } from "./edge.ts";
import type { Gate } from "./visitor.ts";

/** The columns of the final table. */
export const FEATURES = [
  "login",
  "refusal",
  "push",
  "pull",
  "digest",
  "run",
  "tags",
  "copy",
  "platforms",
  "referrers",
  "sign",
  "12 layers",
  "600 MB",
  "build",
  "delete",
  "too large",
  "proxy",
  "clean",
] as const;

/** The columns of the table about accounts: by which login a client worked, and that it was refused where it should be. */
export const ACCESS_FEATURES = [
  "accounts",
  "public",
  "password",
  "token",
  "robot",
  "oidc",
  "exchanged",
  "denied",
  "immutable",
  "quota",
  "unauthorized",
] as const;

export type Feature = (typeof FEATURES)[number] | (typeof ACCESS_FEATURES)[number];

export interface Step {
  feature: Feature;
  name: string;
  /** Features without which this step can't work; when one has failed, so has this step. */
  needs: Feature[];
  run: () => Promise<unknown>;
}

export function step(
  feature: Feature,
  name: string,
  needs: Feature[],
  run: () => Promise<unknown>,
): Step {
  return { feature, name, needs, run };
}

export interface Client {
  steps: Step[];
}

/** The surroundings of every client. */
export interface Bench {
  id: string;
  registry: Registry;
  images: Images;
  /** The suite of the account cases; undefined for a registry that this run did not start. */
  gate: Gate | undefined;
  /** The registry behind a limit; undefined for one that this run did not start. */
  edge: EdgePlace | undefined;
  /** A folder of its own, at the same path in its rootfs. */
  folder: string;
  env: Record<string, string>;
  /** Puts a command into its room. */
  enter: (argv: string[], cwd?: string) => string[];
  run(argv: string[], options?: RunOptions): Promise<Result>;
  attempt(argv: string[], options?: RunOptions): Promise<Result>;
}

/** The credentials of podman, buildah and skopeo; some commands look in the one place only. */
export function credentials(bench: Bench, who: string): Record<string, string> {
  const folder = join(bench.folder, who);
  return { XDG_RUNTIME_DIR: folder, REGISTRY_AUTH_FILE: join(folder, "containers", "auth.json") };
}

/** The path of a repository of this client, as the API has it. */
export function repository(bench: Bench, name: string): string {
  return `${bench.registry.namespace}/${bench.id.replace("@", "-")}/${name}`;
}

/** Returns the reference with the registry's host in front, as clients write it. */
export function reference(bench: Bench, name: string): string {
  return `${bench.registry.host}/${repository(bench, name)}`;
}

export interface Place {
  id: string;
  registry: Registry;
  images: Images;
  gate: Gate | undefined;
  edge: EdgePlace | undefined;
  work: string;
  enter: (argv: string[], cwd?: string) => string[];
}

/** A client's home: its settings, credentials and caches are its own and go with the run. */
export async function makeBench(place: Place): Promise<Bench> {
  const { id, registry, images, gate, edge } = place;
  const folder = join(place.work, id.replace("@", "-"));
  await mkdir(join(folder, "home"), { recursive: true });
  // podman and similar clients require that their credentials file exists.
  for (const who of ["admin", "nobody"]) {
    await mkdir(join(folder, who, "containers"), { recursive: true });
    await writeFile(join(folder, who, "containers", "auth.json"), "{}");
  }
  const env = {
    HOME: join(folder, "home"),
    // The packages of the release come first: a machine may have other versions of its own.
    PATH: `${place.work}/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin`,
    XDG_CONFIG_HOME: join(folder, "home", "config"),
    XDG_CACHE_HOME: join(folder, "home", "cache"),
    XDG_DATA_HOME: join(folder, "home", "data"),
    TMPDIR: folder,
  };
  const settle = (argv: string[], options: RunOptions) => ({
    ...options,
    env: { ...env, ...options.env },
    shown: argv.join(" "),
  });
  const enter = (argv: string[], cwd = folder) => place.enter(argv, cwd);
  return {
    id,
    registry,
    images,
    gate,
    edge,
    folder,
    env,
    enter,
    run: (argv, options = {}) => shell.run(enter(argv, options.cwd), settle(argv, options)),
    attempt: (argv, options = {}) => shell.attempt(enter(argv, options.cwd), settle(argv, options)),
  };
}
