import { sourcesOf } from "../auth/policy/access.ts";
import { RegistryError } from "../oci/errors.ts";
import { manifestKind } from "../oci/media-type.ts";
import { namespaceOf, parseTag } from "../oci/reference.ts";
import { withBody } from "../http/body.ts";
import { immutable, isNotModified, revalidated } from "../http/caching.ts";
import { type Context, requirePace, requireRepository } from "../http/context.ts";

/** The most tags of `?tag=`; the spec wants at least ten to work. */
const MAX_TAGS = 50;

/**
 * end-3: reads a manifest, with the exact bytes and media type that were pushed. Accept is ignored: a client that named
 * a digest wants the content of that digest, and other clients can convert.
 */
export async function read(context: Context<"name" | "reference">): Promise<Response> {
  const { request, params, registry, defer, usage, initiator } = context;
  const { name, reference } = params;
  const isHead = request.method === "HEAD";
  const manifest = await (isHead
    ? registry.manifests.confirm(name, reference)
    : registry.manifests.find(name, reference, defer));
  const { digest, mediaType, size, content, gate } = manifest;
  // A HEAD is answered: it has no content, and without it clients do not come to ask for the reason.
  if (!isHead && gate !== null) {
    const record = await registry.gate.require({ repository: name, digest, gate, initiator });
    if (record !== null) defer(record());
  }
  const tag = reference.kind === "tag" ? reference.tag : null;
  const asked = { repository: name, tag, digest };
  const described = {
    ...(reference.kind === "digest" ? immutable(digest) : revalidated(digest)),
    "content-type": mediaType,
    "docker-content-digest": digest,
  };
  const isKnown = isNotModified(request, digest);
  // A HEAD counts as use: a client that has the content may send nothing else for years.
  if (isHead || isKnown) usage.look(asked);
  if (isKnown) return new Response(null, { status: 304, headers: described });
  const headers = { ...described, "content-length": String(size) };
  if (isHead) return new Response(null, { headers });
  usage.pull({ ...asked, index: manifestKind(mediaType) === "index" ? content : null });
  return new Response(await registry.manifests.open(name, manifest, defer), { headers });
}

/** end-7: pushes a manifest, under a digest or a tag, and under the tags of `?tag=`. */
export async function write(context: Context<"name" | "target">): Promise<Response> {
  const { request, url, params, actor, initiator, settings, registry } = context;
  const names = new Set(url.searchParams.getAll("tag").flatMap((value) => value.split(",")));
  if (names.size > MAX_TAGS) {
    throw new RegistryError("REQUEST_INVALID", { message: `at most ${MAX_TAGS} tags at once` });
  }
  const tags = [...names].map(parseTag);
  await requirePace(context);
  await requireRepository(context);
  const limit = settings.maxManifest;
  const owner = { namespace: namespaceOf(params.name), actor: initiator.actor ?? "" };
  const bounds = { owner, limit, tooLarge: () => tooLarge(limit) };
  const { digest, subject } = await withBody(request, bounds, (bytes) =>
    registry.manifests.put({
      repository: params.name,
      target: params.target,
      tags,
      bytes,
      contentType: request.headers.get("content-type"),
      sources: sourcesOf(actor),
      initiator,
    }),
  );
  return new Response(null, {
    status: 201,
    headers: {
      location: `/v2/${params.name}/manifests/${digest}`,
      "docker-content-digest": digest,
      ...(subject === null ? {} : { "oci-subject": subject }),
      ...(tags.length === 0 ? {} : { "oci-tag": tags.join(", ") }),
    },
  });
}

/** end-9: deletes a tag, or a manifest with all its tags. */
export async function remove({
  params,
  initiator,
  registry,
}: Context<"name" | "reference">): Promise<Response> {
  await registry.manifests.delete(params.name, params.reference, initiator);
  return new Response(null, { status: 202 });
}

function tooLarge(limit: number): RegistryError {
  return new RegistryError("MANIFEST_TOO_LARGE", {
    message: `manifest too large: at most ${limit} bytes`,
    detail: { limit },
  });
}
