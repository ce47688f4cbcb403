import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import { MAX_CONFIG_BYTES } from "../oci/image-config.ts";
import { isShownPlatform, platformOf } from "../oci/platform.ts";
import type { RepositoryName } from "../oci/reference.ts";
import type { Bucket } from "../db/bucket.ts";
import type { Place, WalkPage } from "../db/list-walk.ts";
import type { ManifestQuery, ManifestRow, Platforms, SummaryIndex } from "../db/summaries.ts";
import type { TagLists, TagQuery, TagRow } from "../db/tag-lists.ts";
import type { RepositoryStore } from "../db/repositories.ts";

/** What is shown of a manifest beyond its row. */
export interface Summary {
  /** The bytes of the blobs that it and its children name, each once; null where they are too many to add up. */
  readonly size: number | null;
  readonly platforms: readonly string[];
}

/** What is in a repository, as one looks at it. */
export class Summaries {
  readonly #index: SummaryIndex;
  readonly #tags: TagLists;
  readonly #repositories: RepositoryStore;
  readonly #bucket: Bucket;

  constructor(
    index: { readonly manifests: SummaryIndex; readonly tags: TagLists },
    repositories: RepositoryStore,
    bucket: Bucket,
  ) {
    this.#index = index.manifests;
    this.#tags = index.tags;
    this.#repositories = repositories;
    this.#bucket = bucket;
  }

  /** @throws NAME_UNKNOWN */
  async tags(
    repository: RepositoryName,
    query: TagQuery,
    page: WalkPage,
  ): Promise<{ readonly rows: (TagRow & Summary)[]; readonly end: Place | null }> {
    const { rows, end } = await this.#tags.list(repository, query, page);
    if (rows.length === 0) await this.requireRepository(repository);
    const known = await this.#index.platforms(repository, digestsOf(rows));
    const platforms = await this.#platformsOf(known);
    return {
      rows: rows.map((row) => ({ ...row, platforms: platforms.get(row.digest) ?? [] })),
      end,
    };
  }

  /** @throws NAME_UNKNOWN */
  async manifests(
    repository: RepositoryName,
    query: ManifestQuery,
    page: WalkPage,
  ): Promise<{ readonly rows: (ManifestRow & Summary)[]; readonly end: Place | null }> {
    const { rows, end } = await this.#index.manifests(repository, query, page);
    return { rows: await this.measured(repository, rows), end };
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
    const facts = await this.#index.facts(repository, digestsOf(rows));
    const platforms = await this.#platformsOf(facts);
    // Manifests that were purged between the two queries are left out.
    return rows.flatMap((row) => {
      const size = facts.get(row.digest)?.size;
      if (size === undefined) return [];
      return { ...row, size, platforms: platforms.get(row.digest) ?? [] };
    });
  }

  async #platformsOf(
    found: ReadonlyMap<Digest, Platforms>,
  ): Promise<ReadonlyMap<Digest, readonly string[]>> {
    return new Map(
      await Promise.all(
        [...found].map(async ([digest, facts]) => [digest, await this.#platforms(facts)] as const),
      ),
    );
  }

  /** @throws NAME_UNKNOWN */
  async requireRepository(name: RepositoryName): Promise<void> {
    if (await this.#repositories.exists(name)) return;
    throw new RegistryError("NAME_UNKNOWN", { detail: { name } });
  }

  /** Indexes say it of their images; of the others the config does, a small object in R2 that only a list's page reads. */
  async #platforms({ platforms, config }: Platforms): Promise<readonly string[]> {
    if (platforms.length > 0) return platforms.filter(isShownPlatform);
    if (config === null || config.size > MAX_CONFIG_BYTES) return [];
    const body = await this.#bucket.open(config.key);
    return body === null
      ? []
      : platformsOf(await new Response(body).text()).filter(isShownPlatform);
  }
}

function digestsOf(rows: readonly { readonly digest: Digest }[]): Digest[] {
  return [...new Set(rows.map(({ digest }) => digest))];
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
  return platform === null ? [] : [platform];
}
