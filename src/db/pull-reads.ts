import type { Digest } from "../oci/digest.ts";
import type { RepositoryName, Tag } from "../oci/reference.ts";
import type { StoredBlob } from "./blobs.ts";
import { NOW } from "./clock.ts";
import { IS_BLOB, IS_MANIFEST } from "./manifest-references.ts";
import { idOf } from "./digests.ts";
import { inflated, inflatedOr } from "./manifest-text.ts";
import { COLUMNS, type StoredManifest } from "./manifests.ts";
import { SCAN_POLICY } from "./scan-policy.ts";
import { type Fragment, prepare } from "./sql.ts";

/** What was so when the database was asked. */
export interface CacheEntry<Value> {
  readonly value: Value;
  /** When it was read, by the database's clock, in milliseconds since 1970. */
  readonly readAt: number;
}

/** A blob's digest, key and size. */
export interface NamedBlob extends StoredBlob {
  readonly digest: Digest;
}

/** A manifest as it is pulled. */
export interface PulledManifest extends StoredManifest {
  /** JSON of what may keep it from being pulled (scan/gate.ts); null where nothing does. */
  readonly gate: string | null;
}

/** What a pull asks for next: the children of an index, and the blobs that the manifest and its children name. */
export interface ManifestGraph {
  readonly manifests: readonly PulledManifest[];
  readonly blobs: readonly NamedBlob[];
}

export interface Pulled {
  readonly manifest: PulledManifest;
  readonly graph: ManifestGraph;
}

/**
 * Bounds of what is read in advance: the number of children, the size of each in bytes, and the number of blobs.
 * Further platforms of an index, or a larger child, are read when they are asked for.
 */
const MAX_CHILDREN = 32;
const MAX_CHILD = 16 * 1024;
const MAX_BLOBS = 400;

/** Where a read may go: a replica may not have heard of the last push yet, and be ten times nearer. */
type ReadSource = D1Database | D1DatabaseSession;

/**
 * How old a replica's answer may be, in milliseconds. Its clock is right, so this is subtracted from the time of the
 * read.
 */
const REPLICA_LAG = 60_000;

/**
 * The read source: "nearest" asks the nearest replica, and the primary if the replica has nothing; "primary" asks the
 * primary alone.
 */
export type Source = "nearest" | "primary";

/** The root of a pull: SQL of its digest, in terms of the row `r` of its repository. */
function byDigest(repository: RepositoryName, digest: Digest): Fragment {
  return { sql: ":digest", values: { repository, digest } };
}

function byTag(repository: RepositoryName, tag: Tag): Fragment {
  const sql = "(SELECT t.digest FROM tags t WHERE t.repository_id = r.id AND t.name = :tag)";
  return { sql, values: { repository, tag } };
}

type ManifestRow = PulledManifest & { readonly readAt: number };

/** SQL over `repositories r` and `manifests m`. Where no policy is in force, scans are not read. */
const GATE = `CASE WHEN m.kind = 'image' AND ${SCAN_POLICY} IS NOT NULL THEN json_object('policy', json(${SCAN_POLICY}),
  'unscannable', (SELECT s.unscannable FROM scans s WHERE s.manifest_id = m.id),
  'signed', (SELECT s.signed FROM scans s WHERE s.manifest_id = m.id),
  'gate', (SELECT s.summary -> 'gate' FROM scans s WHERE s.manifest_id = m.id)) END AS gate`;

/**
 * Makes the reads of a pull in D1. Content that is named by its digest never changes, so the nearest replica may
 * answer; if it has nothing, the primary is asked.
 */
export class PullReads {
  readonly #db: D1Database;
  readonly #tags: "strict" | "nearest";

  /** @param tags from where tags are read: "nearest" accepts that a replica may return an old one */
  constructor(db: D1Database, tags: "strict" | "nearest") {
    this.#db = db;
    this.#tags = tags;
  }

  /** @returns null unless this repository holds the blob */
  blob(
    repository: RepositoryName,
    digest: Digest,
    source: Source,
  ): Promise<CacheEntry<StoredBlob> | null> {
    return this.#ask(source, (place) => blobIn(place, repository, digest));
  }

  /** Finds a blob, by the primary alone. */
  async currentBlob(repository: RepositoryName, digest: Digest): Promise<StoredBlob | null> {
    return (await blobIn(this.#db, repository, digest))?.value ?? null;
  }

  manifest(
    repository: RepositoryName,
    digest: Digest,
    source: Source,
  ): Promise<CacheEntry<Pulled> | null> {
    return this.#ask(source, (place) => pulled(place, byDigest(repository, digest)));
  }

  /**
   * Finds a manifest by the primary alone, without its children and blobs: for a client that asks whether it has to
   * push.
   */
  async currentManifest(
    repository: RepositoryName,
    digest: Digest,
  ): Promise<PulledManifest | null> {
    const row = await manifestIn(this.#db, byDigest(repository, digest)).first<ManifestRow>();
    return row && inflated(row);
  }

  /**
   * Finds the manifest of a tag.
   * @param known the digest of a cached manifest, whose content, children and blobs need not be read again; null for
   *   none
   * @param source which database may be asked, if the settings allow tags to be read there
   */
  tagged(
    repository: RepositoryName,
    tag: Tag,
    known: Digest | null,
    source: Source,
  ): Promise<CacheEntry<Pulled> | null> {
    const read = (place: ReadSource) =>
      known === null
        ? pulled(place, byTag(repository, tag))
        : confirmed(place, repository, tag, known);
    return this.#ask(this.#tags === "nearest" ? source : "primary", read);
  }

  async #ask<T>(
    source: Source,
    read: (place: ReadSource) => Promise<CacheEntry<T> | null>,
  ): Promise<CacheEntry<T> | null> {
    if (source === "primary") return read(this.#db);
    const entry = await read(this.#db.withSession("first-unconstrained"));
    return entry === null ? read(this.#db) : { ...entry, readAt: entry.readAt - REPLICA_LAG };
  }
}

async function blobIn(
  place: ReadSource,
  repository: RepositoryName,
  digest: Digest,
): Promise<CacheEntry<StoredBlob> | null> {
  const row = await prepare(
    place,
    `SELECT b.key, b.size, ${NOW} AS readAt FROM repositories r
     JOIN repository_blobs l ON l.repository_id = r.id AND l.digest_id = ${idOf(":digest")}
     JOIN blobs b ON b.digest_id = l.digest_id AND b.missing_since IS NULL
     WHERE r.name = :repository`,
    { repository, digest },
  ).first<StoredBlob & { readAt: number }>();
  if (row === null) return null;
  const { readAt, ...value } = row;
  return { value, readAt };
}

async function pulled(place: ReadSource, root: Fragment): Promise<CacheEntry<Pulled> | null> {
  const [roots, children, blobs] = (await place.batch([
    manifestIn(place, root),
    childrenOf(place, root),
    blobsOf(place, root),
  ])) as [D1Result<ManifestRow>, D1Result<PulledManifest>, D1Result<NamedBlob>];
  const [row] = roots.results;
  if (row === undefined) return null;
  const { readAt, ...manifest } = inflated(row);
  // Children are only read ahead: one that is damaged is left out.
  const readable = children.results.flatMap((child) => {
    const { content, ...rest } = inflatedOr("damaged" as const, child);
    return content === "damaged" ? [] : { ...rest, content };
  });
  const graph = { manifests: readable, blobs: blobs.results };
  return { value: { manifest, graph }, readAt };
}

/**
 * Checks which manifest the tag points to. If the tag has moved, the children and blobs of the new manifest are not
 * read here, but when they are asked for.
 */
async function confirmed(
  place: ReadSource,
  repository: RepositoryName,
  tag: Tag,
  known: Digest,
): Promise<CacheEntry<Pulled> | null> {
  const row = await prepare(
    place,
    `SELECT m.digest, m.media_type AS mediaType, m.size, m.object, ${GATE}, ${NOW} AS readAt,
       CASE WHEN m.digest <> :known THEN hex(m.content) END AS content
     FROM repositories r
     JOIN tags t ON t.repository_id = r.id AND t.name = :tag
     JOIN manifests m ON m.repository_id = r.id AND m.digest = t.digest AND m.missing_since IS NULL
     WHERE r.name = :repository`,
    { repository, tag, known },
  ).first<ManifestRow>();
  if (row === null) return null;
  const { readAt, ...manifest } = inflated(row);
  return { value: { manifest, graph: { manifests: [], blobs: [] } }, readAt };
}

function manifestIn(place: ReadSource, { sql, values }: Fragment): D1PreparedStatement {
  return prepare(
    place,
    `SELECT ${COLUMNS}, ${GATE}, ${NOW} AS readAt FROM repositories r
     JOIN manifests m ON m.repository_id = r.id AND m.digest = ${sql}
       AND m.deleted_at IS NULL AND m.missing_since IS NULL
     WHERE r.name = :repository`,
    values,
  );
}

function childrenOf(place: ReadSource, { sql, values }: Fragment): D1PreparedStatement {
  return prepare(
    place,
    `SELECT ${COLUMNS}, ${GATE} FROM repositories r
     CROSS JOIN manifests root ON root.repository_id = r.id AND root.digest = ${sql}
     CROSS JOIN manifest_references f
       ON f.repository_id = r.id AND f.manifest_id = root.id AND ${IS_MANIFEST}
     CROSS JOIN digests d ON d.id = f.digest_id
     CROSS JOIN manifests m ON m.repository_id = r.id AND m.digest = d.digest
       AND m.deleted_at IS NULL AND m.missing_since IS NULL AND m.size <= ${MAX_CHILD}
     WHERE r.name = :repository LIMIT ${MAX_CHILDREN}`,
    values,
  );
}

/** Of the manifest's own blobs and those of its children. */
function blobsOf(place: ReadSource, { sql, values }: Fragment): D1PreparedStatement {
  return prepare(
    place,
    `WITH repository AS (SELECT id FROM repositories WHERE name = :repository),
     root AS (
       SELECT r.id AS repository_id, m.id FROM repository r
       CROSS JOIN manifests m ON m.repository_id = r.id AND m.digest = ${sql}),
     named AS (
       SELECT repository_id, id FROM root
       UNION ALL
       SELECT * FROM (
         SELECT c.repository_id, c.id FROM root r
         CROSS JOIN manifest_references f
           ON f.repository_id = r.repository_id AND f.manifest_id = r.id AND ${IS_MANIFEST}
         CROSS JOIN digests d ON d.id = f.digest_id
         CROSS JOIN manifests c ON c.repository_id = r.repository_id AND c.digest = d.digest
         LIMIT ${MAX_CHILDREN}))
     SELECT DISTINCT d.digest, b.key, b.size FROM named
     CROSS JOIN manifest_references f
       ON f.repository_id = named.repository_id AND f.manifest_id = named.id AND ${IS_BLOB}
     CROSS JOIN repository_blobs l ON l.repository_id = named.repository_id AND l.digest_id = f.digest_id
     CROSS JOIN blobs b ON b.digest_id = f.digest_id AND b.missing_since IS NULL
     CROSS JOIN digests d ON d.id = b.digest_id
     LIMIT ${MAX_BLOBS}`,
    values,
  );
}
