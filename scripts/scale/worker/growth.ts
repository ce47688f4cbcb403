/** The statements that grow one world into another. The triggers run, so that all derived rows exist as well. */
import { idOf } from "../../../src/db/digests.ts";
import { kindNumber } from "../../../src/db/manifest-references.ts";
import {
  BIG,
  BIG_ID,
  CONFIG_SIZE,
  digestSql,
  FIRST_SMALL_ID,
  GONE_ID,
  type Kind,
  LAYERS,
  layerSql,
  LONG_AGO,
  OTHER_TYPE,
  smallRepositories,
  UPPER_HALF,
  type World,
} from "./world.ts";

/** One statement, which makes the rows numbered from ?1 up to before ?2. */
export interface Step {
  readonly what: string;
  readonly sql: string;
  readonly from: number;
  readonly to: number;
}

interface Table {
  readonly what: string;
  readonly rows: (world: World) => number;
  readonly sql: string;
}

/** Rows of a statement: D1 has 30 seconds for each. */
const ROWS = 50_000;

// D1 takes a number in a parameter for a real one, hence the CAST.
const NUMBERS = `WITH RECURSIVE n (n) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT n + 1 FROM n WHERE n + 1 < ?2)`;
/** The time in milliseconds since 1970. */
const NOW = `CAST(unixepoch('subsec') * 1000 AS INTEGER)`;
const LAYER_INDEXES = JSON.stringify(Array.from({ length: LAYERS }, (_, j) => j));

/** The bytes of an image's manifest of so many layers: its text, and deflated as the Worker does it. */
const TEXT_BYTES = 883;
const DEFLATED_BYTES = 243;

/**
 * SQL: a short text as a row may have it. SQLite cannot deflate, so it is a stored block (RFC 1951 § 3.2.4): after the
 * dictionary's number a 1 for the last block, the length, and the length with all bits inverted.
 */
function stored(text: string): string {
  const length = `length(CAST(${text} AS BLOB))`;
  return `unhex('0101' || ${littleEndian(length)} || ${littleEndian(`~${length}`)} || hex(${text}))`;
}

/** SQL: the hexadecimal digits of a number of two bytes, the lower one first. */
function littleEndian(n: string): string {
  return `printf('%02x%02x', (${n}) & 255, ((${n}) >> 8) & 255)`;
}

/** SQL: an image's manifest that takes as much room as a deflated one. It has no layers: they would be compressed. */
function image(config: string): string {
  const text = `'{"config":{"digest":"' || ${config} || '"},"x":"'`;
  return stored(
    `substr(${text} || hex(zeroblob(${DEFLATED_BYTES})), 1, ${DEFLATED_BYTES} - 8) || '"}'`,
  );
}

/** SQL: the id of a repository's manifest. */
function manifest(repository: number | string, digest: string): string {
  return `(SELECT id FROM manifests WHERE repository_id = ${repository} AND digest = ${digest})`;
}

/** Gives ids to the digests of blobs. */
function digestsOf(kind: Kind, rows: (world: World) => number, which = ""): Table {
  return {
    what: `digests of ${kind}s`,
    rows,
    sql: `${NUMBERS} INSERT INTO digests (hash) SELECT unhex(substr(digest, 8))
      FROM (SELECT ${digestSql(kind, "n")} AS digest FROM n) WHERE true ${which}`,
  };
}

function configs({ manifests }: World): number {
  return Math.ceil(manifests / 3);
}

function layers({ manifests }: World): number {
  return Math.ceil(manifests / 20) * LAYERS;
}

const EMPTY_TEXT = stored("'{}'");
const IMAGE_TYPE = `'application/vnd.oci.image.manifest.v1+json'`;
const CONFIG_TYPE = `'application/vnd.oci.image.config.v1+json'`;

function ofEachKind({ due }: World): number {
  return due;
}

const TABLES: readonly Table[] = [
  {
    what: "namespaces",
    rows: (world) => Math.ceil(smallRepositories(world) / 100),
    sql: `${NUMBERS} INSERT INTO namespaces (name, created_at) SELECT printf('small-%03d', n), 0 FROM n`,
  },
  {
    what: "small repositories",
    rows: smallRepositories,
    sql: `${NUMBERS} INSERT INTO repositories (id, name, created_at, visibility)
      SELECT ${FIRST_SMALL_ID} + n, printf('small-%03d/r%06d', n / 100, n), 0, iif(n % 10 = 0, 'public', 'private') FROM n`,
  },
  digestsOf("config", configs),
  digestsOf("layer", layers),
  // Those of an index's children (world.ts), whose digests have ids wherever such an index was pushed before.
  digestsOf(
    "manifest",
    ({ manifests }) => Math.min(manifests, 280),
    `AND digest >= '${UPPER_HALF}'`,
  ),
  {
    what: "configs",
    rows: configs,
    sql: `${NUMBERS} INSERT INTO blobs (digest_id, key, size, created_at)
      SELECT ${idOf(digestSql("config", "n"))}, 'blobs/config-' || n, ${CONFIG_SIZE}, 0 FROM n`,
  },
  {
    what: "layers",
    rows: layers,
    sql: `${NUMBERS} INSERT INTO blobs (digest_id, key, size, created_at)
      SELECT ${idOf(digestSql("layer", "n"))}, 'blobs/layer-' || n, 3000000 + n, 0 FROM n`,
  },
  {
    what: "links to configs",
    rows: configs,
    sql: `${NUMBERS} INSERT INTO repository_blobs (repository_id, digest_id)
      SELECT ${BIG_ID}, ${idOf(digestSql("config", "n"))} FROM n`,
  },
  {
    what: "links to layers",
    rows: layers,
    sql: `${NUMBERS} INSERT INTO repository_blobs (repository_id, digest_id)
      SELECT ${BIG_ID}, ${idOf(digestSql("layer", "n"))} FROM n`,
  },
  {
    what: "manifests",
    rows: ({ manifests }) => manifests,
    sql: `${NUMBERS} INSERT INTO manifests (repository_id, digest, media_type, size, content, artifact_type, created_at,
        pushed_at)
      SELECT ${BIG_ID}, ${digestSql("manifest", "n")}, ${IMAGE_TYPE}, ${TEXT_BYTES}, ${image(digestSql("config", "n / 3"))},
        ${CONFIG_TYPE}, 0, ${LONG_AGO} + n FROM n`,
  },
  {
    what: "referrers of the first manifest",
    rows: ({ manifests }) => Math.min(manifests, 10_000),
    sql: `${NUMBERS} INSERT INTO manifests (repository_id, digest, media_type, size, content, subject, artifact_type,
        created_at, pushed_at)
      SELECT ${BIG_ID}, ${digestSql("referrer", "n")}, ${IMAGE_TYPE}, 2, ${EMPTY_TEXT}, ${digestSql("manifest", "0")},
        iif(n % 2 = 1, '${OTHER_TYPE}', 'application/spdx+json'), 0, ${LONG_AGO} - n FROM n`,
  },
  {
    what: "references to configs",
    rows: ({ manifests }) => manifests,
    sql: `${NUMBERS} INSERT INTO manifest_references (repository_id, manifest_id, digest_id, kind)
      SELECT ${BIG_ID}, ${manifest(BIG_ID, digestSql("manifest", "n"))}, ${idOf(digestSql("config", "n / 3"))}, ${kindNumber("config")} FROM n ORDER BY 2`,
  },
  {
    what: "references to layers",
    rows: ({ manifests }) => manifests,
    sql: `${NUMBERS} INSERT INTO manifest_references (repository_id, manifest_id, digest_id, kind)
      SELECT ${BIG_ID}, ${manifest(BIG_ID, digestSql("manifest", "n"))}, ${idOf(digestSql("layer", layerSql("n", "j.value")))}, ${kindNumber("blob")}
      FROM n, json_each('${LAYER_INDEXES}') j ORDER BY 2`,
  },
  {
    what: "tags",
    rows: ({ manifests }) => manifests,
    sql: `${NUMBERS} INSERT INTO tags (repository_id, name, digest, updated_at)
      SELECT ${BIG_ID}, printf('v%07d', n), ${digestSql("manifest", "n")}, 0 FROM n`,
  },
  {
    what: "deleted manifests",
    rows: ({ due }) => 2 * due,
    sql: `${NUMBERS} INSERT INTO manifests (repository_id, digest, media_type, size, content, artifact_type, created_at,
        pushed_at, deleted_at, deleted_by)
      SELECT ${BIG_ID}, ${digestSql("deleted", "n")}, ${IMAGE_TYPE}, 2, ${EMPTY_TEXT}, ${CONFIG_TYPE}, 0, 0,
        iif(n % 2 = 0, ${NOW}, ${LONG_AGO} + n), 'admin' FROM n`,
  },
  {
    what: "references of deleted manifests",
    rows: ({ due }) => 2 * due,
    sql: `${NUMBERS} INSERT INTO manifest_references (repository_id, manifest_id, digest_id, kind)
      SELECT ${BIG_ID}, ${manifest(BIG_ID, digestSql("deleted", "n"))}, ${idOf(digestSql("layer", layerSql("n % 100", "j.value")))}, ${kindNumber("blob")}
      FROM n, json_each('${LAYER_INDEXES}') j`,
  },
  {
    what: "past tags",
    rows: ({ due }) => 2 * due,
    sql: `${NUMBERS} INSERT INTO tag_history (repository_id, id, tag, digest, successor, changed_at, changed_by)
      SELECT ${BIG_ID}, printf('%012x%016x', at, n), iif(n % 2 = 0, 'latest', printf('d%07d', n)), ${digestSql("deleted", "n / 4")},
        iif(n % 2 = 0, ${digestSql("manifest", "0")}, NULL), at, 'admin'
      FROM (SELECT n, iif(n % 4 < 2, ${NOW}, ${LONG_AGO} + n) AS at FROM n)`,
  },
  ...unreferenced(),
  {
    what: "doomed objects",
    rows: ({ due }) => due,
    sql: `${NUMBERS} INSERT INTO object_deletions (key, due_at) SELECT printf('blobs/doomed-%07d', n), 1 FROM n`,
  },
  {
    what: "audit events",
    rows: ({ manifests }) => Math.ceil(manifests / 10),
    sql: `${NUMBERS} INSERT INTO audit (id, time, actor, via, action, namespace, repository, request_id, outcome)
      SELECT printf('%012x%016x', ${NOW} - 60000, n), ${NOW} - 60000, 'admin', 'password', 'manifest.push', 'big', '${BIG}', '', 'done'
      FROM n`,
  },
  ...inSmallOnes(),
  ...inDeletedOne(),
];

/** Blobs that no manifest has named for longer than any grace period. */
function unreferenced(): Table[] {
  return [
    digestsOf("unlinked", ofEachKind),
    {
      what: "blobs that nothing names",
      rows: ofEachKind,
      sql: `${NUMBERS} INSERT INTO blobs (digest_id, key, size, created_at)
        SELECT ${idOf(digestSql("unlinked", "n"))}, 'blobs/unlinked-' || n, 1000, 0 FROM n`,
    },
    {
      what: "links that nothing names",
      rows: ofEachKind,
      sql: `${NUMBERS} INSERT INTO repository_blobs (repository_id, digest_id)
        SELECT ${BIG_ID}, ${idOf(digestSql("unlinked", "n"))} FROM n`,
    },
    {
      what: "their reviews",
      rows: ofEachKind,
      sql: `${NUMBERS} UPDATE unreferenced_blobs SET since = 1000 FROM n
        WHERE repository_id = ${BIG_ID} AND digest_id = ${idOf(digestSql("unlinked", "n"))}`,
    },
  ];
}

/** Makes a manifest of two layers that all small repositories share. */
function inSmallOnes(): Table[] {
  const id = `${FIRST_SMALL_ID} + n`;
  return [
    {
      what: "links of small repositories",
      rows: smallRepositories,
      sql: `${NUMBERS} INSERT INTO repository_blobs (repository_id, digest_id)
        SELECT ${id}, ${idOf(digestSql("layer", "j.value"))} FROM n, json_each('[0,1]') j`,
    },
    {
      what: "manifests of small repositories",
      rows: smallRepositories,
      sql: `${NUMBERS} INSERT INTO manifests (repository_id, digest, media_type, size, content, artifact_type, created_at,
          pushed_at)
        SELECT ${id}, ${digestSql("small", "n")}, ${IMAGE_TYPE}, 2, ${EMPTY_TEXT}, ${CONFIG_TYPE}, 0, 0 FROM n`,
    },
    {
      what: "references of small repositories",
      rows: smallRepositories,
      sql: `${NUMBERS} INSERT INTO manifest_references (repository_id, manifest_id, digest_id, kind)
        SELECT ${id}, ${manifest(id, digestSql("small", "n"))}, ${idOf(digestSql("layer", "j.value"))}, ${kindNumber("blob")} FROM n, json_each('[0,1]') j`,
    },
    {
      what: "tags of small repositories",
      rows: smallRepositories,
      sql: `${NUMBERS} INSERT INTO tags (repository_id, name, digest, updated_at)
        SELECT ${id}, 'latest', ${digestSql("small", "n")}, 0 FROM n`,
    },
    {
      what: "past tags of small repositories",
      rows: smallRepositories,
      sql: `${NUMBERS} INSERT INTO tag_history (repository_id, id, tag, digest, changed_at)
        SELECT ${id}, printf('%012x%016x', ${NOW}, n), 'old', ${digestSql("small", "n")}, ${NOW} FROM n`,
    },
  ];
}

/** The content of the deleted repository whose trash window is over. */
function inDeletedOne(): Table[] {
  return [
    {
      what: "a deleted repository",
      rows: ({ due }) => Math.min(due, 1),
      sql: `INSERT INTO repositories (id, name, former_name, deleted_at, deleted_by, created_at)
        SELECT ${GONE_ID}, '~${GONE_ID}', 'big/gone', ${LONG_AGO}, 'admin', 0 WHERE ?1 < ?2`,
    },
    digestsOf("gone-config", ofEachKind),
    {
      what: "blobs of the deleted repository",
      rows: ofEachKind,
      sql: `${NUMBERS} INSERT INTO blobs (digest_id, key, size, created_at)
        SELECT ${idOf(digestSql("gone-config", "n"))}, 'blobs/gone-' || n, ${CONFIG_SIZE}, 0 FROM n`,
    },
    {
      what: "links of the deleted repository",
      rows: ofEachKind,
      sql: `${NUMBERS} INSERT INTO repository_blobs (repository_id, digest_id)
        SELECT ${GONE_ID}, ${idOf(digestSql("gone-config", "n"))} FROM n`,
    },
    {
      what: "manifests of the deleted repository",
      rows: ofEachKind,
      sql: `${NUMBERS} INSERT INTO manifests (repository_id, digest, media_type, size, content, artifact_type, created_at,
          pushed_at)
        SELECT ${GONE_ID}, ${digestSql("gone", "n")}, ${IMAGE_TYPE}, 2, ${EMPTY_TEXT}, ${CONFIG_TYPE}, 0, 0 FROM n`,
    },
    {
      what: "references of the deleted repository",
      rows: ofEachKind,
      sql: `${NUMBERS} INSERT INTO manifest_references (repository_id, manifest_id, digest_id, kind)
        SELECT ${GONE_ID}, ${manifest(GONE_ID, digestSql("gone", "n"))}, ${idOf(digestSql("gone-config", "n"))}, ${kindNumber("blob")} FROM n`,
    },
    {
      what: "tags of the deleted repository",
      rows: ofEachKind,
      sql: `${NUMBERS} INSERT INTO tags (repository_id, name, digest, updated_at)
        SELECT ${GONE_ID}, printf('v%07d', n), ${digestSql("gone", "n")}, 0 FROM n`,
    },
  ];
}

/** Rows that exist before anything is numbered. */
export const BEGINNING: readonly string[] = [
  `INSERT INTO namespaces (name, created_at) VALUES ('big', 0)`,
  `INSERT INTO repositories (id, name, created_at) VALUES (${BIG_ID}, '${BIG}', 0)`,
];

export function* growth(from: World, to: World): Generator<Step> {
  for (const { what, rows, sql } of TABLES) {
    const end = rows(to);
    for (let first = rows(from); first < end; first += ROWS) {
      yield { what, sql, from: first, to: Math.min(first + ROWS, end) };
    }
  }
}

/** Runs after all else: deletes the changes that an export would have taken. */
export const END: readonly string[] = [
  `DELETE FROM change_log WHERE id <= (SELECT max(id) FROM change_log) - 1000`,
];
