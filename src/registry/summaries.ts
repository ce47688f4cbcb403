import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import { platformOf } from "../oci/platform.ts";
import type { Page } from "../oci/page.ts";
import type { RepositoryName } from "../oci/reference.ts";
import type { Bucket } from "../db/bucket.ts";
import type { SummaryIndex, ManifestSummary, ManifestRow, TagRow } from "../db/summaries.ts";
import type { RepositoryStore } from "../db/repositories.ts";

/** What is shown of a manifest beyond its row. */
export interface Summary {
  /** The bytes of the blobs that it and its children name, each once; null where they are too many to add up. */
  readonly size: number | null;
  readonly platforms: readonly string[];
}

/** The largest config that is read, in bytes. Most have a few kilobytes; a long history makes one larger. */
const MAX_CONFIG = 64 * 1024;
/** The platform that BuildKit gives to attestations, which run nowhere. */
const NOWHERE = "unknown/unknown";

/** What is in a repository, as one looks at it. */
export class Summaries {
  readonly #index: SummaryIndex;
  readonly #repositories: RepositoryStore;
  readonly #bucket: Bucket;

  constructor(index: SummaryIndex, repositories: RepositoryStore, bucket: Bucket) {
    this.#index = index;
    this.#repositories = repositories;
    this.#bucket = bucket;
  }

  /** @throws NAME_UNKNOWN */
  async tags(repository: RepositoryName, page: Page): Promise<(TagRow & Summary)[]> {
    return this.measured(repository, await this.#index.tags(repository, page));
  }

  /** @throws NAME_UNKNOWN */
  async manifests(repository: RepositoryName, page: Page): Promise<(ManifestRow & Summary)[]> {
    return this.measured(repository, await this.#index.manifests(repository, page));
  }

  /** @throws MANIFEST_UNKNOWN */
  async manifest(repository: RepositoryName, digest: Digest): Promise<ManifestRow & Summary> {
    const row = await this.#index.manifest(repository, digest);
    const [found] = row === null ? [] : await this.measured(repository, [row]);
    if (found === undefined) throw new RegistryError("MANIFEST_UNKNOWN", { detail: { digest } });
    return found;
  }

  /** Adds to rows of manifests, also of deleted ones, what they amount to. @throws NAME_UNKNOWN */
  async measured<Row extends { readonly digest: Digest }>(
    repository: RepositoryName,
    rows: readonly Row[],
  ): Promise<(Row & Summary)[]> {
    if (rows.length === 0) await this.requireRepository(repository);
    const digests = [...new Set(rows.map(({ digest }) => digest))];
    const facts = await this.#index.facts(repository, digests);
    const measured = new Map<Digest, Summary>(
      await Promise.all(
        [...facts].map(async ([digest, entry]) => {
          const platforms = await this.#platforms(entry);
          return [digest, { size: entry.size, platforms }] as const;
        }),
      ),
    );
    // Manifests that were purged between the two queries are left out.
    return rows.flatMap((row) => {
      const found = measured.get(row.digest);
      return found === undefined ? [] : { ...row, ...found };
    });
  }

  /** @throws NAME_UNKNOWN */
  async requireRepository(name: RepositoryName): Promise<void> {
    if (await this.#repositories.exists(name)) return;
    throw new RegistryError("NAME_UNKNOWN", { detail: { name } });
  }

  /** Indexes say it of their images; of the others the config does, a small object in R2 that only a list's page reads. */
  async #platforms({ platforms, config }: ManifestSummary): Promise<readonly string[]> {
    if (platforms.length > 0) return platforms.filter(isPlatform);
    if (config === null || config.size > MAX_CONFIG) return [];
    const body = await this.#bucket.open(config.key);
    return body === null ? [] : platformsOf(await new Response(body).text()).filter(isPlatform);
  }
}

/** Returns whether the platform has only the characters of real ones: terminals and web pages show it unchanged. */
function isPlatform(platform: string): boolean {
  return platform !== NOWHERE && /^[\w.-]+(?:\/[\w.-]+){1,2}$/.test(platform);
}

/**
 * Returns the platform of an image's config, as os/architecture/variant; none if there is none.
 * @param config a config, or anything that a client has called one
 */
export function platformsOf(config: string): string[] {
  let json: unknown;
  try {
    json = JSON.parse(config);
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
  const platform = platformOf(json);
  return platform === null || platform === NOWHERE ? [] : [platform];
}
