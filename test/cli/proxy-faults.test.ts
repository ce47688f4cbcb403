/**
 * Pushes through `slipway proxy` while the way to the registry fails: each one arrives whole, what a fault costs is at
 * most one request's bytes, and the registry never has another image than the one that was pushed.
 */
import { decodeProtectedHeader, decodeJwt, SignJWT } from "jose";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type ProxyProcess, startProxyProcess } from "../../scripts/proxy.ts";
import { type Server, startServer } from "../../scripts/server.ts";
import { readSecrets } from "../../scripts/start/secrets.ts";
import { type RunningProxy, startProxy } from "../../src/cli/proxy/server.ts";
import { Upstream } from "../../src/cli/remote/upstream.ts";
import { type Edge, type EdgeOptions, startEdge } from "../support/edge.ts";
import {
  type Fault,
  type Faults,
  type Head,
  isUpload,
  seededFaults,
} from "../support/edge-faults.ts";
import { blob, content, imageManifest, random, randomBytes } from "../support/images.ts";
import { PushClient, type Reply, type Shape, SHAPES } from "../support/push-client.ts";
import { sample, sized, tell } from "../support/sample.ts";

/** The edge's limit is what the registry tells. */
const LIMIT_BYTES = 1_000_000;
const SILENT = { begin: () => ({ at() {}, resumed() {}, done() {}, failed() {} }), end() {} };
const LANES = 4;

let server: Server;
let admin: string;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await startServer({ env: { MAX_REQUEST_BODY_MB: "1", LOG_READS: "false" } });
  admin = `Basic ${Buffer.from(`admin:${server.password}`).toString("base64")}`;
});

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

afterAll(() => server.stop());

async function openEdge(options: Partial<EdgeOptions> = {}): Promise<Edge> {
  const edge = await startEdge({ upstream: server.url, limitBytes: LIMIT_BYTES, ...options });
  ends.push(() => edge.stop());
  return edge;
}

async function openProxy(edge: Edge): Promise<RunningProxy> {
  const upstream = new Upstream(edge.url);
  const proxy = await startProxy({ upstream, port: 0, secret: null, progress: SILENT });
  ends.push(() => proxy.stop());
  return proxy;
}

function clientOf({ port }: { port: number }, repository: string, authorization = admin) {
  return new PushClient(`http://127.0.0.1:${port}`, repository, authorization);
}

/** Fails unless the registry has these bytes under their digest. */
async function expectStored(
  repository: string,
  contents: readonly { bytes: Uint8Array; digest: string }[],
): Promise<void> {
  const direct = new PushClient(server.url, repository, admin);
  for (const { bytes, digest } of contents) {
    const { status, body } = await direct.request("GET", `blobs/${digest}`);
    expect([status, body.equals(bytes)]).toEqual([200, true]);
  }
}

/** What pushes may fail: the requests of an upload again and again, others not as often as they are tried. */
function drawFaults(next: () => number): Faults {
  const percent = 10 + (next() % 50);
  const ofUploads = seededFaults({ seed: next(), percent, most: 1 + (next() % 12) });
  const ofOthers = seededFaults({
    seed: next(),
    percent,
    among: ({ method }) => method === "POST" || method === "PUT",
    most: next() % 5,
  });
  return (head) => (isUpload(head) ? ofUploads(head) : ofOthers(head));
}

const REFUSALS = ["at-once", "drain", "cut"] as const;

/**
 * Pushes an image of some layers, each in another way, with faults; all of it is drawn from the seed.
 * @returns how many faults there were
 */
async function pushWithFaults(seed: number): Promise<number> {
  const next = random(seed);
  const edge = await startEdge({
    upstream: server.url,
    limitBytes: LIMIT_BYTES,
    refusal: REFUSALS[next() % 3] ?? "drain",
    faults: drawFaults(next),
  });
  const upstream = new Upstream(edge.url);
  const proxy = await startProxy({ upstream, port: 0, secret: null, progress: SILENT });
  try {
    const repository = `faults/run-${seed}`;
    const client = clientOf(proxy, repository);
    const layers = Array.from({ length: 1 + (next() % 3) }, () => {
      const size = next() % 4 === 0 ? next() % 1000 : next() % (4 * LIMIT_BYTES);
      return content(randomBytes(size, next));
    });
    const config = content(randomBytes(200, next));
    const blobs = [config, ...layers];
    const shapes = blobs.map((): Shape => SHAPES[next() % SHAPES.length] ?? "PATCH");
    const pushed = await Promise.all(
      blobs.map((one, i) => client.pushBlob(one, shapes[i] ?? "PATCH")),
    );
    expect(pushed.map(({ status }) => status)).toEqual(blobs.map(() => 201));
    expect(pushed.map(({ headers }) => headers["docker-content-digest"])).toEqual(
      blobs.map(({ digest }) => digest),
    );
    const manifest = imageManifest({ config, layers });
    const tagged = await client.pushManifest(manifest, "v1");
    expect([tagged.status, tagged.headers["docker-content-digest"]]).toEqual([
      201,
      manifest.digest,
    ]);
    await expectStored(repository, blobs);
    expectFewBytes(
      edge,
      blobs.reduce((sum, { bytes }) => sum + bytes.length, 0),
      manifest.bytes.length,
    );
    return edge.faulted;
  } finally {
    await proxy.stop();
    await edge.stop();
  }
}

/** What was sent again is at most one request for each fault; a manifest is sent whole again. */
function expectFewBytes(edge: Edge, blobBytes: number, manifestBytes: number): void {
  expect(edge.refused).toBe(0);
  const faults = edge.requests.filter(({ fault }) => fault !== null && fault !== "delay").length;
  const most = blobBytes + manifestBytes + faults * LIMIT_BYTES;
  expect(edge.bodyBytes).toBeLessThanOrEqual(most);
  const largest = Math.max(...edge.requests.map(({ length }) => length ?? 0));
  expect(largest).toBeLessThanOrEqual(LIMIT_BYTES);
}

const SEEDS = sample(
  "proxy pushes: with faults",
  Array.from({ length: 500 }, (_, seed) => seed),
  { few: 6, many: 16 },
);

test("pushes with faults on their way arrive whole, and a fault costs at most one request", async () => {
  const left = [...SEEDS];
  const failures: string[] = [];
  let faults = 0;
  const lane = async () => {
    for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
      try {
        faults += await pushWithFaults(seed);
      } catch (error) {
        failures.push(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  expect(failures).toEqual([]);
  expect(faults).toBeGreaterThan(SEEDS.length / 2);
  tell(`proxy pushes: ${SEEDS.length}, with ${faults} faults`);
});

/** Pushes a layer; three answers to its end are lost. */
async function pushWithLostEnd(shape: Shape): Promise<void> {
  let finishes = 0;
  const edge = await openEdge({
    faults: ({ method }) =>
      method === "PUT" && finishes++ < 3 ? { kind: "replace-answer", status: 502 } : null,
  });
  const client = clientOf(await openProxy(edge), `lost/${nameOf(shape)}`);
  expect((await client.pushBlob(blob(LIMIT_BYTES + 1), shape)).status).toBe(201);
  expect(finishes).toBe(4);
}

test("the answer that ends an upload may get lost several times", async () => {
  await Promise.all(SHAPES.map(pushWithLostEnd));
});

test("a wrong digest is refused by the registry, and the client is told so", async () => {
  const edge = await openEdge();
  const proxy = await openProxy(edge);
  const push = async (shape: Shape) => {
    const client = clientOf(proxy, `wrong/${nameOf(shape)}`);
    const one = blob(2 * LIMIT_BYTES);
    const other = blob(10).digest;
    expect(codeOf(await client.pushBlob(one, shape, other))).toEqual([400, "DIGEST_INVALID"]);
    expect((await client.request("HEAD", `blobs/${other}`)).status).toBe(404);
    expect((await client.pushBlob(one, shape)).status).toBe(201);
  };
  await Promise.all(SHAPES.map(push));
});

/** Pushes a layer with a token that ends before the layer's second request reaches the registry. */
async function outliveToken(shape: Shape): Promise<void> {
  let endsAt = Infinity;
  let chunks = 0;
  const faults = (head: Head): Fault | null => {
    chunks += isUpload(head) ? 1 : 0;
    return chunks === 2 ? { kind: "delay", ms: Math.max(0, endsAt + 1000 - Date.now()) } : null;
  };
  const edge = await openEdge({ faults });
  const proxy = await openProxy(edge);
  const repository = `expired/${nameOf(shape)}`;
  const one = blob(3 * LIMIT_BYTES);
  const token = await endingToken(proxy, repository);
  endsAt = token.endsAt;
  const client = clientOf(proxy, repository, token.authorization);
  expect((await client.pushBlob(one, shape)).status).toBe(201);
  expect(Date.now()).toBeGreaterThan(endsAt);
  expect((await client.request("HEAD", `blobs/${one.digest}`)).status).toBe(401);
  await expectStored(repository, [one]);
}

test("a token that ends in the middle of a layer is good until the layer's end", async () => {
  await Promise.all(SHAPES.map(outliveToken));
});

function nameOf(shape: Shape): string {
  return shape.replace(" ", "-").toLowerCase();
}

function codeOf({ status, body }: Reply): [number, string | undefined] {
  const { errors } = JSON.parse(body.toString()) as { errors: { code: string }[] };
  return [status, errors[0]?.code];
}

/** A token of the registry's that ends in three seconds: its own are good for a minute or more. */
async function endingToken(proxy: RunningProxy, repository: string) {
  const scope = `repository:${repository}:pull,push`;
  const client = clientOf(proxy, repository);
  const { body } = await client.request("GET", `/token?service=registry&scope=${scope}`);
  const { token } = JSON.parse(body.toString()) as { token: string };
  const secrets = await readSecrets(server.data);
  const { alg = "", ...header } = decodeProtectedHeader(token);
  const exp = Math.floor(Date.now() / 1000) + 3;
  const signed = await new SignJWT({ ...decodeJwt(token), exp })
    .setProtectedHeader({ alg, ...header })
    .sign(new TextEncoder().encode(secrets?.TOKEN_KEY));
  return { authorization: `Bearer ${signed}`, endsAt: exp * 1000 };
}

test("two clients that push the same layer at once both succeed", async () => {
  const edge = await openEdge();
  const proxy = await openProxy(edge);
  const one = blob(3 * LIMIT_BYTES);
  const client = clientOf(proxy, "both/app");
  const pushed = await Promise.all([client.pushBlob(one, "PATCH"), client.pushBlob(one, "PUT")]);
  expect(pushed.map(({ status }) => status)).toEqual([201, 201]);
  await expectStored("both/app", [one]);
});

async function spawnProxy(edge: Edge): Promise<ProxyProcess> {
  const proxy = await startProxyProcess(edge.url);
  ends.push(async () => void (await proxy.stop("SIGKILL")));
  return proxy;
}

test.each(["SIGKILL", "SIGTERM"] as const)(
  "a proxy that ends by %s in the middle of a layer leaves nothing wrong: another one takes the push",
  async (signal) => {
    const kills = sized(`proxy pushes: ended by ${signal}`, 1, 10);
    const edge = await openEdge();
    for (let i = 0; i < kills; i++) {
      const repository = `killed/${signal.toLowerCase()}-${i}`;
      const one = blob(4 * LIMIT_BYTES);
      const proxy = await spawnProxy(edge);
      const killAt = edge.bodyBytes + Math.floor((one.bytes.length * (i + 1)) / (kills + 1));
      const ended = Promise.withResolvers<number | null>();
      const body = (async function* () {
        for (let at = 0; at < one.bytes.length; at += 50_000) {
          yield one.bytes.subarray(at, at + 50_000);
          if (edge.bodyBytes >= killAt) break;
        }
        // The rest of the layer never comes: the proxy ends before.
        ended.resolve(await proxy.stop(signal));
      })();
      const client = clientOf(proxy, repository);
      const begun = await client.request("POST", "blobs/uploads/");
      const pushing = client.request("PATCH", begun.headers.location ?? "", { body });
      await expect(pushing).rejects.toThrow();
      expect(await ended.promise).toBe(signal === "SIGTERM" ? 0 : null);
      const again = clientOf(await spawnProxy(edge), repository);
      expect((await again.request("HEAD", `blobs/${one.digest}`)).status).toBe(404);
      expect((await again.pushBlob(one, "chunked PATCH")).status).toBe(201);
      await expectStored(repository, [one]);
    }
    expect(edge.refused).toBe(0);
  },
);
