/** The repositories beside the big one: small ones, and one that was deleted. */
import { idOf } from "../../../src/db/digests.ts";
import { kindNumber } from "../../../src/db/manifest-references.ts";
import {
  CONFIG_TYPE,
  digestsOf,
  EMPTY_TEXT,
  IMAGE_TYPE,
  manifest,
  NOW,
  NUMBERS,
  ofEachKind,
  type Table,
} from "./rows.ts";
import {
  CONFIG_SIZE,
  digestSql,
  FIRST_SMALL_ID,
  GONE_ID,
  LONG_AGO,
  smallRepositories,
} from "./world.ts";

/** Makes a manifest of two layers that all small repositories share. */
export function inSmallOnes(): Table[] {
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
export function inDeletedOne(): Table[] {
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
