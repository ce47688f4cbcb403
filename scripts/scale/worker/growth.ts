/** The statements that grow one world into another. The triggers run, so that all derived rows exist as well. */
import { idOf } from "../../../src/db/digests.ts";
import { kindNumber } from "../../../src/db/manifest-references.ts";
import { inDeletedOne, inSmallOnes } from "./other-repositories.ts";
import {
  CONFIG_TYPE,
  digestsOf,
  EMPTY_TEXT,
  image,
  IMAGE_TYPE,
  manifest,
  NOW,
  NUMBERS,
  ofEachKind,
  type Table,
  TEXT_BYTES,
} from "./rows.ts";
import {
  BIG,
  BIG_ID,
  CONFIG_SIZE,
  digestSql,
  FIRST_SMALL_ID,
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

/** Rows of a statement: D1 has 30 seconds for each. */
const ROWS = 50_000;

const LAYER_INDEXES = JSON.stringify(Array.from({ length: LAYERS }, (_, j) => j));

function configs({ manifests }: World): number {
  return Math.ceil(manifests / 3);
}

function layers({ manifests }: World): number {
  return Math.ceil(manifests / 20) * LAYERS;
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
    what: "scheduled objects",
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
