import { statSync } from "node:fs";
import { isTag } from "../../oci/reference.ts";
import { UsageError } from "../error.ts";
import { Cache } from "../image/cache.ts";
import { Connections } from "../image/connections.ts";
import { type Opening, openSource } from "../image/open-source.ts";
import { parsePlatform } from "../image/platforms.ts";
import {
  type ImageReference,
  type LayoutImage,
  parseImage,
  type RegistryImage,
  requireKnown,
  showImage,
} from "../image/reference.ts";
import { bytes, type Output } from "../output.ts";
import { makeProgress } from "../upload/progress.ts";
import type { CopyOptions } from "./command.ts";
import { type Copied, copyImage, type Copying } from "./copy-image.ts";
import { interruptible } from "./interruptible.ts";
import { LayoutTarget } from "./layout-target.ts";
import { RegistryTarget } from "./registry-target.ts";
import type { ImageTarget } from "./target.ts";

export interface Options extends CopyOptions {
  readonly output: Output;
}

export type TargetImage = RegistryImage | LayoutImage;

/** `slipway copy` */
export async function copy(source: string, target: string, options: Options): Promise<void> {
  const from = parseImage(source);
  await run(from, parseTarget(target, from), options);
}

/** `slipway push` */
export async function push(image: string, target: string | null, options: Options): Promise<void> {
  const from = parsePushed(image);
  if (target !== null) return run(from, parseTarget(target, from), options);
  if (from.kind !== "docker-daemon") {
    throw new UsageError(
      "push it where to?",
      `Name the target: slipway push ${image} HOST/REPOSITORY:TAG`,
    );
  }
  await run(from, parseTarget(from.name, from), options);
}

/** A plain name is the docker daemon's, as for docker push. */
function parsePushed(text: string): ImageReference {
  if (/^(?:docker-daemon|docker-archive|oci|oci-archive|docker):/.test(text))
    return parseImage(text);
  const found = statSync(text, { throwIfNoEntry: false });
  if (found === undefined) requireKnown(text);
  if (found === undefined) return { kind: "docker-daemon", name: text };
  const transport = found.isDirectory() ? "oci" : "docker-archive";
  throw new UsageError(`"${text}" is the name of a file here`, `To push it: ${transport}:${text}`);
}

export function parseTarget(text: string, source: ImageReference): TargetImage {
  const target = parseImage(text);
  if (target.kind !== "registry" && target.kind !== "oci") {
    const isArchive = target.kind !== "docker-daemon";
    const what = isArchive ? "an archive is only read" : "the docker daemon is only read";
    const pack = isArchive
      ? ", and pack that by tar -C FOLDER -cf FILE ."
      : ", and pull it from there";
    const instead = isArchive ? "oci:FOLDER:TAG" : "HOST/REPOSITORY:TAG";
    throw new UsageError(`"${text}" cannot be the target: ${what}`, `Write ${instead}${pack}`);
  }
  if (target.digest !== null) {
    throw new UsageError(
      `"${text}" names a digest, which only the image itself decides`,
      "Name a tag",
    );
  }
  if (tagOf(target) !== null) return target;
  const tag = usualTag(source);
  return target.kind === "registry" ? { ...target, tag } : { ...target, name: tag };
}

function tagOf(image: TargetImage): string | null {
  return image.kind === "registry" ? image.tag : image.name;
}

/** A target without a tag gets the source's; an image that is named by its digest alone stays so. */
function usualTag(source: ImageReference): string | null {
  const tag = source.kind === "registry" ? source.tag : tagIn(source);
  if (tag !== null) return tag;
  return "digest" in source && source.digest !== null ? null : "latest";
}

/** The tag of a whole name such as "acme/app:v1"; in a layout a name can be just a tag. */
function tagIn({ kind, name }: Exclude<ImageReference, RegistryImage>): string | null {
  const tag = /:([^:/]+)$/.exec(name ?? "")?.[1] ?? (kind.startsWith("oci") ? name : null);
  return tag != null && isTag(tag) ? tag : null;
}

async function run(from: ImageReference, to: TargetImage, options: Options): Promise<void> {
  const { output, parallel, referrers = false, platform = [] } = options;
  const platforms = platform.map(parsePlatform);
  const progress = await makeProgress(output.isJson);
  const connections = new Connections();
  const copied = await interruptible(async (signal) => {
    try {
      const opening = { platforms, parallel, progress, connections, signal };
      return await copyOnce(from, to, { ...opening, referrers });
    } finally {
      progress.end();
      await connections.close();
    }
  });
  const names = { source: showImage(from), target: showImage(to) };
  output.answer({ ...names, ...copied }, sentenceOf(names, copied));
}

export type Once = Opening & Pick<Copying, "referrers">;

export async function copyOnce(from: ImageReference, to: TargetImage, once: Once): Promise<Copied> {
  for (const kind of ["uploads", "layers"]) await new Cache(kind).prune();
  const source = await openSource(from, once);
  try {
    const target = await openTarget(to, once);
    try {
      return await copyImage({ ...once, source, target, tag: tagOf(to) });
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function openTarget(image: TargetImage, { connections }: Opening): Promise<ImageTarget> {
  if (image.kind === "registry") {
    const repository = await connections.repository(image, "pull,push");
    return new RegistryTarget(repository, connections.places);
  }
  return LayoutTarget.open(image.path);
}

export function sentenceOf(names: { source: string; target: string }, copied: Copied): string {
  const { blobs, sentBytes, digest, manifests } = copied;
  if (manifests === 0) return `${names.target} is ${names.source} already.\n${digest}`;
  const parts = [
    `${blobs.sent} ${blobs.sent === 1 ? "blob" : "blobs"} sent (${bytes(sentBytes)})`,
    ...(blobs.mounted > 0 ? [`${blobs.mounted} mounted`] : []),
    ...(blobs.there > 0 ? [`${blobs.there} there already`] : []),
  ];
  return `Copied ${names.source} to ${names.target}: ${parts.join(", ")}.\n${digest}`;
}
