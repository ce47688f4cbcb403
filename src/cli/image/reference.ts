/** Names of images, as they are typed: at a registry, in a folder, in an archive, in the docker daemon. */
import { statSync } from "node:fs";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { isRepositoryName, isTag } from "../../oci/reference.ts";
import { CliError } from "../error.ts";
import { parseRegistry } from "../registry-url.ts";

export interface RegistryImage {
  readonly kind: "registry";
  /** Such as "https://registry.example.com". */
  readonly registry: string;
  readonly repository: string;
  /** A digest wins over the tag beside it. */
  readonly tag: string | null;
  readonly digest: Digest | null;
}

/** An OCI layout: a folder, or an archive with one. */
export interface LayoutImage {
  readonly kind: "oci" | "oci-archive";
  readonly path: string;
  /** A tag, or any other name that its index.json gives to a manifest. */
  readonly name: string | null;
  readonly digest: Digest | null;
}

/** What `docker save` writes. */
export interface DockerArchive {
  readonly kind: "docker-archive";
  readonly path: string;
  readonly name: string | null;
}

export interface DaemonImage {
  readonly kind: "docker-daemon";
  readonly name: string;
}

export type ImageReference = RegistryImage | LayoutImage | DockerArchive | DaemonImage;

/** Docker Hub's API has another host than its names. */
const HUB = "https://registry-1.docker.io";
const HUB_NAMES = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

/** Kinds of images that other tools have, and what brings them here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  dir: "Make a layout of it: skopeo copy dir:FOLDER oci:OTHER:TAG",
  "containers-storage":
    "Save it: podman save --format oci-archive -o FILE NAME, then oci-archive:FILE",
  ostree: "Make a layout of it by skopeo copy",
  sif: "Make a layout of it by skopeo copy",
  tarball: "Make a layout of it by skopeo copy",
};

const TRANSPORT = /^(docker|oci|oci-archive|docker-archive|docker-daemon|https?):(.*)$/s;

/**
 * @param text such as `ghcr.io/acme/app:v1`, `docker://…`, `oci:DIR[:TAG]`, `oci-archive:FILE`, `docker-archive:FILE[:NAME]`,
 * `docker-daemon:NAME`
 */
export function parseImage(text: string): ImageReference {
  const [, transport, rest = ""] = TRANSPORT.exec(text) ?? [];
  requireKnown(text);
  switch (transport) {
    case undefined:
      return parseAtRegistry(text, text);
    case "docker":
      return parseAtRegistry(rest.replace(/^\/\//, ""), text);
    case "http":
    case "https":
      return parseAtRegistry(text, text);
    case "docker-daemon":
      if (rest === "") throw invalid(text);
      return { kind: "docker-daemon", name: rest };
    case "docker-archive":
      return { kind: "docker-archive", ...splitPath(rest, text) };
    case "oci":
    case "oci-archive": {
      const [, before = rest, digest = ""] = /^(.*)@([^@/]+)$/s.exec(rest) ?? [];
      if (isDigest(digest)) return { kind: transport, ...splitPath(before, text), digest };
      return { kind: transport, ...splitPath(rest, text), digest: null };
    }
    default:
      throw invalid(text);
  }
}

/** @throws CliError for an image of a kind that other tools have, with what to do instead */
export function requireKnown(text: string): void {
  const [, kind = "", rest = ""] = /^([a-z-]+):(.+)$/s.exec(text) ?? [];
  const hint = ELSEWHERE[kind];
  // "dir:v1" may be an image by that name, too, which has no host and is refused elsewhere.
  if (hint === undefined || (kind !== "containers-storage" && isTag(rest))) return;
  throw new CliError(`images of the kind ${kind}: are not read or written`, {
    code: "USAGE",
    hint,
  });
}

/** The same for an image at a registry alone. */
export function parseRegistryImage(text: string): RegistryImage {
  const image = parseImage(text);
  if (image.kind === "registry") return image;
  throw new CliError(`"${text}" is no image at a registry: write HOST/REPOSITORY:TAG`, {
    code: "USAGE",
  });
}

function parseAtRegistry(name: string, text: string): RegistryImage {
  const [, scheme = "", host = "", path = ""] = /^(https?:\/\/)?([^/]*)\/(.*)$/s.exec(name) ?? [];
  if (scheme === "" && !/[.:]/.test(host) && host !== "localhost") throw withoutHost(name, text);
  const [, bare = "", tag, digest] = /^([^:@]*)(?::([^:@]*))?(?:@(.*))?$/.exec(path) ?? [];
  const isHub = HUB_NAMES.has(host);
  const repository = isHub && bare !== "" && !bare.includes("/") ? `library/${bare}` : bare;
  const isRight = (tag === undefined || isTag(tag)) && (digest === undefined || isDigest(digest));
  if (!isRight) throw invalid(text);
  if (!isRepositoryName(repository)) throw wrongName(bare, text);
  const registry = isHub ? HUB : parseRegistry(scheme + host);
  return { kind: "registry", registry, repository, tag: tag ?? null, digest: digest ?? null };
}

function wrongName(name: string, text: string): CliError {
  const lower = name.toLowerCase();
  if (lower === name || !isRepositoryName(lower)) return invalid(text);
  return new CliError(`"${text}": names of repositories are in lower case`, {
    code: "USAGE",
    hint: `Write ${text.replace(`/${name}`, `/${lower}`)}`,
  });
}

/** A name without a host would be Docker Hub's to docker, and this registry's to slipway's other commands. */
function withoutHost(name: string, text: string): CliError {
  const [first = ""] = name.split(/[:@]/);
  if (!isRepositoryName(first)) return invalid(text);
  return new CliError(`"${text}" does not say which registry: begin it with the registry's host`, {
    code: "USAGE",
    hint: `For Docker Hub: docker.io/${name}`,
  });
}

function splitPath(rest: string, text: string): { path: string; name: string | null } {
  if (rest === "") throw invalid(text);
  const [, path = "", name = ""] = /^([^:]+):(.+)$/s.exec(rest) ?? [];
  // A path may have a colon, too.
  if (path === "" || exists(rest)) return { path: rest, name: null };
  return { path, name };
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function invalid(text: string): CliError {
  return new CliError(
    `"${text}" names no image: write it as HOST/REPOSITORY:TAG, oci:FOLDER:TAG, oci-archive:FILE, docker-archive:FILE or docker-daemon:NAME`,
    { code: "USAGE" },
  );
}

/** The reference as it can be typed. */
export function showImage(image: ImageReference): string {
  switch (image.kind) {
    case "registry": {
      const tag = image.tag === null ? "" : `:${image.tag}`;
      const digest = image.digest === null ? "" : `@${image.digest}`;
      return `${hostOf(image.registry)}/${image.repository}${tag}${digest}`;
    }
    case "docker-daemon":
      return `docker-daemon:${image.name}`;
    case "docker-archive":
      return `docker-archive:${image.path}${image.name === null ? "" : `:${image.name}`}`;
    case "oci":
    case "oci-archive": {
      const name = image.name === null ? "" : `:${image.name}`;
      return `${image.kind}:${image.path}${image.digest === null ? "" : `@${image.digest}`}${name}`;
    }
  }
}

/** The host that image names begin with. */
export function hostOf(registry: string): string {
  return registry === HUB ? "docker.io" : new URL(registry).host;
}
