/** One layer far above the edge's limit: by `slipway push`, and by skopeo through the proxy where skopeo is installed. */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { text as textOf } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { type Edge, startEdge } from "../../test/support/edge.ts";
import { memoryOf } from "../bench/processes.ts";
import { startProxyProcess } from "../proxy.ts";
import { type Server, startServer } from "../server.ts";
import type { Finding } from "./finding.ts";
import { makeLayer } from "./layer.ts";
import type { Place } from "./push.ts";

const LIMIT_BYTES = 100_000_000;
const LAUNCHER = join(import.meta.dirname, "../../src/cli/slipway.js");
/** skopeo compresses what does not begin so. */
const GZIP = Buffer.from("1f8b0800000000000003", "hex");

/** Each push goes to a registry of its own, which has nothing yet. */
export async function* measureLarge(_: Place, isShort: boolean): AsyncGenerator<Finding> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-large-"));
  try {
    const layout = join(folder, "layout");
    const digest = await writeImage(layout, isShort ? 150_000_000 : 3_000_000_000);
    const hasSkopeo = spawnSync("skopeo", ["--version"]).status === 0;
    for (const push of hasSkopeo ? [pushBySlipway, pushBySkopeo] : [pushBySlipway]) {
      yield await measure(push, { folder, layout, digest });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Image {
  /** For what a program keeps. */
  readonly folder: string;
  readonly layout: string;
  /** Of the layer. */
  readonly digest: string;
}

interface Way {
  readonly image: Image;
  readonly edge: Edge;
  readonly server: Server;
}

/** @returns what it was, with the memory that it took */
type Push = (way: Way) => Promise<string>;

async function measure(push: Push, image: Image): Promise<Finding> {
  const server = await startServer({ env: { LOG_READS: "false" } });
  const edge = await startEdge({ upstream: server.url, limitBytes: LIMIT_BYTES });
  try {
    const began = performance.now();
    const what = await push({ image, edge, server });
    const seconds = (performance.now() - began) / 1000;
    const found = await digestAt(server, image.digest);
    const requests = edge.requests.filter(({ bodyBytes }) => bodyBytes > 0);
    const largest = Math.max(...requests.map(({ bodyBytes }) => bodyBytes));
    const text = `${what} in ${seconds.toFixed(0)} s: ${edge.refused} requests refused as too large, the largest of ${requests.length} had ${(largest / 1e6).toFixed(1)} MB; what is pulled is ${found === image.digest ? "what was pushed" : found}`;
    return { text, isMet: edge.refused === 0 && found === image.digest };
  } finally {
    await edge.stop();
    await server.stop();
  }
}

async function pushBySlipway({ image, edge, server }: Way): Promise<string> {
  const env = {
    XDG_CONFIG_HOME: image.folder,
    XDG_CACHE_HOME: image.folder,
    DOCKER_AUTH_CONFIG: authOf(new URL(edge.url).host, server),
  };
  const target = `${edge.url}/transfer/large:v1`;
  const command = [LAUNCHER, "push", `oci:${image.layout}:v1`, target];
  const peak = await run(process.execPath, command, env);
  return `slipway push, ${megabytes(peak)} MB of memory at most,`;
}

async function pushBySkopeo({ image, edge, server }: Way): Promise<string> {
  const proxy = await startProxyProcess(edge.url);
  try {
    const auth = join(image.folder, "auth.json");
    await writeFile(auth, authOf(proxy.host, server));
    const [from, to] = [`oci:${image.layout}:v1`, `docker://${proxy.host}/transfer/large:v1`];
    const options = ["--preserve-digests", "--dest-tls-verify=false", "--authfile", auth];
    await run("skopeo", ["copy", ...options, from, to], {});
    return `skopeo through the proxy, which took ${megabytes(memoryOf(proxy.pid).peak)} MB of memory at most,`;
  } finally {
    await proxy.stop();
  }
}

function authOf(host: string, { password }: Server): string {
  const auth = Buffer.from(`admin:${password}`).toString("base64");
  return JSON.stringify({ auths: { [host]: { auth } } });
}

/** @returns the most memory that the program had, as it was seen now and then */
async function run(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<number> {
  const child = spawn(program, args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...env },
  });
  let peak = 0;
  const timer = setInterval(() => {
    const seen = memoryOf(child.pid ?? 0).peak;
    // A program that has just ended has none, which is no number.
    if (seen > peak) peak = seen;
  }, 100);
  try {
    const closed = once(child, "close") as Promise<[number]>;
    const [said, [code]] = await Promise.all([textOf(child.stderr), closed]);
    if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${said}`);
    return peak;
  } finally {
    clearInterval(timer);
  }
}

/** The digest of what the registry sends. */
async function digestAt({ url, password }: Server, digest: string): Promise<string> {
  const authorization = `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`;
  const answer = await fetch(`${url}/v2/transfer/large/blobs/${digest}`, {
    headers: { authorization },
  });
  if (answer.body === null) throw new Error(`GET: ${answer.status}`);
  const hash = createHash("sha256");
  for await (const chunk of answer.body) hash.update(chunk);
  return `sha256:${hash.digest("hex")}`;
}

/** Writes an OCI layout with an image of one layer. @returns the layer's digest */
async function writeImage(layout: string, bytes: number): Promise<string> {
  const blobs = join(layout, "blobs/sha256");
  await mkdir(blobs, { recursive: true });
  const hash = createHash("sha256");
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const rest = makeLayer(bytes - GZIP.length);
  const draft = join(layout, "draft");
  await pipeline(
    Readable.from(
      (function* () {
        yield GZIP;
        yield* rest.pieces();
      })(),
    ),
    hashing,
    createWriteStream(draft),
  );
  const layer = hash.digest("hex");
  await rename(draft, join(blobs, layer));
  const put = async (value: object, mediaType: string): Promise<object> => {
    const content = JSON.stringify(value);
    const digest = createHash("sha256").update(content).digest("hex");
    await writeFile(join(blobs, digest), content);
    return { mediaType, digest: `sha256:${digest}`, size: content.length };
  };
  const rootfs = { type: "layers", diff_ids: [`sha256:${layer}`] };
  const config = await put(
    { os: "linux", architecture: "amd64", rootfs },
    "application/vnd.oci.image.config.v1+json",
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const layers = [
    {
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest: `sha256:${layer}`,
      size: bytes,
    },
  ];
  const manifest = await put({ schemaVersion: 2, mediaType, config, layers }, mediaType);
  const annotations = { "org.opencontainers.image.ref.name": "v1" };
  await writeFile(
    join(layout, "index.json"),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  await writeFile(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  return `sha256:${layer}`;
}

function megabytes(size: number): string {
  return (size / 1e6).toFixed(0);
}
