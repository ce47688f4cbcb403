import type { Digest } from "../oci/digest.ts";
import type { ManifestPurpose } from "../oci/manifest-kind.ts";
import { DOCKER_LIST, OCI_INDEX } from "../oci/media-type.ts";
import type { RepositoryName, Tag } from "../oci/reference.ts";
import { idOf } from "./digests.ts";
import { IMAGE_SIZE } from "./image-size.ts";
import { type Place, stopOf, type Walk, type WalkPage, walkSql } from "./list-walk.ts";
import { IS_CONFIG, IS_MANIFEST } from "./manifest-references.ts";
import { type Fragment, prepare } from "./sql.ts";

/** Which manifests a list has, and in which order. */
export interface ManifestQuery {
  readonly sort: "digest" | "pushed";
  readonly descending: boolean;
  readonly kind: ManifestPurpose | null;
  /** Whether only those with a tag, or only those without; null for both. */
  readonly tagged: boolean | null;
}

export interface ManifestRow {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly artifactType: string;
  readonly kind: ManifestPurpose;
  readonly subject: Digest | null;
  /** The first tags, at most 100. */
  readonly tags: readonly Tag[];
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly pushedAt: number;
  /** Days since 1970. */
  readonly lastPulled: number | null;
}

/** What a manifest amounts to. */
export interface ManifestSummary extends Platforms {
  /** The bytes of the blobs that it and its children name, each once; null where they are too many to add up. */
  readonly size: number | null;
}

export interface Platforms {
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
/** The most references of an index that are looked through for platforms. */
const MAX_PLATFORMS = 200;
const INDEXES = `'${OCI_INDEX}', '${DOCKER_LIST}'`;
/** The media types of configs of images that run: OCI's and Docker's. */
const IMAGE_CONFIGS = `'application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json'`;

/** D1: what is in a repository, for those who look at it; pulls and pushes have `manifests.ts`. */
export class SummaryIndex {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** @returns the rows, and where the page ended if more may follow; it may be short, also empty, before the end */
  async manifests(
    repository: RepositoryName,
    query: ManifestQuery,
    page: WalkPage,
  ): Promise<{ readonly rows: ManifestRow[]; readonly end: Place | null }> {
    const walk = walkOf(query);
    const filter = filterOf(query);
    const one = walkSql(walk, repository, { ...page, limit: page.limit + 1 }, filter);
    const found = await this.#rows(
      { sql: `(${one.sql}) listed`, values: one.values },
      "m.digest = listed.name",
    );
    const rows = found.slice(0, page.limit);
    const last = rows.at(-1);
    if (found.length > page.limit && last !== undefined) {
      const key = query.sort === "pushed" ? last.pushedAt : null;
      return { rows, end: { key, name: last.digest } };
    }
    const isWhole = query.kind === null && query.tagged === null;
    return { rows, end: isWhole ? null : await stopOf(this.#db, walk, repository, page.after) };
  }

  async manifest(repository: RepositoryName, digest: Digest): Promise<ManifestRow | null> {
    const [row] = await this.#rows(
      {
        sql: `(SELECT id AS repository_id FROM repositories WHERE name = :repository) listed`,
        values: { repository, digest },
      },
      "m.digest = :digest",
    );
    return row ?? null;
  }

  async #rows(which: Fragment, condition: string): Promise<ManifestRow[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT m.digest, m.media_type AS mediaType, m.artifact_type AS artifactType, m.kind, m.subject,
         m.created_at AS createdAt, m.pushed_at AS pushedAt,
         (SELECT u.day FROM manifest_pulls u
          WHERE u.repository_id = m.repository_id AND u.digest = m.digest) AS lastPulled,
         (SELECT json_group_array(name) FROM (
            SELECT name FROM tags t INDEXED BY tags_by_digest
            WHERE t.repository_id = m.repository_id AND t.digest = m.digest ORDER BY name LIMIT ${MAX_TAGS})) AS tags
       FROM ${which.sql}
       CROSS JOIN manifests m
         ON m.repository_id = listed.repository_id AND ${condition} AND m.deleted_at IS NULL`,
      which.values,
    ).all<Omit<ManifestRow, "tags"> & { tags: string }>();
    return results.map((row) => ({ ...row, tags: JSON.parse(row.tags) as Tag[] }));
  }

  /** Reads the summaries of manifests, also of deleted ones, from the index alone. */
  facts(
    repository: RepositoryName,
    digests: readonly Digest[],
  ): Promise<Map<Digest, ManifestSummary>> {
    return this.#facts(repository, digests, IMAGE_SIZE);
  }

  /** Reads their platforms alone, where the sizes are known. */
  platforms(
    repository: RepositoryName,
    digests: readonly Digest[],
  ): Promise<Map<Digest, Platforms>> {
    return this.#facts(repository, digests, "NULL");
  }

  async #facts(
    repository: RepositoryName,
    digests: readonly Digest[],
    size: string,
  ): Promise<Map<Digest, ManifestSummary>> {
    const { results } = await prepare(
      this.#db,
      `SELECT m.digest, c.key, c.size AS keySize, ${size} AS size,
         (SELECT json_group_array(platform) FROM (
            SELECT DISTINCT platform FROM (
              SELECT f.platform FROM manifest_references f
              WHERE m.media_type IN (${INDEXES}) AND f.repository_id = m.repository_id AND f.manifest_id = m.id
              LIMIT ${MAX_PLATFORMS}) named
            WHERE platform IS NOT NULL ORDER BY platform)) AS own,
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
      { repository, digests: JSON.stringify(digests) },
    ).all<SummaryRow>();
    return new Map(results.map((row) => [row.digest, factsOf(row)]));
  }
}

function walkOf({ sort, descending }: ManifestQuery): Walk {
  return {
    table: "manifests",
    index: sort === "pushed" ? "manifests_by_push" : "live_manifests",
    sortedBy: sort === "pushed" ? "pushed_at" : null,
    name: "digest",
    condition: "o.deleted_at IS NULL",
    descending,
  };
}

function filterOf({ kind, tagged }: ManifestQuery): Fragment & { readonly more: string } {
  const hasTag = `EXISTS (SELECT 1 FROM tags t INDEXED BY tags_by_digest
    WHERE t.repository_id = walked.repository_id AND t.digest = walked.name)`;
  const conditions = [
    ...(kind === null ? [] : ["walked.kind = :kind"]),
    ...(tagged === null ? [] : [tagged ? hasTag : `NOT ${hasTag}`]),
  ];
  return {
    sql: conditions.length === 0 ? "true" : conditions.join(" AND "),
    values: kind === null ? {} : { kind },
    more: ", o.kind",
  };
}

function factsOf({ size, own, given, key, keySize }: SummaryRow): ManifestSummary {
  const platforms = JSON.parse(own) as string[];
  return {
    size,
    platforms: platforms.length > 0 || given === null ? platforms : [given],
    config: key === null || keySize === null ? null : { key, size: keySize },
  };
}
