import { unpacked } from "./decompress.ts";
import { FileWalk } from "./file-walk.ts";
import { WalkEnd, LIMITS, type Limits } from "./limits.ts";
import { type FileReader, type LayerList } from "./list.ts";
import { ListBuilder } from "./list-builder.ts";
import { Meter } from "./meter.ts";
import { Source } from "./source.ts";
import { tarEntries } from "./tar.ts";
import { Window } from "./window.ts";

/**
 * Lists the packages of a layer: a tar archive, plain or compressed by gzip or zstd. Memory is bounded whatever it unpacks to: by
 * the pieces, the file that is being read and the list. The list tells what could not be read.
 * The first of `readers` that matches a path reads the file; what it gets holds for its call.
 * @param meter tells afterwards what the walk has cost
 * @throws the error of `stream`, which is cancelled when the walk ends before it does
 */
export async function readLayer(
  stream: ReadableStream<Uint8Array>,
  readers: readonly FileReader[],
  limits: Limits = LIMITS,
  meter = new Meter(limits),
): Promise<LayerList> {
  const source = new Source(stream, meter);
  const pieces = unpacked(source);
  const window = new Window(pieces, meter);
  const list = new ListBuilder(limits);
  const files = new FileWalk({ window, list, readers, limits });
  let ended: string | null = null;
  try {
    for await (const entry of tarEntries(window, limits)) await files.take(entry);
  } catch (error) {
    if (source.failure !== null) throw source.failure.error;
    ended = sentenceOf(error);
  } finally {
    await source.cancel();
    await pieces.return();
  }
  return list.list(ended);
}

/** Whatever else is thrown, zlib has thrown. */
function sentenceOf(error: unknown): string {
  if (error instanceof WalkEnd) return error.message;
  const reason = error instanceof Error ? error.message : String(error);
  return `The layer cannot be unpacked: ${reason}.`;
}
