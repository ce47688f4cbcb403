import { may } from "../auth/policy/access.ts";
import type { Digest } from "../oci/digest.ts";
import type { ByteRange } from "../oci/page.ts";
import type { ReadableBlob } from "../registry/blobs.ts";
import { immutable, isNotModified, rangeOf } from "../http/caching.ts";
import type { Context } from "../http/context.ts";
import { formatContentRange, parseRange } from "../http/range.ts";

const BLOB_TYPE = "application/octet-stream";

/** end-2: reads a blob, whole or in ranges. HEAD answers with its size only. */
export async function read(context: Context<"name" | "digest">): Promise<Response> {
  const { request, params, registry, defer, usage } = context;
  if (request.method === "HEAD") return confirm(context);
  const { name, digest } = params;
  const blob = await registry.blobs.find(name, digest, defer);
  // Blob reads count as use: a client that mounts an image lazily reads its layers while it runs, and no manifest.
  usage.read({ repository: name, digest });
  const headers = blobHeaders(digest);
  if (isNotModified(request, digest)) return new Response(null, { status: 304, headers });
  const ranges = parseRange(rangeOf(request, digest), blob.size);
  if (ranges === null) return new Response(await blob.open(), { headers });
  const [first, ...others] = ranges;
  if (first !== undefined && others.length === 0) {
    headers.set("content-range", formatContentRange(first, blob.size));
    return new Response(await blob.open(first), { status: 206, headers });
  }
  const { body, boundary } = multipartBody(blob, ranges);
  headers.set("content-type", `multipart/byteranges; boundary=${boundary}`);
  return new Response(body, { status: 206, headers });
}

/** Answers a HEAD. It renews the blob's grace period for a client that may push, which then need not upload it. */
async function confirm({
  request,
  params,
  actor,
  registry,
}: Context<"name" | "digest">): Promise<Response> {
  const { name, digest } = params;
  const size = await registry.blobs.confirm(name, digest, may(actor, "push", name));
  const headers = blobHeaders(digest);
  if (isNotModified(request, digest)) return new Response(null, { status: 304, headers });
  headers.set("content-length", String(size));
  return new Response(null, { headers });
}

/** end-10: deletes a blob from the repository. */
export async function remove({
  params,
  initiator,
  registry,
}: Context<"name" | "digest">): Promise<Response> {
  await registry.blobs.delete(params.name, params.digest, initiator);
  return new Response(null, { status: 202 });
}

function blobHeaders(digest: Digest): Headers {
  return new Headers({
    ...immutable(digest),
    "accept-ranges": "bytes",
    "content-type": BLOB_TYPE,
    "docker-content-digest": digest,
  });
}

/** Makes a multipart/byteranges body (RFC 9110 § 14.6) of exact length; the ranges are read one after the other. */
function multipartBody(
  blob: ReadableBlob,
  ranges: readonly ByteRange[],
): { body: ReadableStream; boundary: string } {
  const boundary = crypto.randomUUID();
  const encoder = new TextEncoder();
  const heads = ranges.map((range) =>
    encoder.encode(
      `\r\n--${boundary}\r\nContent-Type: ${BLOB_TYPE}\r\nContent-Range: ${formatContentRange(range, blob.size)}\r\n\r\n`,
    ),
  );
  const end = encoder.encode(`\r\n--${boundary}--\r\n`);
  const length =
    ranges.reduce((sum, range) => sum + range.length, end.length) +
    heads.reduce((sum, head) => sum + head.length, 0);
  const { readable, writable } = new FixedLengthStream(length);
  const write = async (): Promise<void> => {
    for (const [i, range] of ranges.entries()) {
      await writeBytes(writable, heads[i] ?? end);
      const part = await blob.open(range);
      if (part instanceof ArrayBuffer) await writeBytes(writable, new Uint8Array(part));
      else await part.pipeTo(writable, { preventClose: true });
    }
    await writeBytes(writable, end);
    await writable.close();
  };
  // A client that disconnects breaks the pipe, so there is nobody to report the error to.
  write().catch((error: unknown) => writable.abort(error).catch(() => {}));
  return { body: readable, boundary };
}

async function writeBytes(writable: WritableStream<Uint8Array>, bytes: Uint8Array): Promise<void> {
  const writer = writable.getWriter();
  await writer.write(bytes);
  writer.releaseLock();
}
