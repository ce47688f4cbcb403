/** Copies one image: blobs first, then manifests, the one with the tag last. Nobody sees a tag whose image is not whole. */
import type { Digest } from "../../oci/digest.ts";
import { CliError } from "../error.ts";
import type { Manifest } from "../image/manifest.ts";
import type { Blob, ImageSource } from "../image/source.ts";
import { shortDigest } from "../output.ts";
import { mapPool } from "../pool.ts";
import type { Progress } from "../upload/progress.ts";
import { makePlan } from "./plan.ts";
import type { ImageTarget, Outcome, Written } from "./target.ts";

export interface Copying {
  readonly source: ImageSource;
  readonly target: ImageTarget;
  /** The tag that the image gets; null: it is known by its digest alone. */
  readonly tag: string | null;
  readonly referrers: boolean;
  /** How many blobs are under way at a time. */
  readonly parallel: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface Copied {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Manifests that were written. */
  readonly manifests: number;
  /** How many blobs came in which way. */
  readonly blobs: Readonly<Record<Outcome, number>>;
  /** What was sent of the blobs. */
  readonly sentBytes: number;
}

const SAID: Readonly<Record<Outcome, string>> = {
  sent: "sent",
  mounted: "mounted",
  there: "there already",
};

/** @throws CliError with what could not be read or written */
export async function copyImage(copying: Copying): Promise<Copied> {
  const { target, tag, parallel, signal } = copying;
  const { root, manifests, blobs } = await makePlan(copying);
  signal.throwIfAborted();
  // The first failure stops the others: what they sent is not lost, as the next run goes on there.
  const failed = new AbortController();
  const stopping = { ...copying, signal: AbortSignal.any([signal, failed.signal]) };
  const written = await mapPool(blobs, parallel, async (blob) => {
    try {
      return await copyBlob(blob, stopping);
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  });
  const missing = manifests.filter((one) => one.tag !== null || !one.isThere);
  for (const one of missing) await target.writeManifest(one.manifest, one.tag, one.isChild);
  const isWritten = await writeRoot(root, tag, target);
  const count = (wanted: Outcome) => written.filter(({ outcome }) => outcome === wanted).length;
  return {
    digest: root.digest,
    mediaType: root.mediaType,
    manifests: missing.length + (isWritten ? 1 : 0),
    blobs: { sent: count("sent"), mounted: count("mounted"), there: count("there") },
    sentBytes: written.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
  };
}

async function copyBlob(blob: Blob, copying: Copying): Promise<Written> {
  const { source, target, progress, signal } = copying;
  signal.throwIfAborted();
  const step = progress.begin(shortDigest(blob.digest), blob.size);
  try {
    const written: Written = (await target.hasBlob(blob))
      ? { outcome: "there", sentBytes: 0 }
      : await target.writeBlob({ blob, source, step, signal });
    step.done(SAID[written.outcome]);
    return written;
  } catch (error) {
    step.failed(signal.aborted ? "stopped" : "failed");
    throw error;
  }
}

/** Writes the image's own manifest and reads back where it is. @returns false if it was there, with that tag */
async function writeRoot(
  root: Manifest,
  tag: string | null,
  target: ImageTarget,
): Promise<boolean> {
  const { digest } = root;
  const read = () => target.digestOf(tag ?? digest);
  if ((await read()) === digest) return false;
  await target.writeManifest(root, tag, false);
  const found = await read();
  if (found === digest) return true;
  const other = found === null ? "is not there" : `is ${found}`;
  throw new CliError(`${target.name}:${tag ?? digest} ${other} after the copy of ${digest}`, {
    code: "NOT_VERIFIED",
    hint: "Somebody else may have pushed the same tag at that moment.",
  });
}
