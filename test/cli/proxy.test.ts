/** The proxy as clients use it: the command, between a client and a registry behind an edge with a low limit. */
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { type Edge, type EdgeOptions, startEdge } from "../support/edge.ts";
import { CommandLine, LAUNCHER } from "./harness.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const MIB = 1024 ** 2;
/** What the edge lets through, and the registry says that it does. */
const LIMIT_BYTES = 2 * MIB;
const SECRET = "a secret of this test alone";
const commandLine = new CommandLine();
let server: Server;
let edge: Edge;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await startServer({ env: { MAX_REQUEST_BODY_MB: String(LIMIT_BYTES / 1e6) } });
});

afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

afterAll(() => server.stop());

interface Proxy {
  readonly port: number;
  readonly url: string;
  /** What it printed on standard error. */
  readonly lines: string[];
  stop(): Promise<number | null>;
}

interface Started {
  readonly edge?: Partial<EdgeOptions>;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

async function startProxy({
  edge: options = {},
  args = [],
  env = {},
}: Started = {}): Promise<Proxy> {
  edge = await startEdge({ upstream: server.url, limitBytes: LIMIT_BYTES, ...options });
  stops.push(() => edge.stop());
  const child = spawn(
    process.execPath,
    [LAUNCHER, "proxy", "--registry", edge.url, "--port", "0", "--json", ...args],
    {
      env: {
        PATH: process.env["PATH"] ?? "",
        XDG_CONFIG_HOME: commandLine.home,
        SLIPWAY_REGISTRY: edge.url,
        ...env,
      },
    },
  );
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => lines.push(line));
  const exited = once(child, "exit") as Promise<[number | null]>;
  const stop = async (): Promise<number | null> => {
    child.kill("SIGTERM");
    return (await exited)[0];
  };
  stops.push(async () => void (await stop()));
  let out = "";
  for await (const piece of child.stdout.setEncoding("utf8")) {
    out += piece;
    if (out.trimEnd().endsWith("}")) break;
  }
  const { ready } = JSON.parse(out) as { ready: string };
  return { port: Number(new URL(ready).port), url: ready, lines, stop };
}

interface Said {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Body = Uint8Array | AsyncIterable<Uint8Array> | null;

/** Sends a request as engines do: bytes with their length, a stream in chunks. */
async function send(
  method: string,
  url: string,
  body: Body = null,
  headers: Record<string, string> = {},
): Promise<Said> {
  const sent = request(url, { method, headers: { authorization: basic(), ...headers } });
  const answered = once(sent, "response");
  // A server that has answered may close the connection while the body is still sent.
  sent.on("error", () => undefined);
  if (body === null || body instanceof Uint8Array) {
    if (body !== null) sent.setHeader("content-length", body.length);
    sent.end(body);
  } else {
    Readable.from(body).pipe(sent);
  }
  const [response] = (await answered) as [IncomingMessage];
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: await text(response),
  };
}

function basic(user = "admin", password = server.password): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

function digestOf(bytes: Uint8Array, algorithm = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

async function* inPieces(bytes: Uint8Array, size = 50_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Begins an upload. @returns where to send its bytes */
async function begin(url: string, name = "acme/app"): Promise<string> {
  const { status, headers } = await send("POST", `${url}/v2/${name}/blobs/uploads/`);
  expect(status).toBe(202);
  expect(headers.location).toMatch(/^\/v2\//);
  return url + (headers.location ?? "");
}

async function pulled(bytes: Uint8Array, name = "acme/app"): Promise<void> {
  const response = await fetch(`${server.url}/v2/${name}/blobs/${digestOf(bytes)}`, {
    headers: { authorization: basic() },
  });
  expect(response.status).toBe(200);
  expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
}

describe("an upload above the limit goes through in requests below it", () => {
  const bytes = randomBytes(5 * MIB + 12_345);

  afterEach(async () => {
    expect(edge.refused).toBe(0);
    const sent = edge.requests.filter(({ length }) => (length ?? 0) > 0);
    expect(sent.length).toBeGreaterThan(2);
    expect(Math.max(...sent.map(({ length }) => length ?? 0))).toBeLessThanOrEqual(LIMIT_BYTES);
    await pulled(bytes);
  });

  test("as one PUT with its length, as containerd sends it", async () => {
    const { url } = await startProxy();
    const put = await send("PUT", `${await begin(url)}&digest=${digestOf(bytes)}`, bytes);
    expect(put).toMatchObject({
      status: 201,
      headers: { "docker-content-digest": digestOf(bytes) },
    });
  });

  test("as one chunked PATCH and an empty PUT, as docker sends it", async () => {
    const { url } = await startProxy();
    const patch = await send("PATCH", await begin(url), inPieces(bytes));
    expect(patch).toMatchObject({
      status: 202,
      headers: { range: `0-${bytes.length - 1}`, "docker-upload-uuid": expect.any(String) },
    });
    const put = await send("PUT", `${url}${patch.headers.location}&digest=${digestOf(bytes)}`);
    expect(put.status).toBe(201);
  });

  test("as one POST, and its name is percent-encoded", async () => {
    const { url } = await startProxy();
    const path = `/v2/acme/app/blobs/uploads/?digest=${encodeURIComponent(digestOf(bytes))}`;
    expect((await send("POST", url + path, bytes)).status).toBe(201);
  });

  test("as a client's own chunks that are too large", async () => {
    const { url } = await startProxy();
    const half = 3 * MIB;
    const first = await send("PATCH", await begin(url), bytes.subarray(0, half), {
      "content-range": `0-${half - 1}`,
    });
    expect(first).toMatchObject({ status: 202, headers: { range: `0-${half - 1}` } });
    const last = `${url}${first.headers.location}&digest=${digestOf(bytes)}`;
    const put = await send("PUT", last, bytes.subarray(half), {
      "content-range": `${half}-${bytes.length - 1}`,
    });
    expect(put.status).toBe(201);
  });
});

test("an edge with a lower limit than the registry says gets smaller requests after its first 413", async () => {
  const bytes = randomBytes(5 * MIB);
  const { url } = await startProxy({ edge: { limitBytes: LIMIT_BYTES - 100_000 } });
  const put = await send("PUT", `${await begin(url)}&digest=${digestOf(bytes)}`, bytes);
  expect(put.status).toBe(201);
  expect(edge.refused).toBe(1);
  await pulled(bytes);
});

test("a layer that fits goes in one request, and an empty one too", async () => {
  const { url } = await startProxy();
  for (const bytes of [randomBytes(100_000), Buffer.alloc(0)]) {
    const before = edge.requests.length;
    const put = await send("PUT", `${await begin(url)}&digest=${digestOf(bytes)}`, bytes);
    expect(put.status).toBe(201);
    expect(edge.requests.slice(before).map(({ method }) => method)).toEqual(["POST", "PUT"]);
    await pulled(bytes);
  }
});

test("a client's own chunks that fit go through as they are", async () => {
  const { url } = await startProxy();
  const bytes = randomBytes(200_000);
  const [first, last] = [bytes.subarray(0, 150_000), bytes.subarray(150_000)];
  const at = await begin(url);
  const early = await send("PATCH", at, last, { "content-range": "150000-199999" });
  expect(early).toMatchObject({ status: 416, headers: { range: "0--1" } });
  const patch = await send("PATCH", at, first, { "content-range": "0-149999" });
  expect(patch.status).toBe(202);
  const put = await send("PUT", `${url}${patch.headers.location}&digest=${digestOf(bytes)}`, last, {
    "content-range": "150000-199999",
  });
  expect(put.status).toBe(201);
  await pulled(bytes);
});

test("a whole layer that is sent again to an upload with its beginning is taken", async () => {
  const { url } = await startProxy();
  const bytes = randomBytes(3 * MIB);
  const at = await begin(url);
  const path = at.slice(url.length);
  const first = bytes.subarray(0, 2 * MIB);
  const direct = await send("PATCH", server.url + path, first, {
    "content-range": `0-${2 * MIB - 1}`,
  });
  expect(direct.status).toBe(202);
  const put = await send("PUT", `${at}&digest=${digestOf(bytes)}`, bytes);
  expect([put.status, put.body]).toEqual([201, ""]);
  await pulled(bytes);
});

test("a PUT without a digest is the registry's to refuse", async () => {
  const { url } = await startProxy();
  const put = await send("PUT", await begin(url), randomBytes(1000));
  expect(put.status).toBe(400);
  expect(JSON.parse(put.body)).toMatchObject({ errors: [{ code: "DIGEST_INVALID" }] });
});

test("a layer in sha512 is one", async () => {
  const { url } = await startProxy();
  const bytes = randomBytes(3 * MIB);
  const digest = digestOf(bytes, "sha512");
  const post = await send("POST", `${url}/v2/acme/app/blobs/uploads/?digest=${digest}`, bytes);
  expect(post).toMatchObject({ status: 201, headers: { "docker-content-digest": digest } });
});

test("a wrong digest is the registry's refusal, and nothing is stored", async () => {
  const { url } = await startProxy();
  const bytes = randomBytes(3 * MIB);
  const wrong = digestOf(randomBytes(10));
  const put = await send("PUT", `${await begin(url)}&digest=${wrong}`, bytes);
  expect(put.status).toBe(400);
  expect(JSON.parse(put.body)).toMatchObject({ errors: [{ code: "DIGEST_INVALID" }] });
  expect((await send("HEAD", `${url}/v2/acme/app/blobs/${wrong}`)).status).toBe(404);
});

test("a refusal reaches a client that is still sending", async () => {
  const { url } = await startProxy();
  const bytes = randomBytes(8 * MIB);
  const at = (await begin(url)).replace(/uploads\/[^?]*/, "uploads/none");
  const put = await send("PUT", `${at}&digest=${digestOf(bytes)}`, inPieces(bytes));
  expect(put.status).toBe(404);
  expect(JSON.parse(put.body)).toMatchObject({ errors: [{ code: "BLOB_UPLOAD_UNKNOWN" }] });
});

test("manifests, pulls with a Range, mounts and deletions go through unchanged", async () => {
  const { url } = await startProxy();
  const config = randomBytes(1000);
  await send("POST", `${url}/v2/acme/app/blobs/uploads/?digest=${digestOf(config)}`, config);
  const body = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: "application/x", digest: digestOf(config), size: config.length },
      layers: [],
    }),
  );
  const type = { "content-type": MANIFEST };
  expect((await send("PUT", `${url}/v2/acme/app/manifests/v1`, body, type)).status).toBe(201);
  const read = await send("GET", `${url}/v2/acme/app/manifests/v1`);
  expect([read.body, read.headers["docker-content-digest"]]).toEqual([
    body.toString(),
    digestOf(body),
  ]);
  const part = await fetch(`${url}/v2/acme/app/blobs/${digestOf(config)}`, {
    headers: { authorization: basic(), range: "bytes=10-19" },
  });
  expect(part.status).toBe(206);
  expect(Buffer.from(await part.arrayBuffer())).toEqual(config.subarray(10, 20));
  const mount = `${url}/v2/acme/other/blobs/uploads/?mount=${digestOf(config)}&from=acme/app`;
  expect((await send("POST", mount)).status).toBe(201);
  const head = await send("HEAD", `${url}/v2/acme/other/blobs/${digestOf(config)}`);
  expect(head.headers["content-length"]).toBe("1000");
  expect((await send("DELETE", `${url}/v2/acme/app/manifests/v1`)).status).toBe(202);
  expect((await send("GET", `${url}/v2/acme/app/manifests/v1`)).status).toBe(404);
});

describe("who may use it", () => {
  test("no web page, no other name, and nothing but the registry's protocol", async () => {
    const { url, port } = await startProxy();
    const before = edge.requests.length;
    const asked = (headers: Record<string, string>, path = "/v2/") =>
      send("GET", url + path, null, headers);
    expect(await asked({ origin: url })).toMatchObject({ status: 403 });
    const rebound = await asked({ host: `evil.example:${port}` });
    expect(rebound.status).toBe(403);
    expect(rebound.body).toContain(`slipway proxy is localhost:${port}`);
    expect(await asked({}, "/api/v1/me")).toMatchObject({ status: 404 });
    expect(await asked({}, "/v2evil")).toMatchObject({ status: 404 });
    expect(edge.requests).toHaveLength(before);
    expect((await asked({ host: `127.0.0.1:${port}` })).status).toBe(200);
  });

  test("a client gets its token here, where the challenge sends it", async () => {
    const { url } = await startProxy();
    const refused = await fetch(`${url}/v2/`);
    const challenge = refused.headers.get("www-authenticate") ?? "";
    const [, realm = "", service = ""] = /realm="(.*?)",service="(.*?)"/.exec(challenge) ?? [];
    expect(realm).toBe(`${url}/token`);
    const scope = "repository:acme/app:pull,push";
    const answer = await fetch(`${realm}?service=${service}&scope=${scope}`, {
      headers: { authorization: basic() },
    });
    const { token } = JSON.parse(await answer.text()) as { token: string };
    const ok = await fetch(`${url}/v2/`, { headers: { authorization: `Bearer ${token}` } });
    expect(ok.status).toBe(200);
  });

  test("with a credential of its own it wants the secret, and the registry never sees that", async () => {
    const { url } = await startProxy({
      args: ["--credential", "login"],
      env: { SLIPWAY_PROXY_SECRET: SECRET, SLIPWAY_TOKEN: await newToken() },
    });
    const before = edge.requests.length;
    const wrong = await send("GET", `${url}/v2/`, null, { authorization: basic("slipway", "no") });
    expect(wrong).toMatchObject({
      status: 401,
      headers: { "www-authenticate": 'Basic realm="slipway proxy"' },
    });
    expect(edge.requests).toHaveLength(before);
    const authorization = basic("slipway", SECRET);
    const bytes = randomBytes(3 * MIB);
    const post = `${url}/v2/acme/app/blobs/uploads/?digest=${digestOf(bytes)}`;
    const stored = await send("POST", post, bytes, { authorization });
    expect([stored.status, stored.body]).toEqual([201, ""]);
    await pulled(bytes);
    // What its credential may not do is not the client's to log in for.
    const other = await send("POST", `${url}/v2/other/app/blobs/uploads/`, null, { authorization });
    expect(other.status).toBe(403);
    expect(other.headers["www-authenticate"]).toBeUndefined();
    expect(JSON.parse(other.body)).toMatchObject({ errors: [{ code: "DENIED" }] });
  });

  test("it is told what is missing", async () => {
    const run = (line: string, env: Record<string, string> = {}) =>
      commandLine.slipway(`proxy --registry ${server.url} ${line}`, { env });
    expect(await run("--credential login")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`Log in first: slipway login ${server.host}`),
    });
    expect(await run("--credential docker", { DOCKER_CONFIG: commandLine.home })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`Log in first: docker login ${server.host}`),
    });
    expect(await run("--credential oidc")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("Give --namespace"),
    });
    expect(await run("--credential oidc --namespace acme")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("no ID token"),
    });
    const short = { SLIPWAY_PROXY_SECRET: "short" };
    expect(await run("--credential docker", short)).toMatchObject({ code: 2 });
    const gone = await commandLine.slipway("proxy --registry 127.0.0.1:1");
    expect(gone).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("nothing listens there"),
    });
    const wrong = { SLIPWAY_TOKEN: "slp_wrong", SLIPWAY_REGISTRY: server.url };
    expect(await run("--credential login", wrong)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("refused the credentials"),
    });
    const { port } = await startProxy();
    expect(await run(`--port ${port}`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`port ${port} is taken`),
    });
  });
});

test("a registry that is not there is a 502 that says so, and the proxy goes on", async () => {
  const { url } = await startProxy();
  await edge.stop();
  stops.shift();
  const answer = await send("GET", `${url}/v2/`);
  expect(answer.status).toBe(502);
  expect(answer.body).toContain("nothing listens there");
});

test("it ends by SIGTERM, also in the middle of a layer", async () => {
  const proxy = await startProxy();
  const broken = send("PATCH", await begin(proxy.url), endless()).then(
    () => "answered",
    () => "broken",
  );
  await expect.poll(() => edge.requests.length).toBeGreaterThan(2);
  expect(await proxy.stop()).toBe(0);
  expect(await broken).toBe("broken");
});

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield Promise.resolve(randomBytes(50_000));
}

/** A token that may push to acme alone. */
async function newToken(): Promise<string> {
  const answer = await fetch(`${server.url}/api/v1/tokens`, {
    method: "POST",
    headers: { authorization: basic(), "content-type": "application/json" },
    body: JSON.stringify({
      description: "proxy",
      scopes: [{ repositories: "acme/*", actions: ["pull", "push"] }],
    }),
  });
  const made = JSON.parse(await answer.text()) as { secret: string };
  return made.secret;
}
