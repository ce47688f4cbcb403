import type { RegistryError } from "../oci/errors.ts";

/**
 * A body of at most `limit` bytes in memory, however long it claims to be, or doesn't say.
 * @throws what `tooLarge` makes
 */
export async function readLimited(
  request: Request,
  limit: number,
  tooLarge: () => RegistryError,
): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length")) > limit) throw tooLarge();
  if (request.body === null) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let length = 0;
  const body = request.body as ReadableStream<Uint8Array>;
  // What is left when it is too much is read by the answer (unread.ts).
  for await (const chunk of body.values({ preventCancel: true })) {
    length += chunk.length;
    if (length > limit) throw tooLarge();
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
