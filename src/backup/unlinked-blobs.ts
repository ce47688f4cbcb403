import { formatDigest, isDigest } from "../oci/digest.ts";
import { isNotFound, RegistryError } from "../oci/errors.ts";
import { isRepositoryName } from "../oci/reference.ts";
import type { Initiator } from "../db/audit.ts";
import type { BlobStore } from "../db/blobs.ts";
import type { Bucket, Listed } from "../db/bucket.ts";
import type { FsckStore } from "../fsck/store.ts";
import type { ImportState } from "./import-state.ts";

/** An object that no row names, and that may be younger than the export. */
export interface FoundObject extends Listed {
  readonly digest: string;
  /** `manifest`: its blobs can be linked, but the manifest itself has to be pushed again. */
  readonly kind: "blob" | "manifest";
  readonly outcome: "offered" | "linked" | "refused";
  /** Why it was refused, or null. */
  readonly reason: string | null;
}

export interface FoundPage {
  readonly items: readonly FoundObject[];
  /** The key after which the next page begins; null at the end. */
  readonly next: string | null;
}

const PREFIXES = ["blobs/", "manifests/"] as const;
/** Bounds of what one step hashes, in objects and in bytes; at least one object. */
const MAX_OBJECTS = 50;
const MAX_BYTES = 1024 ** 3;

/**
 * Finds objects in the bucket that were pushed after the imported export was written. A linked blob need not be
 * uploaded again with its image; a blob that no manifest names goes by garbage collection. Nothing is deleted here.
 */
export class UnlinkedBlobs {
  readonly #rows: FsckStore;
  readonly #blobs: BlobStore;
  readonly #bucket: Bucket;
  readonly #grace: number;

  /**
   * @param grace how much older than the export, in milliseconds, a blob may be that no manifest named when it was
   * written
   */
  constructor(
    { rows, blobs }: { readonly rows: FsckStore; readonly blobs: BlobStore },
    bucket: Bucket,
    grace: number,
  ) {
    this.#rows = rows;
    this.#blobs = blobs;
    this.#bucket = bucket;
    this.#grace = grace;
  }

  /**
   * Reads one page of the bucket.
   * @param link the initiator of links; null to link nothing
   * @throws CONFLICT before an import is complete
   */
  async page(
    imported: ImportState | null,
    after: string | null,
    link: Initiator | null,
  ): Promise<FoundPage> {
    if (imported?.phase !== "done") {
      throw new RegistryError("CONFLICT", {
        message: "nothing was imported here, or not to its end: import first",
      });
    }
    const prefix = PREFIXES.find((one) => after?.startsWith(one)) ?? PREFIXES[0];
    const { objects, more } = await this.#bucket.list(prefix, after);
    const since = imported.exportedAt - this.#grace;
    const young = objects.filter(
      ({ uploaded }) => uploaded >= since && uploaded <= imported.beganAt,
    );
    const unnamed = new Set(await this.#unnamed(young.map(({ key }) => key)));
    const items: FoundObject[] = [];
    let bytes = 0;
    for (const object of young.filter(({ key }) => unnamed.has(key))) {
      if (items.length === MAX_OBJECTS || bytes >= MAX_BYTES) {
        return { items, next: items.at(-1)?.key ?? null };
      }
      const found = await this.#found(object, link);
      if (found !== null) items.push(found);
      bytes += object.size;
    }
    const next = PREFIXES[PREFIXES.indexOf(prefix) + 1] ?? null;
    return { items, next: more ? (objects.at(-1)?.key ?? null) : next };
  }

  async #unnamed(keys: readonly string[]): Promise<readonly string[]> {
    return keys.length === 0 ? [] : this.#rows.unexplained(keys);
  }

  /** @returns null when the object is gone in the meantime */
  async #found(object: Listed, link: Initiator | null): Promise<FoundObject | null> {
    const body = await this.#bucket.open(object.key);
    if (body === null) return null;
    const stream = new crypto.DigestStream("SHA-256");
    await body.pipeTo(stream);
    const digest = formatDigest("sha256", new Uint8Array(await stream.digest));
    const kind = object.key.startsWith("manifests/") ? "manifest" : "blob";
    const found = { ...object, digest, kind, outcome: "offered", reason: null } as const;
    if (link === null || kind === "manifest") return found;
    const reason = await this.#link(found, link);
    return { ...found, outcome: reason === null ? "linked" : "refused", reason };
  }

  /** @returns why it could not be linked, or null */
  async #link({ repository, key, size, digest }: FoundObject, initiator: Initiator) {
    if (repository === null || !isRepositoryName(repository) || !isDigest(digest)) {
      return "the object does not say whose it is";
    }
    try {
      await this.#blobs.add(repository, digest, { key, size, event: "blob.link" }, initiator);
      return null;
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      return isNotFound(error)
        ? `the export has no repository ${repository}: create it, and run this again`
        : error.message;
    }
  }
}
