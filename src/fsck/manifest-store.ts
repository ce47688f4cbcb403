import type { Digest } from "../oci/digest.ts";
import type { Initiator } from "../db/audit.ts";
import type { RepositoryContent } from "./blob-store.ts";
import { idOf } from "../db/digests.ts";
import { IS_MANIFEST, kindNumber, type ReferenceRowKind } from "../db/manifest-references.ts";
import { NOW } from "../db/clock.ts";
import type { ManifestRow } from "./row.ts";
import { noteManifest, repair } from "./repair-store.ts";

/** A reference to write. */
export interface Named {
  readonly digest: Digest;
  /** The kinds that it can have. */
  readonly kinds: readonly ReferenceRowKind[];
  /** Whether it may be missing here, as for a layer that is stored elsewhere, whatever the settings allow. */
  readonly foreign: boolean;
  /** The platform that an index gives for it; null for none. */
  readonly platform: string | null;
}

/** SQL: a deleted manifest that a tag or a manifest that is not deleted names. */
const NEEDED = `repository_id = :repositoryId AND digest = :digest AND deleted_at IS NOT NULL AND (
  EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = :repositoryId AND t.digest = :digest)
  OR EXISTS (
    SELECT 1 FROM manifest_references f INDEXED BY manifest_references_by_digest
    CROSS JOIN manifests p ON p.id = f.manifest_id
    WHERE f.repository_id = :repositoryId AND f.digest_id = ${idOf(":digest")} AND ${IS_MANIFEST}
      AND p.deleted_at IS NULL))`;

const CAN_BE = (kind: string) =>
  `EXISTS (SELECT 1 FROM json_each(w.value -> 'kinds') k WHERE k.value = '${kind}')`;

/**
 * SQL: the kinds of the references :wrong of the manifest, as far as they resolve. A layer or child that does not exist
 * has none: whether it was allowed to be missing is not known any more.
 */
const RESOLVED = `(
  SELECT w.value ->> 'digest' AS digest, w.value ->> 'platform' AS platform, CASE
    WHEN ${CAN_BE("manifest")} AND EXISTS (
      SELECT 1 FROM manifests c
      WHERE c.repository_id = :repositoryId AND c.digest = w.value ->> 'digest' AND c.deleted_at IS NULL)
      THEN ${kindNumber("manifest")}
    WHEN (${CAN_BE("config")} OR ${CAN_BE("blob")}) AND EXISTS (
      SELECT 1 FROM repository_blobs l
      WHERE l.repository_id = :repositoryId AND l.digest_id = ${idOf("w.value ->> 'digest'")})
      THEN iif(${CAN_BE("config")}, ${kindNumber("config")}, ${kindNumber("blob")})
    WHEN w.value ->> 'foreign' THEN ${kindNumber("optional")} END AS kind
  FROM json_each(:wrong) w)`;

/** SQL: whether the manifest still has the media type that its bytes were read as. */
const UNCHANGED = `EXISTS (
  SELECT 1 FROM manifests WHERE repository_id = :repositoryId AND digest = :digest AND media_type = :mediaType)`;
const ID = `(SELECT id FROM manifests WHERE repository_id = :repositoryId AND digest = :digest)`;
const EXTRA = `FROM manifest_references WHERE repository_id = :repositoryId AND manifest_id = ${ID}
  AND digest_id IN (SELECT ${idOf("value")} FROM json_each(:extra)) AND ${UNCHANGED}`;

/** D1: repairs the rows of manifests. */
export class ManifestRepairStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /**
   * Marks the manifest as missing: clients no longer see it, and a push of it restores it.
   * @param row as it was read
   */
  markMissing(row: ManifestRow, initiator: Initiator): Promise<boolean> {
    return this.#mark(row, ["NULL", NOW, "manifest.lost"], initiator);
  }

  markFound(row: ManifestRow, initiator: Initiator): Promise<boolean> {
    return this.#mark(row, ["NOT NULL", "NULL", "manifest.found"], initiator);
  }

  #mark(
    { repositoryId, repository, digest, object, content }: ManifestRow,
    [from, to, kind]: readonly [from: string, to: string, kind: string],
    initiator: Initiator,
  ): Promise<boolean> {
    const which = `WHERE repository_id = :repositoryId AND digest = :digest AND object IS :object
      AND hex(content) = :content AND missing_since IS ${from}`;
    const change = {
      kind,
      entry: { repository, digest },
      broken: `FROM manifests ${which}`,
      statements: [`UPDATE manifests SET missing_since = ${to} ${which}`],
      values: { repositoryId, digest, object, content },
    };
    return repair(this.#db, change, initiator);
  }

  /** Writes the row's fields as the bytes have them. */
  describe(
    { repositoryId, repository, digest, mediaType }: ManifestRow,
    [size, subject, artifactType]: readonly [
      size: number,
      subject: Digest | null,
      artifactType: string,
    ],
    initiator: Initiator,
  ): Promise<boolean> {
    const which = `WHERE repository_id = :repositoryId AND digest = :digest AND media_type = :mediaType
      AND (size <> :size OR subject IS NOT :subject OR artifact_type <> :artifactType)`;
    const change = {
      kind: "manifest.fields",
      entry: { repository, digest },
      broken: `FROM manifests ${which}`,
      statements: [
        `UPDATE manifests SET size = :size, subject = :subject, artifact_type = :artifactType ${which}`,
      ],
      values: { repositoryId, digest, mediaType, size, subject, artifactType },
    };
    return repair(this.#db, change, initiator);
  }

  /** Restores a deleted manifest that a tag, or a manifest that is not deleted, names. */
  restore(
    { repositoryId, repository, digest }: RepositoryContent,
    initiator: Initiator,
  ): Promise<boolean> {
    const change = {
      kind: "manifest.deleted",
      entry: { repository, digest },
      broken: `FROM manifests WHERE ${NEEDED}`,
      statements: [`UPDATE manifests SET deleted_at = NULL, deleted_by = NULL WHERE ${NEEDED}`],
      values: { repositoryId, digest },
    };
    return repair(this.#db, change, initiator);
  }

  /**
   * Writes references as the bytes have them. It links nothing: a manifest may name blobs that its repository does not
   * have.
   * @param extra digests of rows that the bytes do not name
   */
  rewrite(
    { repositoryId, repository, digest, mediaType }: ManifestRow,
    wrong: readonly Named[],
    extra: readonly Digest[],
    initiator: Initiator,
  ): Promise<boolean> {
    const broken = `WHERE EXISTS (SELECT 1 ${EXTRA})
      OR (${UNCHANGED} AND EXISTS (SELECT 1 FROM ${RESOLVED} WHERE kind IS NOT NULL))`;
    const change = {
      kind: "reference.wrong",
      entry: { repository, digest },
      broken,
      statements: [
        noteManifest(broken),
        `DELETE ${EXTRA}`,
        `INSERT INTO digests (hash) SELECT DISTINCT unhex(substr(w.value ->> 'digest', 8)) FROM json_each(:wrong) w
         WHERE ${idOf("w.value ->> 'digest'")} IS NULL AND ${UNCHANGED}
           AND EXISTS (SELECT 1 FROM ${RESOLVED} x WHERE x.digest = w.value ->> 'digest' AND x.kind IS NOT NULL)`,
        `INSERT INTO manifest_references (repository_id, manifest_id, digest_id, kind, platform)
         SELECT :repositoryId, ${ID}, ${idOf("x.digest")}, x.kind, x.platform FROM ${RESOLVED} x
         WHERE x.kind IS NOT NULL AND ${UNCHANGED}
         ON CONFLICT DO UPDATE SET kind = excluded.kind, platform = excluded.platform`,
      ],
      values: {
        repositoryId,
        digest,
        mediaType,
        extra: JSON.stringify(extra),
        wrong: JSON.stringify(wrong),
      },
    };
    return repair(this.#db, change, initiator);
  }
}
