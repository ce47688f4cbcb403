/** Some platforms of an image instead of all. */
import { buffer } from "node:stream/consumers";
import * as v from "valibot";
import { CliError, UsageError } from "../error.ts";
import {
  childrenOf,
  type Descriptor,
  type Manifest,
  MAX_MANIFEST_BYTES,
  writeManifest,
} from "./manifest.ts";
import type { ImageSource } from "./source.ts";

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant: string;
}

/** @param text such as "linux/amd64" or "linux/arm/v7" */
export function parsePlatform(text: string): Platform {
  const [, os = "", architecture = "", variant = ""] =
    /^([\w.-]+)\/([\w.-]+)(?:\/([\w.-]+))?$/.exec(text) ?? [];
  if (os === "")
    throw new UsageError(`"${text}" is no platform`, "Write it as linux/amd64 or linux/arm/v7");
  return { os, architecture, variant };
}

/** The annotation by which BuildKit names the image that an attestation is about. */
const SUBJECT = "vnd.docker.reference.digest";

/**
 * The manifest that is copied: the image of one platform; or for several an index of them, with their attestations.
 * @throws CliError if the image does not have one of them
 */
export async function selectPlatforms(
  source: ImageSource,
  root: Manifest,
  wanted: readonly Platform[],
): Promise<Manifest> {
  if (wanted.length === 0) return root;
  const children = childrenOf(root);
  if (children.length === 0) {
    await requirePlatform(source, root, wanted);
    return root;
  }
  const found = wanted.map((platform) => childFor(platform, children, source.name));
  const [only] = found;
  if (only !== undefined && found.length === 1) return source.manifest(only);
  const digests = new Set<string>(found.map(({ digest }) => digest));
  const written = JSON.parse(root.bytes.toString()) as { manifests: readonly Descriptor[] };
  const manifests = written.manifests.filter(
    ({ digest, annotations }) => digests.has(digest) || digests.has(annotations?.[SUBJECT] ?? ""),
  );
  return writeManifest({ ...written, manifests }, root.mediaType);
}

interface OfPlatform {
  readonly platform?: Platform | null | undefined;
}

/** The only one of a platform. @throws CliError that names the platforms of all */
export function childFor<T extends OfPlatform>(
  wanted: Platform,
  children: readonly T[],
  name: string,
): T {
  const matching = children.filter(({ platform }) => platform != null && isSame(platform, wanted));
  const exact = matching.find(({ platform }) => platform?.variant === wanted.variant);
  const found = exact ?? matching[0];
  if (found !== undefined && (exact !== undefined || matching.length === 1)) return found;
  const which = matching.length === 0 ? children : matching;
  const shown = which.flatMap(({ platform }) =>
    platform?.os && platform.os !== "unknown" ? show(platform) : [],
  );
  const problem = matching.length === 0 ? "has no" : "has several of";
  throw new CliError(`${name} ${problem} ${show(wanted)}; it has ${shown.join(", ")}`, {
    code: "NO_PLATFORM",
  });
}

const Config = v.object({
  os: v.nullish(v.string(), ""),
  architecture: v.nullish(v.string(), ""),
  variant: v.nullish(v.string(), ""),
});

/** An image that is of one platform says in its config of which. */
async function requirePlatform(
  source: ImageSource,
  { body }: Manifest,
  wanted: readonly Platform[],
) {
  const { config } = body;
  if (config == null || config.size > MAX_MANIFEST_BYTES) return;
  const text = (await buffer(await source.open(config, 0))).toString();
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Config), text);
  // An artifact has no platform.
  if (!parsed.success || parsed.output.os === "") return;
  const { output } = parsed;
  if (wanted.some((platform) => isSame(output, platform))) return;
  throw new CliError(`${source.name} is for ${show(output)} alone`, { code: "NO_PLATFORM" });
}

/** A variant that is not asked for may be any. */
function isSame(has: Platform, wanted: Platform): boolean {
  const [a, b] = [has, wanted].map(({ architecture, variant }) =>
    // image-index.md: the variant of arm64 is v8, and mostly left out.
    architecture === "arm64" && variant === "v8" ? "" : variant,
  );
  return has.os === wanted.os && has.architecture === wanted.architecture && (a === b || b === "");
}

function show({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter((part) => part !== "").join("/");
}

/** The same source with these platforms alone. */
export function withPlatforms(source: ImageSource, platforms: readonly Platform[]): ImageSource {
  if (platforms.length === 0) return source;
  return {
    name: source.name,
    mountable: source.mountable,
    root: async () => selectPlatforms(source, await source.root(), platforms),
    manifest: (child) => source.manifest(child),
    open: (blob, offset) => source.open(blob, offset),
    referrers: (subject) => source.referrers(subject),
    tagged: (tag) => source.tagged(tag),
    close: () => source.close(),
  };
}
