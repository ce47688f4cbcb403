import { letGo } from "../memory/claim.ts";
import { claimForText } from "../memory/isolate.ts";
import type { Owner } from "../memory/pool.ts";
import type { RegistryError } from "../oci/errors.ts";

/**
 * Reads a body of at most `limit` bytes into memory, whatever its Content-Length says.
 * @throws the error that `tooLarge` makes
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
  // The rest of a body that is too large is read when the request is answered (unread.ts).
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

export interface Bounds {
  readonly owner: Owner;
  readonly limit: number;
  readonly tooLarge: () => RegistryError;
}

/**
 * Reads a body that may be large. Its memory, and that of its text, comes from the pool that uploads use too, until
 * `use` ends.
 * @throws the error that `tooLarge` makes, or TOO_SLOW
 */
export async function withBody<T>(
  request: Request,
  { owner, limit, tooLarge }: Bounds,
  use: (bytes: Uint8Array) => Promise<T>,
): Promise<T> {
  const header = request.headers.get("content-length");
  const most = header === null ? limit : Number(header);
  if (most > limit) throw tooLarge();
  if (request.body === null) return use(new Uint8Array(0));
  const claim = await claimForText(owner, most);
  const reader = request.body.getReader({ mode: "byob" });
  try {
    const bytes = await claim.fill(reader, new Uint8Array(0), header === null ? most + 1 : most);
    if (bytes.length > limit) throw tooLarge();
    await claim.grow(2 * bytes.length);
    return await use(bytes);
  } finally {
    letGo(reader);
    claim.close();
  }
}
