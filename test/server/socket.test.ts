/**
 * Behaviour that only a socket shows: lengths and encodings on the wire, connections that break, a process that is
 * killed.
 */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as httpRequest,
} from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";

const MIB = 1024 * 1024;
const PASSWORD = "correct horse battery staple";
const AUTH = `admin:${PASSWORD}`;
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const PROXIED = { "cf-connecting-ip": "192.0.2.9" };
const agent = new Agent({ keepAlive: true });
let data: string;
let server: Server;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "slipway-socket-"));
  server = await start();
});

afterAll(async () => {
  agent.destroy();
  await server.stop();
  await rm(data, { recursive: true, force: true });
});

test.each(["GET", "HEAD"])(
  "%s: a blob keeps its exact Content-Length though the client takes gzip",
  async (method) => {
    const { path, digest, bytes } = await pushBlob(Buffer.alloc(100_000, "compressible "));
    const headers = { "accept-encoding": "gzip, zstd, br" };
    const response = await send(method, `${path}/blobs/${digest}`, { headers });
    expect(response.status).toBe(200);
    expect(response.headers["content-length"]).toBe("100000");
    expect(response.headers["content-encoding"]).toBeUndefined();
    expect(response.headers["transfer-encoding"]).toBeUndefined();
    expect(response.headers["content-type"]).toBe("application/octet-stream");
    expect(response.body.equals(method === "GET" ? bytes : Buffer.alloc(0))).toBe(true);
  },
);

test.each(["GET", "HEAD"])(
  "%s: a manifest keeps its exact Content-Length though the client takes gzip",
  async (method) => {
    const { path, digest, bytes } = await pushBlob(Buffer.from("{}"));
    const config = { mediaType: "application/vnd.oci.empty.v1+json", digest, size: bytes.length };
    for (const size of [5_000, 1_000_000]) {
      const annotations = { pad: "compressible ".repeat(size / 13) };
      const manifest = Buffer.from(
        JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [], annotations }),
      );
      const put = { body: manifest, headers: { "content-type": MANIFEST } };
      expect((await send("PUT", `${path}/manifests/v${size}`, put)).status).toBe(201);
      for (const reference of [`v${size}`, digestOf(manifest)]) {
        const headers = { "accept-encoding": "gzip" };
        const response = await send(method, `${path}/manifests/${reference}`, { headers });
        expect(response.headers["content-length"]).toBe(String(manifest.length));
        expect(response.headers["content-encoding"]).toBeUndefined();
        expect(response.headers["content-type"]).toBe(MANIFEST);
        expect(response.body.equals(method === "GET" ? manifest : Buffer.alloc(0))).toBe(true);
      }
    }
  },
);

test.each([
  ["one range", "bytes=500-1499", 1_000],
  ["a range to the end", "bytes=99990-", 10],
])("GET: %s has its exact Content-Length", async (_, range, length) => {
  const { path, digest } = await pushBlob(randomBytes(100_000));
  const response = await send("GET", `${path}/blobs/${digest}`, { headers: { range } });
  expect(response.status).toBe(206);
  expect(response.headers["content-length"]).toBe(String(length));
  expect(response.body).toHaveLength(length);
});

test("GET: several ranges have their exact Content-Length", async () => {
  const { path, digest } = await pushBlob(randomBytes(100_000));
  const headers = { range: "bytes=0-9,50000-59999,-1" };
  const response = await send("GET", `${path}/blobs/${digest}`, { headers });
  expect(response.status).toBe(206);
  expect(response.headers["content-type"]).toMatch(/^multipart\/byteranges; boundary=/);
  expect(response.headers["content-length"]).toBe(String(response.body.length));
});

test("an error keeps its JSON type, and a HEAD of nothing has no body", async () => {
  const digest = digestOf(randomBytes(8));
  const missing = await send("GET", `/v2/none/blobs/${digest}`);
  expect(missing.status).toBe(404);
  expect(missing.headers["content-type"]).toBe("application/json");
  const head = await send("HEAD", `/v2/none/blobs/${digest}`);
  expect([head.status, head.body.length]).toEqual([404, 0]);
});

test.each(["/cdn-cgi/local/r2/public/slipway/blobs/x", "/cdn-cgi/local/platform-proxy"])(
  "what the local platform keeps for itself is not there: %s",
  async (path) => {
    const response = await send("GET", path);
    expect(response.status).toBe(404);
    expect(JSON.parse(response.body.toString())).toMatchObject({
      errors: [{ code: "UNSUPPORTED" }],
    });
  },
);

test.each([
  ["another URL", { "mf-original-url": "http://other.test/v2/" }],
  ["a place that is no JSON", { "mf-cf-blob": "{" }],
  ["another place", { "mf-cf-blob": JSON.stringify({ clientIp: "192.0.2.1:1" }) }],
])("a client cannot tell the local platform of %s", async (_, headers) => {
  const url = new URL(server.url);
  const request = httpRequest(`${server.url}/v2/`, { agent, headers });
  request.end();
  const response = await read(request);
  expect(response.status).toBe(401);
  expect(response.headers["www-authenticate"]).toContain(`service="${url.host}"`);
});

test("a proxy that ends TLS says so, and its clients get a token service of the same", async () => {
  const headers = { host: "registry.test", "x-forwarded-proto": "https" };
  const request = httpRequest(`${server.url}/v2/`, { agent, headers });
  request.end();
  const { headers: answered } = await read(request);
  expect(answered["www-authenticate"]).toContain('realm="https://registry.test/token"');
});

test.each([
  ["this machine", {}, "127.0.0.1"],
  ["the address that a proxy on this machine names", PROXIED, PROXIED["cf-connecting-ip"]],
])("the audit log has %s", async (_, headers, address) => {
  const name = `u${randomBytes(6).toString("hex")}`;
  const body = Buffer.from(JSON.stringify({ name, password: randomBytes(12).toString("hex") }));
  const json = { "content-type": "application/json", ...headers };
  expect((await send("POST", "/api/v1/users", { body, headers: json })).status).toBe(201);
  const log = await send("GET", "/api/v1/audit");
  const { items } = JSON.parse(log.body.toString()) as { items: { reference: string }[] };
  const made = items.find(({ reference }) => reference === name);
  expect(made).toMatchObject({ action: "user.create", address });
});

test("Expect: 100-continue is answered before the body is sent", async () => {
  const path = repository();
  const bytes = randomBytes(100_000);
  const location = await startUpload(path);
  const request = open("PATCH", location, {
    expect: "100-continue",
    "content-length": bytes.length,
  });
  request.flushHeaders();
  await once(request, "continue");
  request.end(bytes);
  const response = await read(request);
  expect(response.status).toBe(202);
  expect(response.headers["range"]).toBe("0-99999");
});

test.each([
  ["of unknown length", {}],
  ["with a Content-Length", { "content-length": 20 * MIB }],
])("a client that hangs up in a chunk %s resumes where it was", async (_, headers) => {
  const path = repository();
  const bytes = randomBytes(20 * MIB);
  let location = await startUpload(path);
  const first = await send("PATCH", location, {
    body: bytes.subarray(0, MIB),
    headers: { "content-range": `0-${MIB - 1}` },
  });
  location = locationOf(first);
  await hangUp("PATCH", location, bytes.subarray(MIB, 10 * MIB), headers);
  await hangUp(
    "PUT",
    `${location}&digest=${digestOf(bytes)}`,
    bytes.subarray(MIB, 9 * MIB),
    headers,
  );
  expect((await send("GET", location)).headers["range"]).toBe(`0-${MIB - 1}`);
  const rest = await send("PATCH", location, {
    body: bytes.subarray(MIB),
    headers: { "content-range": `${MIB}-${20 * MIB - 1}` },
  });
  expect(rest.status).toBe(202);
  await finish(path, locationOf(rest), bytes);
});

test("a client that hangs up is no error of the registry", async () => {
  const path = repository();
  const location = await startUpload(path);
  await hangUp("PATCH", location, randomBytes(MIB), {});
  await hangUp("PUT", `${location}&digest=${digestOf(randomBytes(1))}`, randomBytes(MIB), {
    "content-length": 2 * MIB,
  });
  expect((await send("GET", location)).status).toBe(204);
  expect(server.log.filter((line) => line.includes('"status":500'))).toEqual([]);
});

test("a client that hangs up while it pulls disturbs nobody", async () => {
  const { path, digest, bytes } = await pushBlob(randomBytes(20 * MIB));
  const request = open("GET", `${path}/blobs/${digest}`, {});
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  await once(response, "data");
  response.destroy();
  const again = await send("GET", `${path}/blobs/${digest}`);
  expect(again.body.equals(bytes)).toBe(true);
});

test("ten pushes of 24 MiB at once wait for one another's buffers, and all succeed", async () => {
  const pushes = Array.from({ length: 10 }, async () => {
    const path = repository();
    const bytes = randomBytes(24 * MIB);
    const location = await startUpload(path);
    const patched = await send("PATCH", location, {
      body: bytes,
      headers: { "transfer-encoding": "chunked" },
    });
    expect(patched.status).toBe(202);
    const put = await send("PUT", `${locationOf(patched)}&digest=${digestOf(bytes)}`);
    return put.status;
  });
  expect(await Promise.all(pushes)).toEqual(Array.from({ length: 10 }, () => 201));
});

test("kill -9 between PATCH and PUT loses nothing that was answered", async () => {
  const path = repository();
  const bytes = randomBytes(20 * MIB + 5);
  const ranged = await startUpload(path);
  const first = await send("PATCH", ranged, {
    body: bytes.subarray(0, 9 * MIB),
    headers: { "content-range": `0-${9 * MIB - 1}` },
  });
  const whole = await send("PATCH", await startUpload(path), { body: bytes });
  expect([first.status, whole.status]).toEqual([202, 202]);
  await killAndRestart();
  await finish(path, locationOf(whole), bytes);
  const rest = { body: bytes.subarray(9 * MIB), headers: {} };
  const put = await send("PUT", `${locationOf(first)}&digest=${digestOf(bytes)}`, rest);
  expect(put.status).toBe(201);
});

test("kill -9 after a push: the image is there, and a finish that is repeated succeeds", async () => {
  const { path, digest, bytes } = await pushBlob(randomBytes(100));
  const location = await startUpload(path);
  const finishing = `${location}&digest=${digest}`;
  expect((await send("PUT", finishing, { body: bytes })).status).toBe(201);
  await killAndRestart();
  expect((await send("GET", `${path}/blobs/${digest}`)).body.equals(bytes)).toBe(true);
  expect((await send("PUT", finishing, { body: bytes })).status).toBe(201);
});

function start(port?: number): Promise<Server> {
  const env = { ADMIN_PASSWORD: PASSWORD };
  return startServer(port === undefined ? { data, env } : { data, env, port });
}

/** The server gets no chance to say goodbye; the runtime that it started must not outlive it and keep the port. */
async function killAndRestart(): Promise<void> {
  const port = Number(new URL(server.url).port);
  process.kill(server.pid, "SIGKILL");
  await server.stop();
  server = await start(port);
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

interface Sending {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Buffer;
}

function open(method: string, path: string, headers: OutgoingHttpHeaders): ClientRequest {
  return httpRequest(`${server.url}${path}`, { method, agent, headers, auth: AUTH });
}

async function send(
  method: string,
  path: string,
  { headers = {}, body }: Sending = {},
): Promise<Answer> {
  const chunked = "transfer-encoding" in headers;
  const length =
    chunked || method === "GET" || method === "HEAD" ? {} : { "content-length": body?.length ?? 0 };
  const request = open(method, path, { ...length, ...headers });
  request.end(body);
  return read(request);
}

async function read(request: ClientRequest): Promise<Answer> {
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const { statusCode = 0, headers } = response;
  return { status: statusCode, headers, body: Buffer.concat(chunks) };
}

/** Sends these bytes and breaks the connection, on one of its own. */
async function hangUp(
  method: string,
  path: string,
  bytes: Buffer,
  headers: OutgoingHttpHeaders,
): Promise<void> {
  const url = `${server.url}${path}`;
  const request = httpRequest(url, { method, agent: false, headers, auth: AUTH });
  const closed = new Promise((resolve) => request.on("close", resolve));
  request.on("error", () => {});
  await new Promise<void>((sent) => void request.write(bytes, () => sent()));
  request.destroy();
  await closed;
}

function repository(): string {
  return `/v2/socket/${randomBytes(8).toString("hex")}`;
}

async function startUpload(path: string): Promise<string> {
  const response = await send("POST", `${path}/blobs/uploads/`);
  expect(response.status).toBe(202);
  return locationOf(response);
}

async function pushBlob(bytes: Buffer): Promise<{ path: string; digest: string; bytes: Buffer }> {
  const path = repository();
  const digest = digestOf(bytes);
  const url = `${await startUpload(path)}&digest=${digest}`;
  expect((await send("PUT", url, { body: bytes })).status).toBe(201);
  return { path, digest, bytes };
}

async function finish(path: string, location: string, bytes: Buffer): Promise<void> {
  const digest = digestOf(bytes);
  expect((await send("PUT", `${location}&digest=${digest}`)).status).toBe(201);
  const pulled = await send("GET", `${path}/blobs/${digest}`);
  expect(pulled.body.equals(bytes)).toBe(true);
}

function locationOf({ headers }: Answer): string {
  if (headers.location === undefined) throw new Error("the answer has no Location");
  return headers.location;
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
