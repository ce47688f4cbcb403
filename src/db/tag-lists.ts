import type { Digest } from "../oci/digest.ts";
import type { ManifestPurpose } from "../oci/manifest-kind.ts";
import type { RepositoryName, Tag } from "../oci/reference.ts";
import { type Evidence, EVIDENCE_OF, evidenceIn } from "./evidence.ts";
import { type Place, stopOf, type Walk, type WalkPage, walkSql } from "./list-walk.ts";
import { prepare } from "./sql.ts";

export const TAG_SORTS = ["name", "version", "updated", "size", "pulls"] as const;
export type TagSort = (typeof TAG_SORTS)[number];

/** Which tags a list has, and in which order. */
export interface TagQuery {
  readonly sort: TagSort;
  readonly descending: boolean;
  /** A part of the name, in lower case; "" for all. */
  readonly filter: string;
  /** Whether the tags of signatures and the like are listed; only a list by name has them. */
  readonly attachments: boolean;
}

export interface TagRow extends Evidence {
  readonly name: Tag;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly artifactType: string;
  readonly kind: ManifestPurpose;
  /** The bytes of the blobs that it and its children name, each once; null where they are too many to add up. */
  readonly size: number | null;
  /** Milliseconds since 1970. */
  readonly updatedAt: number;
  /** Days since 1970. */
  readonly lastPulled: number | null;
  readonly pulls: number;
  readonly aliases: readonly Tag[];
  readonly immutable: boolean;
}

interface StoredTag extends Omit<
  TagRow,
  "aliases" | "size" | "immutable" | "signed" | "sbom" | "provenance"
> {
  readonly aliases: string;
  readonly bits: number;
  readonly size: number;
  readonly matched: number;
  readonly key: string | number | null;
}

const COLUMNS: Readonly<Record<TagSort, string | null>> = {
  name: null,
  version: "version_key",
  updated: "updated_at",
  size: "size",
  pulls: "pulls",
};
const INDEXES: Readonly<Record<TagSort, string>> = {
  name: "tags_by_name",
  version: "tags_by_version",
  updated: "tags_by_update",
  size: "tags_by_size",
  pulls: "tags_by_pulls",
};
const MAX_ALIASES = 10;

/** D1: the tags of a repository with what people look for in them. */
export class TagLists {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** @returns the rows, and where the page ended if more may follow; it may be short, also empty, before the end */
  async list(
    repository: RepositoryName,
    query: TagQuery,
    page: WalkPage,
  ): Promise<{ readonly rows: TagRow[]; readonly end: Place | null }> {
    const walk = walkOf(query);
    const filter = {
      sql: "instr(lower(walked.name), :filter) > 0",
      values: { filter: query.filter },
      more: "",
    };
    const one = walkSql(walk, repository, { ...page, limit: page.limit + 1 }, filter);
    const { results } = await prepare(
      this.#db,
      `SELECT t.name, t.digest, listed.key, m.media_type AS mediaType, m.artifact_type AS artifactType, m.kind,
         t.size, t.updated_at AS updatedAt, t.pulls,
         (SELECT max(p.day) FROM pulls p WHERE p.repository_id = t.repository_id AND p.tag = t.name) AS lastPulled,
         (SELECT json_group_array(name) FROM (
            SELECT a.name FROM tags a INDEXED BY tags_by_digest
            WHERE a.repository_id = t.repository_id AND a.digest = t.digest AND a.name <> t.name
            ORDER BY a.name LIMIT ${MAX_ALIASES})) AS aliases,
         EXISTS (SELECT 1 FROM matched_immutable_tags i
           WHERE i.repository_id = t.repository_id AND i.name = t.name) AS matched,
         ${EVIDENCE_OF} AS bits
       FROM (${one.sql}) listed
       CROSS JOIN tags t ON t.repository_id = listed.repository_id AND t.name = listed.name
       CROSS JOIN manifests m ON m.repository_id = t.repository_id AND m.digest = t.digest`,
      one.values,
    ).all<StoredTag>();
    const rows = results.slice(0, page.limit);
    const last = rows.at(-1);
    if (results.length > page.limit && last !== undefined) {
      return { rows: rows.map(rowOf), end: { key: last.key, name: last.name } };
    }
    const isWhole = query.filter === "";
    const end = isWhole ? null : await stopOf(this.#db, walk, repository, page.after);
    return { rows: rows.map(rowOf), end };
  }
}

function walkOf({ sort, descending, attachments }: TagQuery): Walk {
  return {
    table: "tags",
    index: attachments ? null : INDEXES[sort],
    sortedBy: COLUMNS[sort],
    name: "name",
    condition: attachments ? "true" : "o.attachment = 0",
    descending,
  };
}

function rowOf({ name, digest, mediaType, artifactType, kind, ...row }: StoredTag): TagRow {
  const { size, updatedAt, lastPulled, pulls, aliases, matched, bits } = row;
  return {
    name,
    digest,
    mediaType,
    artifactType,
    kind,
    updatedAt,
    lastPulled,
    pulls,
    size: size < 0 ? null : size,
    aliases: JSON.parse(aliases) as Tag[],
    immutable: matched === 1,
    ...evidenceIn(bits),
  };
}
