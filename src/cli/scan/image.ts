/** The image that a command about scans is for. */
import { CliError } from "../error.ts";
import type { Api } from "../api.ts";
import { wholeDigest } from "../digest-prefix.ts";
import { readManifest } from "../manifest.ts";
import { repositoryPath } from "../repository-path.ts";
import { copyable } from "../sentence.ts";
import type { Target } from "../thing.ts";
import { readReport } from "./report.ts";

/** As it was typed; without a tag it is latest. */
export function nameOf({ repository, tag = "latest", digest }: Target): string {
  return digest === undefined ? `${repository}:${tag}` : `${repository}@${digest}`;
}

export function manifestPath(repository: string, digest: string): string {
  return `${repositoryPath(repository)}/-/manifests/${digest}`;
}

/** The digest of an image or an index. A HEAD request is no pull, and no policy refuses it. */
export async function digestOf(api: Api, target: Target): Promise<string> {
  const { repository, tag = "latest", digest } = target;
  if (digest !== undefined) return wholeDigest(api, repository, digest);
  const found = await api.request("HEAD", `/v2/${repository}/manifests/${tag}`);
  return found.headers.get("docker-content-digest") ?? "";
}

/**
 * The digest of the image of one platform.
 * @param wanted such as "linux/amd64"; it may be left out where there is one platform alone
 * @throws CliError that names the platforms
 */
export async function platformDigestOf(
  api: Api,
  target: Target,
  wanted: string | undefined,
): Promise<string> {
  const digest = await digestOf(api, target);
  const { kind, platforms } = await readManifest(api, target.repository, digest);
  const images =
    kind === "index"
      ? (await readReport(api, manifestPath(target.repository, digest))).images
      : [{ digest, platform: platforms[0] ?? null }];
  const [only, ...others] = images;
  if (only === undefined) throw new CliError(`${nameOf(target)} is an index without images`);
  if (wanted !== undefined) return pick(images, wanted, target);
  if (others.length === 0) return only.digest;
  const named = images.map((image) => image.platform ?? image.digest);
  throw new CliError(`${nameOf(target)} is an index of several images: ${named.join(", ")}`, {
    code: "NO_PLATFORM",
    hint: `Add ${copyable(`--platform ${only.platform ?? "OS/ARCH"}`)}, or name one by its digest.`,
  });
}

interface PlatformImage {
  readonly digest: string;
  readonly platform: string | null;
}

async function pick(
  images: readonly PlatformImage[],
  wanted: string,
  target: Target,
): Promise<string> {
  // Its parser takes long to load.
  const { childFor, parsePlatform } = await import("../image/platforms.ts");
  const children = images.map(({ digest, platform }) => ({
    digest,
    platform: platform === null ? null : parsePlatform(platform),
  }));
  return childFor(parsePlatform(wanted), children, nameOf(target)).digest;
}
