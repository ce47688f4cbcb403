/** The bytes of a blob on their way: a source that breaks off is opened again where it stopped, and other bytes are never passed on. */
import { createHash, type Hash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { algorithmOf } from "../../oci/digest.ts";
import { CliError } from "../error.ts";
import type { Blob, ImageSource } from "../image/source.ts";
import { isNetworkError } from "../remote/retry.ts";
import { networkReasonOf } from "../network-reason.ts";

/** Times in a row that a source may break off before it has given a byte more. */
const TRIES = 6;
const WAIT_MS = 500;

export interface Beginning {
  readonly offset: number;
  /** The hash of what comes before the offset; null: nobody here has read that, and the target compares the digest. */
  readonly hash: Hash | null;
}

export function fromStart({ digest }: Blob): Beginning {
  return { offset: 0, hash: createHash(algorithmOf(digest)) };
}

/**
 * The bytes from an offset to the end. The last ones are held back until all are known to be right, so that nobody gets the whole of a
 * blob that is not.
 * @throws CliError with the code DAMAGED before the end, if the size or the digest is another
 */
export async function* bodyOf(
  source: ImageSource,
  blob: Blob,
  { offset, hash }: Beginning,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  let at = offset;
  let last: Uint8Array | null = null;
  for (let failures = 0; at < blob.size;) {
    try {
      for await (const chunk of await source.open(blob, at)) {
        signal.throwIfAborted();
        at += chunk.length;
        failures = 0;
        if (at > blob.size) throw damaged(source, blob, `it has more than ${blob.size} bytes`);
        hash?.update(chunk);
        if (last !== null) yield last;
        last = chunk;
      }
      break;
    } catch (error) {
      if (!isNetworkError(error)) throw error;
      failures += 1;
      if (failures === TRIES) {
        throw new CliError(
          `cannot read ${blob.digest} from ${source.name}: ${networkReasonOf(error)}`,
          {
            cause: error,
          },
        );
      }
      await sleep(WAIT_MS * 2 ** (failures - 1), undefined, { signal });
    }
  }
  if (at !== blob.size) throw damaged(source, blob, `it has ${at} bytes instead of ${blob.size}`);
  const found = hash === null ? null : `${algorithmOf(blob.digest)}:${hash.digest("hex")}`;
  if (found !== null && found !== blob.digest) {
    throw damaged(source, blob, `its bytes have the digest ${found}`);
  }
  if (last !== null) yield last;
}

function damaged({ name }: ImageSource, { digest }: Blob, why: string): CliError {
  return new CliError(`${name} is damaged: of the blob ${digest}, ${why}`, { code: "DAMAGED" });
}

/** The same bytes, counted from an offset as they are taken. */
export async function* counted(
  body: AsyncIterable<Uint8Array>,
  offset: number,
  at: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void> {
  let count = offset;
  for await (const chunk of body) {
    count += chunk.length;
    at(count);
    yield chunk;
  }
}
