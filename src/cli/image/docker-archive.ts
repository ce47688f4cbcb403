/** What `docker save` wrote before version 25, and podman, kaniko and others still do: manifest.json, configs, a tar for each layer. */
import { createHash } from "node:crypto";
import * as v from "valibot";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { OCI_MANIFEST } from "../../oci/media-type.ts";
import { CliError } from "../error.ts";
import { type Files, readJson, readWhole } from "./files.ts";
import { type Descriptor, digestOf, type Manifest, writeManifest } from "./manifest.ts";
import { isSame } from "./name.ts";
import type { Blob, Bytes, ImageSource } from "./source.ts";

const Images = v.array(
  v.object({
    Config: v.string(),
    RepoTags: v.nullish(v.array(v.string()), []),
    Layers: v.nullish(v.array(v.string()), []),
  }),
);
type Image = v.InferOutput<typeof Images>[number];

const Config = v.object({
  rootfs: v.object({ diff_ids: v.nullish(v.array(v.pipe(v.string(), v.check(isDigest))), []) }),
});

const LAYER = "application/vnd.oci.image.layer.v1.tar";
/** The first bytes of what is compressed → the ending of its media type. */
const COMPRESSIONS: readonly (readonly [magic: string, ending: string])[] = [
  ["1f8b", "+gzip"],
  ["28b52ffd", "+zstd"],
];

export class DockerArchiveSource implements ImageSource {
  readonly name: string;
  readonly mountable = null;
  readonly #files: Files;
  readonly #wanted: string | null;
  /** The file of each blob, once the manifest was made. */
  readonly #blobs = new Map<Digest, string>();

  /** @param wanted the image's name, such as "acme/app:v1"; null for the only one */
  constructor(name: string, files: Files, wanted: string | null) {
    this.name = name;
    this.#files = files;
    this.#wanted = wanted;
  }

  /** The manifest, which the archive does not have: its layers are as they are there, compressed or not. */
  async root(): Promise<Manifest> {
    const image = await this.#image();
    const config = await readWhole(this.#files, image.Config);
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Config), config.toString());
    const ids = parsed.success ? (parsed.output.rootfs.diff_ids as Digest[]) : [];
    if (!parsed.success || ids.length !== image.Layers.length) {
      throw new CliError(`${this.name}: the config ${image.Config} does not have its layers`, {
        code: "DAMAGED",
      });
    }
    const layers: object[] = [];
    for (const [i, id] of ids.entries()) layers.push(await this.#layer(image.Layers[i] ?? "", id));
    const digest = digestOf(config);
    this.#blobs.set(digest, image.Config);
    const mediaType = "application/vnd.oci.image.config.v1+json";
    const body = {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType, digest, size: config.length },
      layers,
    };
    return writeManifest(body, OCI_MANIFEST);
  }

  async manifest({ digest }: Descriptor): Promise<Manifest> {
    throw new CliError(`${this.name} has no manifest ${digest}`);
  }

  async open({ digest }: Blob, offset: number): Promise<Bytes> {
    const file = this.#blobs.get(digest);
    if (file === undefined) throw new CliError(`${this.name} has no blob ${digest}`);
    return this.#files.read(file, offset);
  }

  async referrers(): Promise<Descriptor[]> {
    return [];
  }

  async tagged(): Promise<null> {
    return null;
  }

  async close(): Promise<void> {
    // Each file is closed when it was read.
  }

  async #image(): Promise<Image> {
    const parsed = v.safeParse(Images, await readJson(this.#files, "manifest.json"));
    if (!parsed.success)
      throw new CliError(`${this.#files.path}: manifest.json is none of docker's`);
    const wanted = this.#wanted;
    const found = parsed.output.filter(
      ({ RepoTags }) => wanted === null || RepoTags.some((name) => isSame(name, wanted)),
    );
    const [only] = found;
    if (only !== undefined && found.length === 1) return only;
    const names = parsed.output.flatMap(({ RepoTags }) => RepoTags).slice(0, 10);
    const shown = names.join(", ") || "images without a name";
    if (only === undefined) throw new CliError(`${this.name} is not there; there are: ${shown}`);
    throw new CliError(`${this.name} has several images; name one of: ${shown}`, { code: "USAGE" });
  }

  async #layer(file: string, diffId: Digest): Promise<object> {
    const size = await this.#files.sizeOf(file);
    const ending = await this.#compression(file);
    // The digest of what is not compressed stands in the config already.
    const digest = ending === "" ? diffId : await this.#hashed(file);
    this.#blobs.set(digest, file);
    return { mediaType: LAYER + ending, digest, size };
  }

  async #compression(file: string): Promise<string> {
    for await (const chunk of await this.#files.read(file)) {
      const first = Buffer.from(chunk).toString("hex", 0, 4);
      return COMPRESSIONS.find(([magic]) => first.startsWith(magic))?.[1] ?? "";
    }
    return "";
  }

  async #hashed(file: string): Promise<Digest> {
    const hash = createHash("sha256");
    for await (const chunk of await this.#files.read(file)) hash.update(chunk);
    return `sha256:${hash.digest("hex")}` as Digest;
  }
}
