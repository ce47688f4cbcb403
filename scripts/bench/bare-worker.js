/**
 * The Worker that Slipway is measured against: every route does one platform call, or for a layer the least that a
 * stream of unknown length needs. No authentication, no index, no hash, no log. Plain JavaScript, so that it runs
 * without a build.
 */

/** The size of a part, and how many may be in flight, as in Slipway. */
const PART_SIZE = 8 * 1024 * 1024;
const PARTS_IN_FLIGHT = 4;

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
/** All requests meet one isolate here. */
const memory = new Map();

export default {
  async fetch(request, env) {
    // The socket passes the request line on as it is, so `request.url` is a path (../socket.ts).
    const url = new URL(request.url, "http://bare");
    const [, kind, key] = url.pathname.split("/");
    switch (`${request.method} ${kind}`) {
      case "PUT multipart":
        await putMultipart(env.BLOBS, key, request.body);
        return new Response(null, { status: 201 });
      case "PUT object": {
        const sha256 = url.searchParams.get("sha256");
        await env.BLOBS.put(key, request.body, sha256 === null ? {} : { sha256 });
        return new Response(null, { status: 201 });
      }
      case "GET object": {
        const object = await env.BLOBS.get(key);
        return new Response(object.body, {
          headers: { "content-type": "application/octet-stream" },
        });
      }
      case "PUT row":
        await env.DB.exec("CREATE TABLE IF NOT EXISTS texts (key TEXT PRIMARY KEY, content TEXT)");
        await env.DB.prepare("INSERT INTO texts VALUES (?, ?)")
          .bind(key, await request.text())
          .run();
        return new Response(null, { status: 201 });
      case "HEAD row":
      case "GET row": {
        const query = env.DB.prepare("SELECT content FROM texts WHERE key = ?").bind(key);
        const { content } = await query.first();
        const headers = { "content-type": MANIFEST, "content-length": String(content.length) };
        return new Response(request.method === "HEAD" ? null : content, { headers });
      }
      case "PUT memory":
        memory.set(key, await request.text());
        return new Response(null, { status: 201 });
      case "GET memory":
        return new Response(memory.get(key), { headers: { "content-type": MANIFEST } });
      case "PUT cache": {
        const headers = { "cache-control": "max-age=86400" };
        const length = request.headers.get("content-length");
        const kept = new Response(request.body, {
          headers: length === null ? headers : { ...headers, "content-length": length },
        });
        await caches.default.put(url, kept);
        return new Response(null, { status: 201 });
      }
      case "GET cache":
        return (await caches.default.match(url)) ?? new Response(null, { status: 404 });
      default:
        return new Response(null, { status: 404 });
    }
  },
};

async function putMultipart(bucket, key, body) {
  const upload = await bucket.createMultipartUpload(key);
  const reader = body.getReader({ mode: "byob" });
  const parts = [];
  const inFlight = new Set();
  for (let number = 1, ended = false; !ended; number++) {
    const { value } = await reader.readAtLeast(PART_SIZE, new Uint8Array(PART_SIZE));
    // Fewer bytes than asked for come at the body's end alone.
    ended = value === undefined || value.byteLength < PART_SIZE;
    if (value === undefined || value.byteLength === 0) break;
    const part = upload.uploadPart(number, value).finally(() => inFlight.delete(part));
    parts.push(part);
    inFlight.add(part);
    if (inFlight.size >= PARTS_IN_FLIGHT) await Promise.race(inFlight);
  }
  await upload.complete(await Promise.all(parts));
}
