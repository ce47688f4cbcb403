import type { Digest } from "../oci/digest.ts";
import type { Part } from "../oci/manifest-parts.ts";
import type { RepositoryName } from "../oci/reference.ts";
import type { AttachedManifest } from "../db/attachments.ts";
import type { AttachedLayer, AttachmentReader } from "../registry/attachments.ts";
import type { AttachedSummary } from "./attached/counts.ts";
import { readAttached } from "./attached/read.ts";
import { layersOf } from "./attached/unwrap.ts";
import type { ImageList } from "./image-lists.ts";
import { UnreadableFile } from "./layer/list.ts";
import { readSbom } from "./sbom/read.ts";
import { type AttachedVex, parseVex } from "./vex.ts";

/** A report of a scan that somebody attached, as far as it can be read. */
export interface AttachedReport extends Pick<AttachedLayer, "digest" | "manifest" | "mediaType"> {
  readonly summary: AttachedSummary | null;
  /** Why there is no summary; null if there is one. */
  readonly problem: string | null;
}

/** Statements of an image that count; the newest documents come first. */
const MAX_STATEMENTS = 5_000;

/** Predicates may be anything: only what a descriptor or an artifact type names is read. */
const SBOM = /spdx|cyclonedx|\.syft\b|\bsbom\b/;
const VEX = /openvex/;
const REPORT = /sarif|cosign\.sigstore\.dev\/attestation\/vuln|\bvuln\b/;
const PREDICATES = [
  "in-toto.io/predicate-type",
  "predicateType",
  "dev.sigstore.bundle.predicateType",
];

/** Reads what people attached to images about what is in them. All of it is a claim, by whoever pushed it. */
export class AttachedDocuments {
  readonly #attachments: AttachmentReader;

  constructor(attachments: AttachmentReader) {
    this.#attachments = attachments;
  }

  /** Returns the packages of the first SBOM that can be read; null if there is none. */
  async sbom(repository: RepositoryName, digest: Digest): Promise<ImageList | null> {
    const { layers } = await this.#attachments.read(repository, digest, named(SBOM));
    for (const layer of layers) {
      const sbom = attempt(() => readSbom(textOf(layer)));
      if (sbom === null || sbom.packages.length === 0) continue;
      const packages = sbom.packages.map((pkg) => ({ ...pkg, layer: null }));
      return { ...sbom, packages, origin: "sbom", unscannable: null };
    }
    return null;
  }

  /** Returns what OpenVEX documents say of vulnerabilities, and what they may be about. */
  async vex(repository: RepositoryName, digest: Digest): Promise<AttachedVex> {
    const { layers, subjects } = await this.#attachments.read(repository, digest, named(VEX));
    const statements = layers
      .flatMap((layer) => attempt(() => layersOf(textOf(layer))) ?? [])
      .flatMap(({ json }) => parseVex(json) ?? [])
      .slice(0, MAX_STATEMENTS);
    return { statements, subjects: subjects.map((subject) => subject.digest) };
  }

  /** Returns the reports of scans, as SARIF or cosign's attestation of vulnerabilities. @throws MANIFEST_UNKNOWN */
  async reports(repository: RepositoryName, digest: Digest): Promise<readonly AttachedReport[]> {
    const { layers, subjects } = await this.#attachments.read(repository, digest, named(REPORT));
    const digests = subjects.map((subject) => subject.digest);
    return layers.map((layer) => {
      const { digest: of, manifest, mediaType } = layer;
      const read = (attempt(() => layersOf(textOf(layer))) ?? []).map(({ json }) =>
        readAttached(json, digests),
      );
      const summary = read.find((one) => one.kind === "summary")?.summary ?? null;
      const [first] = read.filter((one) => one.kind === "unreadable");
      const problem = summary === null ? (first?.why ?? "it is no JSON") : null;
      return { digest: of, manifest, mediaType, summary, problem };
    });
  }
}

function named(pattern: RegExp): (layer: Part, manifest: AttachedManifest) => boolean {
  return ({ mediaType, annotations }, { artifactType }) =>
    [mediaType, artifactType, ...PREDICATES.map((name) => annotations[name] ?? "")].some((text) =>
      pattern.test(text),
    );
}

function textOf({ bytes }: AttachedLayer): string {
  return new TextDecoder().decode(bytes);
}

/** What cannot be read counts as not there. */
function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof UnreadableFile) return null;
    throw error;
  }
}
