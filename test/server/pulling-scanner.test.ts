/** A scanner adapter on loopback pulls an image from a running registry with the token that it was given, though the policy refuses it to others. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { freePort } from "../../scripts/socket.ts";
import { file, tar } from "../scan/layer/archive.ts";

const OCI = "application/vnd.oci.image.manifest.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const REPORT = "application/vnd.security.vulnerability.report; version=1.1";
const SECRET = "Bearer of-the-adapter";

interface ScanRequest {
  readonly registry: { readonly url: string; readonly authorization: string };
  readonly artifact: { readonly repository: string; readonly digest: string };
}

/** What the adapter got of an image: statuses, and the layers' digests as their bytes have them. */
interface Pulled {
  readonly statuses: readonly number[];
  readonly digests: readonly string[];
}

let server: Server;
let admin: { authorization: string };
const pulled: Pulled[] = [];
let asked: ScanRequest | null = null;

const adapter = createServer((request, response) => {
  void answer(request, response);
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const send = (status: number, body?: object) =>
    response.writeHead(status).end(body === undefined ? "" : JSON.stringify(body));
  if (request.headers.authorization !== SECRET) return void send(401);
  if (request.url === "/api/v1/metadata") {
    const types = { consumes_mime_types: [OCI], produces_mime_types: [REPORT] };
    const capabilities = [{ type: "vulnerability", ...types }];
    return void send(200, {
      scanner: { name: "Stub", vendor: "test", version: "1" },
      capabilities,
    });
  }
  if (request.method === "POST") {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    asked = JSON.parse(Buffer.concat(chunks).toString()) as ScanRequest;
    return void send(202, { id: "one" });
  }
  // As an adapter that scans when it is asked for the report first.
  if (asked !== null && pulled.length === 0) {
    pulled.push(await pull(asked));
    response.setHeader("refresh-after", "1");
    return void send(302);
  }
  const found = { id: "CVE-2099-9", package: "musl", version: "1.2.4-r2", severity: "Critical" };
  send(200, { scanner: { name: "Stub" }, vulnerabilities: [found] });
}

async function pull({ registry, artifact }: ScanRequest): Promise<Pulled> {
  const headers = { authorization: registry.authorization, accept: OCI };
  const url = `${registry.url}/v2/${artifact.repository}`;
  const manifest = await fetch(`${url}/manifests/${artifact.digest}`, { headers });
  const text = await manifest.text();
  if (manifest.status !== 200) return { statuses: [manifest.status], digests: [] };
  const { layers } = JSON.parse(text) as { layers: { digest: string }[] };
  const blobs = await Promise.all(
    layers.map(({ digest }) => fetch(`${url}/blobs/${digest}`, { headers })),
  );
  const bodies = await Promise.all(blobs.map((blob) => blob.arrayBuffer()));
  return {
    statuses: [manifest.status, ...blobs.map(({ status }) => status)],
    digests: bodies.map((body) => digestOf(new Uint8Array(body))),
  };
}

function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

beforeAll(async () => {
  adapter.listen(0, "127.0.0.1");
  await once(adapter, "listening");
  const port = await freePort();
  server = await startServer({
    port,
    env: {
      HARBOR_SCANNER_URL: `http://127.0.0.1:${(adapter.address() as AddressInfo).port}`,
      HARBOR_SCANNER_AUTHORIZATION: SECRET,
      REGISTRY_URL: `http://127.0.0.1:${port}`,
    },
  });
  const pair = Buffer.from(`admin:${server.password}`).toString("base64");
  admin = { authorization: `Basic ${pair}` };
});

afterAll(async () => {
  await server.stop();
  adapter.close();
  adapter.closeAllConnections();
});

async function pushBlob(bytes: Uint8Array): Promise<void> {
  const url = `${server.url}/v2/acme/app/blobs/uploads/?digest=${digestOf(bytes)}`;
  const answered = await fetch(url, {
    method: "POST",
    headers: { ...admin, "content-type": "application/octet-stream" },
    body: bytes,
  });
  expect(answered.status).toBe(201);
}

async function pushImage(): Promise<{ digest: string; layer: string }> {
  const layer = new Uint8Array(
    tar(
      file("etc/os-release", "ID=alpine\nVERSION_ID=3.19.1\n"),
      file("lib/apk/db/installed", "P:musl\nV:1.2.4-r2\nA:x86_64\n"),
    ),
  );
  const config = new TextEncoder().encode(`{"architecture":"amd64","os":"linux"}`);
  await pushBlob(layer);
  await pushBlob(config);
  const described = (mediaType: string, bytes: Uint8Array) => {
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI,
    config: described(CONFIG, config),
    layers: [described(LAYER, layer)],
  });
  const url = `${server.url}/v2/acme/app/manifests/v1`;
  const headers = { ...admin, "content-type": OCI };
  const answered = await fetch(url, { method: "PUT", headers, body: manifest });
  expect(answered.status).toBe(201);
  return { digest: digestOf(manifest), layer: digestOf(layer) };
}

function api(method: string, path: string, body?: object): Promise<Response> {
  const headers = { ...admin, ...(body && { "content-type": "application/json" }) };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return fetch(`${server.url}/api/v1/${path}`, { method, headers, ...sent });
}

test("an adapter pulls what the policy refuses to all others, and its findings are shown", async () => {
  expect((await api("POST", "namespaces", { name: "acme" })).status).toBe(201);
  const policy = await api("PUT", "namespaces/acme/scan-policy", { unscanned: true });
  expect(policy.status).toBe(200);
  const { digest, layer } = await pushImage();
  const manifest = `${server.url}/v2/acme/app/manifests/${digest}`;
  expect((await fetch(manifest, { headers: admin })).status).toBe(403);
  const found = async () => {
    const shown = await api("GET", `repositories/acme/app/-/manifests/${digest}/vulnerabilities`);
    const { items = [] } = await shown.json<{ items?: { id: string; scanners: string[] }[] }>();
    return items.map(({ id, scanners }) => [id, scanners]);
  };
  await expect.poll(found, { interval: 500 }).toEqual([["CVE-2099-9", ["harbor"]]]);
  expect(pulled).toEqual([{ statuses: [200, 200], digests: [layer] }]);
  const log = server.log.join("\n");
  expect(log).not.toContain(asked?.registry.authorization.slice("Bearer ".length));
  expect(log).not.toContain(SECRET.slice("Bearer ".length));
});
