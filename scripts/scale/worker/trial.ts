/** A registry to try operations on: the Worker's own code, on a database that counts rows. */
import { handle } from "../../../src/app.ts";
import type { Env } from "../../../src/settings.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { type Metered, Meter } from "./meter.ts";
import {
  BIG,
  BIG_ID,
  childNumbers,
  CONFIG_SIZE,
  digest,
  layerSize,
  LAYERS,
  tag,
  UPPER_HALF,
  type World,
} from "./world.ts";

const INITIATOR = "https://registry.test";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** The cost of one operation. */
export interface Cost {
  readonly statements: readonly Metered[];
  readonly milliseconds: number;
}

export class Trial {
  readonly world: World;
  readonly env: Env;
  readonly #meter: Meter;
  readonly #authorization: string;
  readonly #deferred: Promise<unknown>[] = [];

  private constructor(world: World, env: Env, authorization: string) {
    this.world = world;
    this.#meter = new Meter(env.DB);
    this.env = { ...env, DB: this.#meter.db };
    this.#authorization = authorization;
  }

  static async begin(world: World, env: Env): Promise<Trial> {
    const password = btoa(`admin:${env.ADMIN_PASSWORD ?? ""}`);
    const basic = new Trial(world, env, `Basic ${password}`);
    const body = JSON.stringify({ description: "scale" });
    const made = await basic.request("POST", "/api/v1/tokens", body, "application/json");
    const { secret } = await made.json<{ secret: string }>();
    const trial = new Trial(world, env, `Bearer ${secret}`);
    // The first request of a day records the use of the token, and the first of an isolate reads the revocations.
    await trial.request("POST", `/v2/${BIG}/blobs/uploads/`);
    await Promise.all(trial.#deferred);
    return trial;
  }

  /** @throws Error when it is refused */
  async request(
    method: string,
    path: string,
    body: string | null = null,
    type = "application/octet-stream",
  ): Promise<Response> {
    const headers = { authorization: this.#authorization, "content-type": type };
    const length = { "content-length": String(new TextEncoder().encode(body ?? "").length) };
    const init = { method, headers: { ...headers, ...(body === null ? {} : length) }, body };
    const response = await handle(new Request(INITIATOR + path, init), this.env, (work) => {
      this.#deferred.push(work);
    });
    if (response.ok) return response;
    throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  }

  async cost(work: () => Promise<unknown>): Promise<Cost> {
    this.#meter.take();
    const began = Date.now();
    const result = await work();
    if (result instanceof Response) await result.arrayBuffer();
    return { statements: this.#meter.take(), milliseconds: Date.now() - began };
  }

  /** Makes an image that is not pushed yet, of the blobs that most images share. */
  image(): Promise<Content> {
    const config = { digest: digest("config", 0), size: CONFIG_SIZE };
    const layers = Array.from({ length: LAYERS }, (_, n) => {
      return { digest: digest("layer", n), size: layerSize(n) };
    });
    return content(MANIFEST, {
      config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
      layers: layers.map((layer) => ({
        mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
        ...layer,
      })),
    });
  }

  /** Makes an index of that many existing images. */
  async index(children: number): Promise<Content> {
    const digests = childNumbers(children).map((n) => digest("manifest", n));
    const { results } = await this.env.DB.prepare(
      `SELECT digest, size, media_type AS mediaType FROM manifests
       WHERE repository_id = ?1 AND digest IN (SELECT value FROM json_each(?2))`,
    )
      .bind(BIG_ID, JSON.stringify(digests))
      .all<Descriptor>();
    return content(INDEX, { manifests: results });
  }

  put({ text, mediaType }: Content, reference: string): Promise<Response> {
    return this.request("PUT", `/v2/${BIG}/manifests/${reference}`, text, mediaType);
  }

  /** Pushes an image under a tag of its own. */
  async pushed(): Promise<Content & { readonly tag: string }> {
    const image = await this.image();
    const pushedAs = unused();
    await this.put(image, pushedAs);
    return { ...image, tag: pushedAs };
  }

  /** Pushes a blob that no manifest names. @returns its digest */
  async pushedBlob(): Promise<string> {
    const blob = await content("", {});
    const started = await this.request("POST", `/v2/${BIG}/blobs/uploads/`);
    const location = started.headers.get("location") ?? "";
    await this.request("PUT", `${location}&digest=${blob.digest}`, blob.text);
    return blob.digest;
  }
}

export interface Content extends Descriptor {
  readonly text: string;
}

async function content(mediaType: string, fields: object): Promise<Content> {
  const annotations = { nonce: crypto.randomUUID() };
  const text = JSON.stringify({ schemaVersion: 2, mediaType, ...fields, annotations });
  const bytes = new TextEncoder().encode(text);
  const own = await digestOf("sha256", bytes);
  if (own < UPPER_HALF) return content(mediaType, fields);
  return { text, mediaType, digest: own, size: bytes.length };
}

/** Returns a tag that does not exist. It is on no page that is read, and always has others behind it. */
export function unused(): string {
  return `${tag(60)}-${crypto.randomUUID()}`;
}
