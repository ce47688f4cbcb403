/** The credentials that this machine holds for a registry: those of `slipway login`, and those of docker and podman. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { readConfig } from "../config.ts";
import { namedByEnvironment } from "../connection.ts";
import { CliError } from "../error.ts";
import { reasonOf } from "../file.ts";
import { fromHelper } from "./credential-helper.ts";

export interface RegistryCredentials {
  /** `IDENTITY_TOKEN` where the password is an identity token. */
  readonly user: string;
  readonly password: string;
}

/** The user name by which docker's credential helpers mark an identity token, which is for a token service alone. */
export const IDENTITY_TOKEN = "<token>";

/** The key under which docker keeps the credentials of Docker Hub. */
const HUB_KEY = "https://index.docker.io/v1/";
const HUB_HOSTS = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

const Entry = v.object({
  /** base64 of "user:password". */
  auth: v.nullish(v.string(), ""),
  identitytoken: v.nullish(v.string(), ""),
});
const DockerConfig = v.object({
  auths: v.nullish(v.record(v.string(), Entry), {}),
  credsStore: v.nullish(v.string(), ""),
  credHelpers: v.nullish(v.record(v.string(), v.string()), {}),
});
type DockerConfig = v.InferOutput<typeof DockerConfig>;

/**
 * The credentials for a registry, from the first place that has some: `SLIPWAY_TOKEN` if it is for this registry, `slipway login`,
 * docker's config, podman's.
 * @param registry its origin, such as "https://registry.example.com"
 */
export async function registryCredentials(registry: string): Promise<RegistryCredentials | null> {
  return (await loginCredentials(registry)) ?? dockerCredentials(new URL(registry).host);
}

/** The credentials of the command line itself. `SLIPWAY_TOKEN` goes to the one registry that it is for. */
export async function loginCredentials(registry: string): Promise<RegistryCredentials | null> {
  const { current, logins } = await readConfig();
  const token = process.env["SLIPWAY_TOKEN"]?.trim();
  if (token && (namedByEnvironment() ?? current) === registry) {
    // A secret says by itself whose it is, so its user may stay out.
    return { user: "", password: token };
  }
  const login = logins[registry];
  return login === undefined ? null : { user: login.user, password: login.token };
}

/**
 * The credentials that docker or podman keep, by themselves or by a credential helper.
 * @param host with its port, such as "ghcr.io" or "localhost:5000"
 * @throws CliError for a config that cannot be read, and for a helper that fails
 */
export async function dockerCredentials(host: string): Promise<RegistryCredentials | null> {
  const given = process.env["DOCKER_AUTH_CONFIG"];
  if (given) {
    const found = await inConfig(parseConfig(given, "DOCKER_AUTH_CONFIG"), host);
    if (found !== null) return found;
  }
  for (const file of configFiles()) {
    const text = await readIfThere(file);
    const found = text === null ? null : await inConfig(parseConfig(text, file), host);
    if (found !== null) return found;
  }
  return null;
}

/** docker's config, then podman's (containers-auth.json(5)). */
function configFiles(): string[] {
  const { DOCKER_CONFIG, REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, XDG_CONFIG_HOME } = process.env;
  const home = homedir();
  return [
    join(DOCKER_CONFIG || join(home, ".docker"), "config.json"),
    ...(REGISTRY_AUTH_FILE ? [REGISTRY_AUTH_FILE] : []),
    // Where there is no XDG_RUNTIME_DIR, podman and skopeo take what it usually is.
    XDG_RUNTIME_DIR
      ? join(XDG_RUNTIME_DIR, "containers", "auth.json")
      : `/run/containers/${process.getuid?.() ?? 0}/auth.json`,
    join(XDG_CONFIG_HOME || join(home, ".config"), "containers", "auth.json"),
  ];
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new CliError(`cannot read ${file}: ${reasonOf(error)}`, { cause: error });
  }
}

function parseConfig(text: string, source: string): DockerConfig {
  try {
    return v.parse(DockerConfig, JSON.parse(text));
  } catch (error) {
    const why = v.isValiError(error) ? `${v.getDotPath(error.issues[0]) ?? "it"} is wrong` : "";
    throw new CliError(`cannot read ${source}: ${why || "it is no JSON"}`, { cause: error });
  }
}

async function inConfig(
  { auths, credsStore, credHelpers }: DockerConfig,
  host: string,
): Promise<RegistryCredentials | null> {
  const key = HUB_HOSTS.has(host) ? HUB_KEY : host;
  const wanted = hostOf(key);
  const own = Object.entries(auths).find(([name]) => hostOf(name) === wanted)?.[1];
  const kept = own === undefined ? null : inEntry(own);
  const helper = Object.entries(credHelpers).find(([name]) => hostOf(name) === wanted)?.[1];
  if (helper !== undefined) return fromHelper(helper, key);
  if (kept !== null || credsStore === "") return kept;
  return fromHelper(credsStore, key);
}

/** An entry without credentials only says that one logged in there, and that a helper has them. */
function inEntry({ auth, identitytoken }: v.InferOutput<typeof Entry>): RegistryCredentials | null {
  if (identitytoken !== "") return { user: IDENTITY_TOKEN, password: identitytoken };
  const [, user = "", password = ""] =
    /^([^:]*):([^]*)$/.exec(Buffer.from(auth, "base64").toString()) ?? [];
  return user === "" ? null : { user, password: password.replaceAll("\0", "") };
}

/** Older configs name a registry by an URL; one with another path is podman's, for a single repository. */
function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/(?:v[12]\/?)?$/, "");
}
