import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { RepositoryName } from "../oci/reference.ts";
import type { Initiator } from "../db/audit.ts";
import type { Bucket } from "../db/bucket.ts";
import { inflateText } from "../db/manifest-text.ts";
import { readManifestText } from "../db/read-manifest-text.ts";
import { assess, type Assessment } from "./assessment.ts";
import type { AttachedDocuments, AttachedReport } from "./documents.ts";
import { type ExceptionStore, holdingIn } from "./exception-store.ts";
import type { ImageList, ImageLists } from "./image-lists.ts";
import type { ScanReads, ScanRow } from "./read-store.ts";
import { findingsOf, type ImageFinding, type StoredResult, worstFirst } from "./result.ts";
import type { Distribution } from "./package.ts";
import { inflatedText } from "./stored-text.ts";
import type { ScanStore } from "./store.ts";
import { type Counts, countsOf, type Summary } from "./summary.ts";

/** A finding with what was decided on it, and the images that have it. */
export type ReportFinding = ImageFinding &
  Assessment & {
    readonly distribution: Distribution | null;
    readonly images: readonly Digest[];
  };

export interface ImageReport extends Omit<ScanRow, "summary" | "result" | "resultBytes"> {
  readonly scanners: StoredResult["scanners"];
  readonly counts: Counts | null;
}

export interface Report {
  readonly images: readonly ImageReport[];
  /** Of all images together; null if none has been matched. */
  readonly counts: Counts | null;
  /** The worst first. */
  readonly findings: readonly ReportFinding[];
}

/** The most bytes of results as JSON that one answer is made of: a Worker has 128 MB of memory for all its requests. */
const MAX_REPORT_BYTES = 32 * 1024 ** 2;

interface Stores {
  readonly reads: ScanReads;
  readonly scans: ScanStore;
  readonly exceptions: ExceptionStore;
  readonly documents: AttachedDocuments;
  readonly lists: ImageLists;
}

/** What is known of the packages of images and their vulnerabilities. */
export class ScanReports {
  readonly #reads: ScanReads;
  readonly #scans: ScanStore;
  readonly #exceptions: ExceptionStore;
  readonly #documents: AttachedDocuments;
  readonly #bucket: Bucket;
  readonly #lists: ImageLists;

  constructor({ reads, scans, exceptions, documents, lists }: Stores, bucket: Bucket) {
    this.#reads = reads;
    this.#scans = scans;
    this.#exceptions = exceptions;
    this.#documents = documents;
    this.#bucket = bucket;
    this.#lists = lists;
  }

  /**
   * Returns the packages of an image of one platform.
   * @returns null while its layers have not been read
   * @throws MANIFEST_UNKNOWN; REQUEST_INVALID for what is no image of one platform
   */
  async packages(
    repository: RepositoryName,
    digest: Digest,
    takesAttached: boolean,
  ): Promise<ImageList | null> {
    const manifest = await this.#reads.manifest(repository, digest);
    if (manifest === null) throw new RegistryError("MANIFEST_UNKNOWN", { detail: { digest } });
    const { kind, content, object } = manifest;
    if (kind !== "image") {
      throw new RegistryError("REQUEST_INVALID", {
        message:
          kind === "index"
            ? "an index has no packages: ask for those of the images that it names"
            : `a manifest of the kind "${kind}" has no packages`,
        detail: { digest },
      });
    }
    const stored = { digest, content: inflateText(content), object };
    const text = await readManifestText(this.#bucket, stored);
    const attached = takesAttached ? await this.#documents.sbom(repository, digest) : null;
    return attached ?? this.#lists.read({ repository, text });
  }

  /** Has an image, or all images of an index, scanned soon. @throws MANIFEST_UNKNOWN; REQUEST_INVALID if scanning is off */
  async again(repository: RepositoryName, digest: Digest, initiator: Initiator): Promise<void> {
    const rows = await this.#scansOf(repository, digest);
    const images = rows.map((row) => row.digest);
    const found = await this.#scans.makeDueNow(repository, { digest, images }, initiator);
    if (!found) {
      throw new RegistryError("REQUEST_INVALID", {
        message: "it is no image, or this registry does not scan images (SCANNING)",
        detail: { digest },
      });
    }
  }

  /** Returns the reports of scans that somebody attached. @throws MANIFEST_UNKNOWN */
  attached(repository: RepositoryName, digest: Digest): Promise<readonly AttachedReport[]> {
    return this.#documents.reports(repository, digest);
  }

  /** Returns what a list of tags says of scans, by digest. */
  ofTags(repository: RepositoryName, listed: Parameters<ScanReads["ofTags"]>[1]) {
    return this.#reads.ofTags(repository, listed);
  }

  /** Returns a page of the images that have a vulnerability, of all repositories. */
  vulnerable(vulnerability: string, afterId: number, limit: number) {
    return this.#reads.vulnerable(vulnerability, afterId, limit);
  }

  /**
   * Returns the findings in an image, or in all images of an index.
   * @throws MANIFEST_UNKNOWN; REQUEST_INVALID where those of several images are too many for one answer
   */
  async report(repository: RepositoryName, digest: Digest): Promise<Report> {
    const rows = await this.#scansOf(repository, digest);
    const exceptions = await this.#exceptions.about(
      repository,
      rows.map((row) => row.digest),
    );
    if (rows.some(({ result, resultBytes }) => result === null && resultBytes !== null)) {
      throw tooMuch(digest);
    }
    let left = MAX_REPORT_BYTES;
    const read = rows.map(({ summary, result, resultBytes, ...row }) => {
      const text = result === null ? null : inflatedText(result, left);
      if (text === null && resultBytes !== null) throw tooMuch(digest);
      left -= text?.length ?? 0;
      const stored = text === null ? null : (JSON.parse(text) as StoredResult);
      return {
        image: {
          ...row,
          scanners: stored?.scanners ?? {},
          counts: summary === null ? null : (JSON.parse(summary) as Summary).counts,
        },
        distribution: stored?.distribution ?? null,
        findings:
          stored === null
            ? []
            : assess(findingsOf(stored), {
                exceptions: holdingIn(exceptions, row.digest),
                statements: stored.vex.statements,
                image: { repository, digests: stored.vex.subjects },
                nowMs: Date.now(),
              }),
      };
    });
    const findings = united(read);
    const isMatched = rows.some(({ matchedAt }) => matchedAt !== null);
    return {
      images: read.map(({ image }) => image),
      counts: isMatched ? countsOf(findings) : null,
      findings,
    };
  }

  async #scansOf(repository: RepositoryName, digest: Digest): Promise<readonly ScanRow[]> {
    const rows = await this.#reads.scans(repository, digest);
    if (rows === null) throw new RegistryError("MANIFEST_UNKNOWN", { detail: { digest } });
    return rows;
  }
}

function tooMuch(digest: Digest): RegistryError {
  return new RegistryError("REQUEST_INVALID", {
    message:
      "the images of this index have too many vulnerabilities together: ask for those of each",
    detail: { digest },
  });
}

interface ReadImage {
  readonly image: ImageReport;
  readonly distribution: Distribution | null;
  readonly findings: readonly (ImageFinding & Assessment)[];
}

/** One finding for all images that have the same vulnerability in the same package. */
function united(images: readonly ReadImage[]): readonly ReportFinding[] {
  const found = new Map<string, ReportFinding>();
  for (const { image, distribution, findings } of images) {
    for (const finding of findings) {
      const { type, name, version, path } = finding.package;
      const key = JSON.stringify([finding.id, finding.status, type, name, version, path]);
      const known = found.get(key) ?? { ...finding, distribution, images: [] };
      const firstSeenMs = Math.min(known.firstSeenMs, finding.firstSeenMs);
      found.set(key, { ...known, firstSeenMs, images: [...known.images, image.digest] });
    }
  }
  return [...found.values()].toSorted(worstFirst);
}
