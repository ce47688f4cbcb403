/**
 * A source whose layers are not compressed, such as what `docker save` writes, as docker would push it: each layer is compressed into a
 * temporary file first, so that its digest is known before anything is sent, and the manifest is written with these digests.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGzip } from "node:zlib";
import { algorithmOf, type Digest } from "../../oci/digest.ts";
import { CliError } from "../error.ts";
import { mapPool } from "../pool.ts";
import type { Progress } from "../upload/progress.ts";
import { Cache } from "./cache.ts";
import { type Descriptor, type Manifest, writeManifest } from "./manifest.ts";
import { shortDigest } from "../output.ts";
import type { Blob, Bytes, ImageSource } from "./source.ts";

/** Media types of tars → what they are with gzip. */
const GZIPPED: ReadonlyMap<string, string> = new Map([
  ["application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip"],
  [
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
  ],
]);

/** gzip writes the same bytes for the same content only at the same version and level. */
const LEVEL = constants.Z_DEFAULT_COMPRESSION;
const GZIP = `zlib ${process.versions.zlib} level ${LEVEL}`;

/** The fields of a descriptor that are others afterwards. */
type Change = Blob & { readonly mediaType?: string };

interface Written {
  readonly layers?: readonly object[] | null;
  readonly manifests?: readonly object[] | null;
}

interface Options {
  readonly progress: Progress;
  readonly parallel: number;
  readonly signal: AbortSignal;
}

export class CompressingSource implements ImageSource {
  readonly mountable = null;
  readonly #source: ImageSource;
  readonly #options: Options;
  readonly #known = new Cache<Blob>("layers");
  /** The digest of what is compressed → the layer that it is of. */
  readonly #layers = new Map<Digest, Descriptor>();
  readonly #compressing = new Map<Digest, Promise<Blob>>();
  readonly #files = new Map<Digest, Promise<string>>();
  readonly #manifests = new Map<Digest, Manifest>();
  #folder: Promise<string> | null = null;

  constructor(source: ImageSource, options: Options) {
    this.#source = source;
    this.#options = options;
  }

  get name(): string {
    return this.#source.name;
  }

  async root(): Promise<Manifest> {
    return this.#compressed(await this.#source.root());
  }

  async manifest(child: Descriptor): Promise<Manifest> {
    return this.#manifests.get(child.digest) ?? this.#source.manifest(child);
  }

  async open(blob: Blob, offset: number): Promise<Bytes> {
    const layer = this.#layers.get(blob.digest);
    if (layer === undefined) return this.#source.open(blob, offset);
    const file = this.#files.get(layer.digest) ?? this.#again(layer, blob);
    this.#files.set(layer.digest, file);
    return createReadStream(await file, { start: offset });
  }

  async referrers(subject: Digest): Promise<Descriptor[]> {
    return this.#source.referrers(subject);
  }

  async tagged(tag: string): Promise<Manifest | null> {
    return this.#source.tagged(tag);
  }

  async close(): Promise<void> {
    const folder = await this.#folder;
    if (folder !== null) await rm(folder, { recursive: true, force: true });
    await this.#source.close();
  }

  /** @returns the same manifest if all of it is compressed already */
  async #compressed(manifest: Manifest): Promise<Manifest> {
    const { layers, manifests } = manifest.body;
    const changedLayers = await mapPool(layers, this.#options.parallel, (one) => this.#layer(one));
    const changedManifests: (Change | null)[] = [];
    for (const child of manifests) changedManifests.push(await this.#child(child));
    if ([...changedLayers, ...changedManifests].every((change) => change === null)) return manifest;
    const written = JSON.parse(manifest.bytes.toString()) as Written;
    const body = {
      ...written,
      ...(written.layers && { layers: changed(written.layers, changedLayers) }),
      ...(written.manifests && { manifests: changed(written.manifests, changedManifests) }),
    };
    return writeManifest(body, manifest.mediaType);
  }

  async #child(child: Descriptor): Promise<Change | null> {
    const before = await this.#source.manifest(child);
    const after = await this.#compressed(before);
    this.#manifests.set(after.digest, after);
    return after === before ? null : { digest: after.digest, size: after.bytes.length };
  }

  async #layer(layer: Descriptor): Promise<Change | null> {
    const mediaType = GZIPPED.get(layer.mediaType);
    if (mediaType === undefined) return null;
    // An image may have the same layer twice.
    const compressing = this.#compressing.get(layer.digest) ?? this.#remembered(layer);
    this.#compressing.set(layer.digest, compressing);
    const { digest, size } = await compressing;
    this.#layers.set(digest, layer);
    return { mediaType, digest, size };
  }

  async #remembered(layer: Descriptor): Promise<Blob> {
    const key = `${layer.digest} ${GZIP}`;
    const known = await this.#known.get(key);
    if (known !== null) return known;
    const { digest, size } = await this.#compress(layer);
    await this.#known.set(key, { digest, size });
    return { digest, size };
  }

  /** A layer whose digest an earlier run knew is compressed only when it has to be sent. */
  async #again(layer: Descriptor, expected: Blob): Promise<string> {
    const { digest } = await this.#compress(layer);
    if (digest === expected.digest) return this.#fileOf(layer);
    await this.#known.remove(`${layer.digest} ${GZIP}`);
    throw new CliError(`the layer ${layer.digest} was compressed to other bytes than before`, {
      hint: "Run this again.",
    });
  }

  async #compress(layer: Descriptor): Promise<Blob> {
    const step = this.#options.progress.begin(shortDigest(layer.digest), layer.size);
    try {
      const file = await this.#fileOf(layer);
      const raw = createHash(algorithmOf(layer.digest));
      const packed = createHash("sha256");
      let read = 0;
      let size = 0;
      await pipeline(
        Readable.from(await this.#source.open(layer, 0)),
        through((chunk) => {
          raw.update(chunk);
          read += chunk.length;
          step.at(read);
        }),
        createGzip({ level: LEVEL, chunkSize: 256 * 1024 }),
        through((chunk) => {
          packed.update(chunk);
          size += chunk.length;
        }),
        createWriteStream(file),
        { signal: this.#options.signal },
      );
      requireDigest(layer, `${algorithmOf(layer.digest)}:${raw.digest("hex")}`, this.name);
      this.#files.set(layer.digest, Promise.resolve(file));
      step.done("compressed");
      return { digest: `sha256:${packed.digest("hex")}` as Digest, size };
    } catch (error) {
      step.failed("not compressed");
      throw error;
    }
  }

  async #fileOf({ digest }: Descriptor): Promise<string> {
    this.#folder ??= mkdtemp(join(tmpdir(), "slipway-layers-"));
    return join(await this.#folder, digest.replace(":", "-"));
  }
}

function requireDigest({ digest }: Descriptor, found: string, source: string): void {
  if (found === digest) return;
  throw new CliError(`${source} is damaged: the layer ${digest} has other bytes (${found})`, {
    code: "DAMAGED",
  });
}

function changed(descriptors: readonly object[], changes: readonly (Change | null)[]): object[] {
  return descriptors.map((one, i) => ({ ...one, ...changes[i] }));
}

function through(see: (chunk: Buffer) => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      see(chunk);
      done(null, chunk);
    },
  });
}
