/** What the tables of a world are made of, in SQL. */
import { digestSql, type Kind, type World } from "./world.ts";

export interface Table {
  readonly what: string;
  readonly rows: (world: World) => number;
  readonly sql: string;
}

// D1 takes a number in a parameter for a real one, hence the CAST.
export const NUMBERS = `WITH RECURSIVE n (n) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT n + 1 FROM n WHERE n + 1 < ?2)`;
/** The time in milliseconds since 1970. */
export const NOW = `CAST(unixepoch('subsec') * 1000 AS INTEGER)`;
/** The bytes of an image's manifest of so many layers: its text, and deflated as the Worker does it. */
export const TEXT_BYTES = 883;
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
export function image(config: string): string {
  const text = `'{"config":{"digest":"' || ${config} || '"},"x":"'`;
  return stored(
    `substr(${text} || hex(zeroblob(${DEFLATED_BYTES})), 1, ${DEFLATED_BYTES} - 8) || '"}'`,
  );
}

/** SQL: the id of a repository's manifest. */
export function manifest(repository: number | string, digest: string): string {
  return `(SELECT id FROM manifests WHERE repository_id = ${repository} AND digest = ${digest})`;
}

/** Gives ids to the digests of blobs. */
export function digestsOf(kind: Kind, rows: (world: World) => number, which = ""): Table {
  return {
    what: `digests of ${kind}s`,
    rows,
    sql: `${NUMBERS} INSERT INTO digests (hash) SELECT unhex(substr(digest, 8))
      FROM (SELECT ${digestSql(kind, "n")} AS digest FROM n) WHERE true ${which}`,
  };
}

export const EMPTY_TEXT = stored("'{}'");
export const IMAGE_TYPE = `'application/vnd.oci.image.manifest.v1+json'`;
export const CONFIG_TYPE = `'application/vnd.oci.image.config.v1+json'`;

export function ofEachKind({ due }: World): number {
  return due;
}
