import type { Digest } from "../oci/digest.ts";
import { digestOf, idOf } from "./digests.ts";
import { isBlob, IS_CONFIG, IS_MANIFEST } from "./manifest-references.ts";
import { DOCKER_LIST, OCI_INDEX } from "../oci/media-type.ts";
import type { Page } from "../oci/page.ts";
import type { RepositoryName, Tag } from "../oci/reference.ts";
import { type Fragment, merge, prepare } from "./sql.ts";

export interface TagRow {
  readonly name: Tag;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly artifactType: string;
  /** Milliseconds since 1970. */
  readonly updatedAt: number;
}

export interface ManifestRow {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly artifactType: string;
  readonly subject: Digest | null;
  /** The first tags, at most 100. */
  readonly tags: readonly Tag[];
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** What a manifest amounts to. */
export interface ManifestSummary {
  /** The bytes of the blobs that it and its children name, each once; null where they are too many to add up. */
  readonly size: number | null;
  /** The platforms that an index names, or the one that an index gives for this manifest: "linux/amd64". */
  readonly platforms: readonly string[];
  /** The image's config, which contains its platform if no index does. */
  readonly config: { readonly key: string; readonly size: number } | null;
}

interface SummaryRow {
  readonly digest: Digest;
  readonly size: number | null;
  readonly own: string;
  readonly given: string | null;
  readonly key: string | null;
  readonly keySize: number | null;
}

const MAX_TAGS = 100;
const MAX_PLATFORMS = 100;
/**
 * The most references that are added up for one manifest, more than any image or index has. It bounds the cost of a
 * page of the strangest manifests.
 */
const MAX_NAMED = 2_000;
const INDEXES = `'${OCI_INDEX}', '${DOCKER_LIST}'`;
/** The media types of configs of images that run: OCI's and Docker's. */
const IMAGE_CONFIGS = `'application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json'`;

/** D1: what is in a repository, for those who look at it; pulls and pushes have `manifests.ts`. */
export class SummaryIndex {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async tags(repository: RepositoryName, page: Page): Promise<TagRow[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT t.name, t.digest, m.media_type AS mediaType, m.artifact_type AS artifactType,
         t.updated_at AS updatedAt
       FROM repositories r
       CROSS JOIN tags t ON t.repository_id = r.id AND t.name > :after
       CROSS JOIN manifests m ON m.repository_id = r.id AND m.digest = t.digest
       WHERE r.name = :repository ORDER BY t.name LIMIT :limit`,
      { repository, after: page.after, limit: page.limit },
    ).all<TagRow>();
    return results;
  }

  manifests(repository: RepositoryName, page: Page): Promise<ManifestRow[]> {
    const { after, limit } = page;
    const which = { sql: "m.digest > :after ORDER BY m.digest", values: { after } };
    return this.#manifests(which, repository, limit);
  }

  async manifest(repository: RepositoryName, digest: Digest): Promise<ManifestRow | null> {
    const which = { sql: "m.digest = :digest", values: { digest } };
    const [row] = await this.#manifests(which, repository, 1);
    return row ?? null;
  }

  async #manifests(
    which: Fragment,
    repository: RepositoryName,
    limit: number,
  ): Promise<ManifestRow[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT m.digest, m.media_type AS mediaType, m.artifact_type AS artifactType, m.subject,
         m.created_at AS createdAt,
         (SELECT json_group_array(name) FROM (
            SELECT name FROM tags t INDEXED BY tags_by_digest
            WHERE t.repository_id = r.id AND t.digest = m.digest ORDER BY name LIMIT :maxTags)) AS tags
       FROM repositories r
       CROSS JOIN manifests m INDEXED BY live_manifests
         ON m.repository_id = r.id AND m.deleted_at IS NULL
       WHERE r.name = :repository AND ${which.sql} LIMIT :limit`,
      merge({ repository, limit, maxTags: MAX_TAGS }, which.values),
    ).all<Omit<ManifestRow, "tags"> & { tags: string }>();
    return results.map((row) => ({ ...row, tags: JSON.parse(row.tags) as Tag[] }));
  }

  /** Reads the summaries of manifests, also of deleted ones, from the index alone. */
  async facts(
    repository: RepositoryName,
    digests: readonly Digest[],
  ): Promise<Map<Digest, ManifestSummary>> {
    const { results } = await prepare(
      this.#db,
      `SELECT m.digest, c.key, c.size AS keySize,
         (WITH RECURSIVE named (manifest_id, digest_id, kind) AS (
            VALUES (m.id, NULL, NULL)
            UNION ALL
            SELECT CASE WHEN ${IS_MANIFEST} THEN (
                SELECT c.id FROM manifests c
                WHERE c.repository_id = m.repository_id AND c.digest = ${digestOf("f.digest_id")}) END,
              f.digest_id, f.kind
            FROM named parent
            CROSS JOIN manifest_references f
              ON f.repository_id = m.repository_id AND f.manifest_id = parent.manifest_id
            LIMIT :maxNamed + 1)
          SELECT CASE WHEN (SELECT count(*) FROM named) <= :maxNamed THEN coalesce(sum(b.size), 0) END
          FROM (SELECT DISTINCT named.digest_id FROM named WHERE ${isBlob("named")}) counted
          CROSS JOIN blobs b ON b.digest_id = counted.digest_id) AS size,
         (SELECT json_group_array(platform) FROM (
            SELECT DISTINCT f.platform FROM manifest_references f
            WHERE m.media_type IN (${INDEXES}) AND f.repository_id = m.repository_id AND f.manifest_id = m.id
              AND f.platform IS NOT NULL
            ORDER BY f.platform LIMIT :maxPlatforms)) AS own,
         (SELECT f.platform FROM manifest_references f INDEXED BY manifest_references_by_digest
          WHERE f.repository_id = m.repository_id AND f.digest_id = ${idOf("m.digest")} AND ${IS_MANIFEST}
          LIMIT 1) AS given
       FROM repositories r CROSS JOIN json_each(:digests) w
       CROSS JOIN manifests m
         ON m.repository_id = r.id AND m.digest = w.value
       LEFT JOIN blobs c ON m.artifact_type IN (${IMAGE_CONFIGS}) AND c.digest_id = (
         SELECT max(+f.digest_id) FROM manifest_references f
         WHERE f.repository_id = m.repository_id AND f.manifest_id = m.id AND ${IS_CONFIG})
       WHERE r.name = :repository`,
      {
        repository,
        digests: JSON.stringify(digests),
        maxNamed: MAX_NAMED,
        maxPlatforms: MAX_PLATFORMS,
      },
    ).all<SummaryRow>();
    return new Map(results.map((row) => [row.digest, factsOf(row)]));
  }
}

function factsOf({ size, own, given, key, keySize }: SummaryRow): ManifestSummary {
  const platforms = JSON.parse(own) as string[];
  return {
    size,
    platforms: platforms.length > 0 || given === null ? platforms : [given],
    config: key === null || keySize === null ? null : { key, size: keySize },
  };
}
