import { digestOf } from "./digests.ts";
import { isBlob, IS_MANIFEST } from "./manifest-references.ts";

/**
 * The most references that are added up for one manifest, more than any image or index has. It bounds the cost of a
 * page of the strangest manifests.
 */
const MAX_NAMED = 2_000;

/** SQL over `manifests m`: the size of an image. */
export const IMAGE_SIZE = imageSize(MAX_NAMED);

/**
 * Makes SQL over `manifests m`: the bytes of the blobs that it and its children name, each once; NULL where there are
 * more references than may be added up.
 */
export function imageSize(maxNamed: number): string {
  return `(WITH RECURSIVE named (manifest_id, digest_id, kind) AS (
    VALUES (m.id, NULL, NULL)
    UNION ALL
    SELECT CASE WHEN ${IS_MANIFEST} THEN (
        SELECT c.id FROM manifests c
        WHERE c.repository_id = m.repository_id AND c.digest = ${digestOf("f.digest_id")}) END,
      f.digest_id, f.kind
    FROM named parent
    CROSS JOIN manifest_references f
      ON f.repository_id = m.repository_id AND f.manifest_id = parent.manifest_id
    LIMIT ${maxNamed + 1})
  SELECT CASE WHEN (SELECT count(*) FROM named) <= ${maxNamed} THEN coalesce(sum(b.size), 0) END
  FROM (SELECT DISTINCT named.digest_id FROM named WHERE ${isBlob("named")}) counted
  CROSS JOIN blobs b ON b.digest_id = counted.digest_id)`;
}
