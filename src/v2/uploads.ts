import { may, sourcesOf } from "../auth/policy/access.ts";
import { type Digest, isDigest, parseAlgorithm, parseDigest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import { isRepositoryName, type RepositoryName, type Sources } from "../oci/reference.ts";
import type { Chunk, Uploader } from "../registry/upload-request.ts";
import { OutOfOrder, type Position, type UploadId } from "../registry/uploads.ts";
import { type Context, requirePace, requireRepository } from "../http/context.ts";
import { formatUploadRange, parseContentRange } from "../http/range.ts";

/** The query parameter of a Location with the offset that it was given out for. */
const OFFSET = "_offset";

/** end-4a, 4b, 11: starts an upload; mounts the blob instead if possible, or stores it at once if it is in the body. */
export async function start(context: Context<"name">): Promise<Response> {
  const { request, url, params, registry } = context;
  const { name } = params;
  const mount = url.searchParams.getAll("mount").at(-1);
  const digest = mount === undefined ? queryDigest(url) : null;
  const algorithm = parseAlgorithm(url.searchParams.get("digest-algorithm") || "sha256");
  const wanted = mount !== undefined && isDigest(mount) ? mount : null;
  if (wanted !== null || digest !== null) await requirePace(context);
  // Both at the same time: a mount changes nothing in a repository that is missing where it has to exist.
  const [isMounted] = await Promise.all([
    wanted !== null && mounted(context, wanted),
    requireRepository(context),
  ]);
  if (wanted !== null && isMounted) return created(name, wanted);
  const uploader = uploaderOf(context);
  const id = registry.uploads.start(uploader, algorithm);
  if (digest !== null) {
    await registry.uploads.finish(uploader, id, chunkOf(request, { kind: "next" }), digest);
    return created(name, digest);
  }
  context.defer(registry.room.learn(name));
  // .NET reads any other Range here as a chunk size.
  return progress(context, 202, { id, offset: 0, empty: "0-0" });
}

/** end-5: appends a chunk, or the whole blob. */
export async function append(context: Context<"name" | "upload">): Promise<Response> {
  const { request, url, params, registry } = context;
  const { upload: id } = params;
  return withProgress(context, id, async () => {
    const chunk = chunkOf(request, positionOf(request, url));
    const offset = await registry.uploads.append(uploaderOf(context), id, chunk);
    return progress(context, 202, { id, offset, empty: "0-0" });
  });
}

/** end-6: ends an upload; the body has its last bytes, all of them, or none. */
export async function finish(context: Context<"name" | "upload">): Promise<Response> {
  const { request, url, params, registry } = context;
  const { name, upload: id } = params;
  const digest = queryDigest(url);
  if (digest === null) {
    throw new RegistryError("DIGEST_INVALID", { message: "the digest parameter is missing" });
  }
  await requirePace(context);
  return withProgress(context, id, async () => {
    const chunk = chunkOf(request, positionOf(request, url));
    await registry.uploads.finish(uploaderOf(context), id, chunk, digest);
    return created(name, digest);
  });
}

/** end-13: returns how many bytes of an upload have arrived. */
export async function status(context: Context<"name" | "upload">): Promise<Response> {
  const { upload: id } = context.params;
  const offset = await context.registry.uploads.status(uploaderOf(context), id);
  return progress(context, 204, { id, offset, empty: "0--1" });
}

/** end-14: cancels an upload. */
export async function cancel(context: Context<"name" | "upload">): Promise<Response> {
  await context.registry.uploads.cancel(uploaderOf(context), context.params.upload);
  return new Response(null, { status: 204 });
}

/** Mounts the blob if possible. If not, the client uploads it, and learns nothing about other repositories. */
function mounted(
  { url, params, actor, initiator, registry }: Context<"name">,
  digest: Digest,
): Promise<boolean> {
  const from = url.searchParams.get("from");
  let sources: Sources = sourcesOf(actor);
  if (from !== null) {
    const readable = isRepositoryName(from) && (sources === "all" || may(actor, "pull", from));
    sources = readable ? [from] : [];
  }
  return registry.blobs.mount(params.name, digest, sources, initiator);
}

function uploaderOf({ params, actor, initiator }: Context<"name">): Uploader {
  const until = actor.expires === null ? null : actor.expires * 1000;
  return { repository: params.name, initiator, until };
}

/** Reads the digest. Clients append it to the Location that they got, some of them twice: the last one counts. */
function queryDigest(url: URL): Digest | null {
  const digest = url.searchParams.getAll("digest").at(-1);
  return digest === undefined ? null : parseDigest(digest);
}

function positionOf(request: Request, url: URL): Position {
  const header = request.headers.get("content-range");
  if (header !== null) {
    const { offset, length } = parseContentRange(header);
    const announced = contentLength(request);
    // Without a Content-Length the bytes are counted after they arrived.
    if (announced !== null && announced !== length) {
      throw new RegistryError("SIZE_INVALID", {
        message: `Content-Range spans ${length} bytes, but Content-Length is ${announced}`,
      });
    }
    return { kind: "range", start: offset, length };
  }
  // A request without a body may use any of the upload's Locations, so its offset is not checked.
  const stated = url.searchParams.get(OFFSET);
  if (stated === null || !/^\d{1,15}$/.test(stated) || contentLength(request) === 0) {
    return { kind: "next" };
  }
  return { kind: "location", offset: Number(stated) };
}

function chunkOf(request: Request, position: Position): Chunk {
  const length = contentLength(request);
  return {
    body: length === 0 ? null : request.body,
    length: request.body === null ? 0 : length,
    position,
  };
}

/** Returns null when the length is not known in advance (Transfer-Encoding: chunked). */
function contentLength(request: Request): number | null {
  const header = request.headers.get("content-length");
  if (header === null) return request.body === null ? 0 : null;
  return Number(header);
}

interface Standing {
  readonly id: UploadId;
  readonly offset: number;
  /** The Range of an empty upload in this answer. */
  readonly empty: "0-0" | "0--1";
}

/**
 * Says where to continue, how much has arrived, and how long a request may be (a header that the specification does not
 * have). Location is relative, so that it is valid behind any proxy.
 */
function progressHeaders(
  { params, settings }: Context<"name">,
  { id, offset, empty }: Standing,
): Record<string, string> {
  const most = settings.maxRequestBytes;
  return {
    location: `/v2/${params.name}/blobs/uploads/${id}?${OFFSET}=${offset}`,
    range: formatUploadRange(offset, empty),
    "docker-upload-uuid": id,
    ...(most === null ? {} : { "oci-chunk-max-length": String(most) }),
  };
}

function progress(context: Context<"name">, code: 202 | 204, standing: Standing): Response {
  return new Response(null, { status: code, headers: progressHeaders(context, standing) });
}

/** Answers a chunk that is out of order with the upload's offset, so that the client can continue from there. */
async function withProgress(
  context: Context<"name">,
  id: UploadId,
  work: () => Promise<Response>,
): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof OutOfOrder)) throw error;
    const headers = progressHeaders(context, { id, offset: error.offset, empty: "0--1" });
    throw new RegistryError("CHUNK_OUT_OF_ORDER", { detail: error.detail, headers, cause: error });
  }
}

function created(name: RepositoryName, digest: Digest): Response {
  return new Response(null, {
    status: 201,
    headers: { location: `/v2/${name}/blobs/${digest}`, "docker-content-digest": digest },
  });
}
