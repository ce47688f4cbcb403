import { ATTACHMENT_ENDINGS_SQL, isAttachmentTagSql } from "../oci/attachment-tag.ts";
import type { Digest } from "../oci/digest.ts";
import { idOf } from "../db/digests.ts";
import { IS_BLOB } from "../db/manifest-references.ts";
import { DOCKER_LIST, OCI_INDEX } from "../oci/media-type.ts";
import { prepare } from "../db/sql.ts";

/** A manifest, with all that decides whether it may be deleted. */
export interface Found {
  readonly digest: Digest;
  /** Milliseconds since 1970. */
  readonly pushedAt: number;
  readonly subject: Digest | null;
  /** Its tags; one more than MAX_TAGS when it has more. */
  readonly tags: readonly string[];
  /**
   * The manifests that it belongs to and that are not deleted: indexes that name it, its subject, the image named by
   * its cosign tags; null when they are too many to read.
   */
  readonly referencedBy: readonly Digest[] | null;
  /** Whether it belongs to another manifest, or did when the run began: then it is an attachment, not an image. */
  readonly isPart: boolean;
  readonly isProtected: boolean;
  /** The last day, in days since 1970, on which it or one of its children was pulled or asked for. */
  readonly usedOn: number | null;
}

/** The cursor of a page of manifests, which go from the newest push to the oldest: the page begins after this one. */
export type Position = readonly [pushedAt: number, digest: string];

export interface PageQuery {
  readonly repository: number;
  /** When the run began, in milliseconds since 1970. */
  readonly since: number;
  /** Whether the policy depends on use. */
  readonly pulls: boolean;
}

/** Bounds of what is read of one manifest. A manifest that exceeds them is not deleted. */
export const MAX_TAGS = 100;
const MAX_PARENTS = 50;
const MAX_CHILDREN = 100;
/** The most attachments of an image. Others stay, and a later run evaluates them on their own. */
export const MAX_ATTACHMENTS = 300;
/** The most references of the manifests of a preview's page whose blobs are added up. */
const MAX_NAMED = 20_000;

const INDEXES = `'${OCI_INDEX}', '${DOCKER_LIST}'`;
const TAGS = `SELECT name FROM tags t INDEXED BY tags_by_digest
  WHERE t.repository_id = :repository AND t.digest = m.digest ORDER BY name LIMIT ${MAX_TAGS + 1}`;
const PARENTS = `SELECT f.manifest_id FROM manifest_references f INDEXED BY manifest_references_by_digest
  WHERE f.repository_id = :repository AND f.digest_id = ${idOf("m.digest")} LIMIT ${MAX_PARENTS + 1}`;
/** SQL: the children of the indexes among the manifests named so far. */
const CHILDREN = `SELECT d.digest FROM named parent
  CROSS JOIN manifests i ON i.repository_id = :repository AND i.digest = parent.digest AND i.deleted_at IS NULL
    AND i.media_type IN (${INDEXES})
  CROSS JOIN manifest_references f ON f.repository_id = :repository AND f.manifest_id = i.id
  CROSS JOIN digests d ON d.id = f.digest_id`;
/** SQL over `manifests m`, with :repository: the last day on which it or one of its children was in use. */
export const USED_ON = `(SELECT CASE WHEN count(*) > ${MAX_CHILDREN} THEN unixepoch() / 86400 ELSE max(p.day) END
  FROM (
    WITH RECURSIVE named (digest) AS (
      SELECT m.digest UNION ${CHILDREN} LIMIT ${MAX_CHILDREN + 1})
    SELECT digest FROM named
  ) counted
  LEFT JOIN manifest_pulls p ON p.repository_id = :repository AND p.digest = counted.digest)`;

/** SQL over `manifests m`: the columns of a Row; :since is the start of the run. */
function facts(pulls: boolean): string {
  return `m.digest, m.pushed_at AS pushedAt, m.subject,
    (SELECT json_group_array(name) FROM (${TAGS})) AS tags,
    (SELECT count(*) FROM (${PARENTS})) AS parents,
    (SELECT json_group_array(json_array(digest, deleted_at IS NULL)) FROM (
       SELECT o.digest, o.deleted_at FROM (${PARENTS}) lister
       CROSS JOIN manifests o ON o.id = lister.manifest_id
       UNION ALL
       SELECT o.digest, o.deleted_at FROM manifests o
       WHERE o.repository_id = :repository AND o.digest = m.subject
       UNION ALL
       SELECT o.digest, o.deleted_at FROM (${TAGS}) who
       CROSS JOIN manifests o ON o.repository_id = :repository AND o.digest = 'sha256:' || substr(who.name, 8, 64)
       WHERE ${isAttachmentTagSql("who.name")} AND o.digest <> m.digest
     ) WHERE deleted_at IS NULL OR deleted_at >= :since) AS "referencedBy",
    EXISTS (
      SELECT 1 FROM (${TAGS}) who
      CROSS JOIN matched_immutable_tags p ON p.repository_id = :repository AND p.name = who.name) AS protected,
    ${pulls ? USED_ON : "NULL"} AS usedOn`;
}

interface Row {
  readonly digest: Digest;
  readonly pushedAt: number;
  readonly subject: Digest | null;
  readonly tags: string;
  readonly parents: number;
  readonly referencedBy: string;
  readonly protected: number;
  readonly usedOn: number | null;
}

/** D1: the manifests that a retention policy evaluates. A page costs the same however large the repository is. */
export class RetentionStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Reads one page of a repository's manifests, from the newest push to the oldest. */
  async page(look: PageQuery, after: Position | null, limit: number): Promise<Found[]> {
    const [pushedAt, digest] = after ?? [Number.MAX_SAFE_INTEGER, ""];
    const { results } = await prepare(
      this.#db,
      `SELECT ${facts(look.pulls)} FROM manifests m INDEXED BY manifests_by_push
       WHERE m.repository_id = :repository AND m.deleted_at IS NULL AND (m.pushed_at, m.digest) < (:pushedAt, :digest)
       ORDER BY m.pushed_at DESC, m.digest DESC LIMIT :limit`,
      { repository: look.repository, since: look.since, pushedAt, digest, limit },
    ).all<Row>();
    return results.map(parse);
  }

  /** Reads those of the manifests that are not deleted. */
  async find(look: PageQuery, digests: readonly Digest[]): Promise<Found[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT ${facts(look.pulls)} FROM json_each(:digests) w
       CROSS JOIN manifests m ON m.repository_id = :repository AND m.digest = w.value AND m.deleted_at IS NULL`,
      { repository: look.repository, since: look.since, digests: JSON.stringify(digests) },
    ).all<Row>();
    return results.map(parse);
  }

  /**
   * Adds up the blobs, in bytes, that these manifests name and no other manifest of the repository, deleted ones
   * included; null if there are too many. As a search ends at the first other manifest, it reads no more rows than
   * these manifests have references, twice.
   */
  async freed(repository: number, digests: readonly Digest[]): Promise<number | null> {
    const row = await prepare(
      this.#db,
      `WITH parent (id) AS MATERIALIZED (
         SELECT m.id FROM json_each(:digests) w
         CROSS JOIN manifests m ON m.repository_id = :repository AND m.digest = w.value),
       named (digest_id) AS MATERIALIZED (
         SELECT f.digest_id FROM parent
         CROSS JOIN manifest_references f ON f.repository_id = :repository AND f.manifest_id = parent.id
         WHERE ${IS_BLOB} LIMIT ${MAX_NAMED + 1})
       SELECT CASE WHEN (SELECT count(*) FROM named) <= ${MAX_NAMED} THEN coalesce(sum(b.size), 0) END AS bytes
       FROM (SELECT DISTINCT digest_id FROM named) counted CROSS JOIN blobs b ON b.digest_id = counted.digest_id
       WHERE NOT EXISTS (
         SELECT 1 FROM manifest_references o INDEXED BY manifest_references_by_digest
         WHERE o.digest_id = counted.digest_id AND o.repository_id = :repository
           AND o.manifest_id NOT IN (SELECT id FROM parent))`,
      { repository, digests: JSON.stringify(digests) },
    ).first<{ readonly bytes: number | null }>();
    return row?.bytes ?? null;
  }

  /** Reads the attachments of each image, and their attachments. */
  async families(look: PageQuery, roots: readonly Digest[]): Promise<Map<Digest, Found[]>> {
    const { results } = await prepare(
      this.#db,
      `SELECT w.value AS root, ${facts(false)} FROM json_each(:roots) w
       CROSS JOIN manifests m ON m.repository_id = :repository AND m.deleted_at IS NULL AND m.digest IN (
         WITH RECURSIVE named (digest) AS (
           SELECT w.value
           UNION
           ${CHILDREN}
           UNION
           SELECT s.digest FROM named parent
           CROSS JOIN manifests s ON s.repository_id = :repository AND s.digest IN (
             SELECT digest FROM manifests INDEXED BY manifests_by_subject
             WHERE repository_id = :repository AND subject = parent.digest AND deleted_at IS NULL
             LIMIT ${MAX_ATTACHMENTS + 1})
           UNION
           SELECT t.digest FROM named parent
           CROSS JOIN ${ATTACHMENT_ENDINGS_SQL} ending
           CROSS JOIN tags t ON t.repository_id = :repository
             AND t.name = 'sha256-' || substr(parent.digest, 8) || ending.value
           WHERE parent.digest GLOB 'sha256:*'
           LIMIT ${MAX_ATTACHMENTS + 1})
         SELECT digest FROM named)
       WHERE m.digest <> w.value`,
      { repository: look.repository, since: look.since, roots: JSON.stringify(roots) },
    ).all<Row & { root: Digest }>();
    const families = Map.groupBy(results, ({ root }) => root);
    return new Map([...families].map(([root, rows]) => [root, rows.map(parse)]));
  }
}

function parse(row: Row): Found {
  const referencedBy = JSON.parse(row.referencedBy) as [Digest, number][];
  const isTooMany = row.parents > MAX_PARENTS;
  return {
    digest: row.digest,
    pushedAt: row.pushedAt,
    subject: row.subject,
    tags: JSON.parse(row.tags) as string[],
    referencedBy: isTooMany
      ? null
      : referencedBy.flatMap(([digest, isLive]) => (isLive === 1 ? digest : [])),
    isPart: isTooMany || referencedBy.length > 0,
    isProtected: row.protected === 1,
    usedOn: row.usedOn,
  };
}
