/** What is attached to images: signatures, SBOMs, and attestations of how they were built. */
import { ATTACHMENT_ENDINGS_SQL } from "../oci/attachment-tag.ts";
import { EVIDENCE } from "../oci/manifest-kind.ts";
import { DOCKER_LIST, OCI_INDEX } from "../oci/media-type.ts";

export interface Evidence {
  readonly signed: boolean;
  readonly sbom: boolean;
  readonly provenance: boolean;
}

const ALL = Object.values(EVIDENCE).reduce((bits, bit) => bits | bit, 0);

/**
 * SQL over `manifests m`: the bits of what belongs to it: its referrers', those of the manifests under tags made of its
 * digest, and an index's own, which are BuildKit's attestations. Each is looked up: any number of referrers costs the
 * same.
 */
export const EVIDENCE_OF = `(
  ${Object.values(EVIDENCE).map(ofReferrers).join(" | ")}
  | coalesce((
    SELECT ${Object.values(EVIDENCE)
      .map((bit) => `max(a.evidence & ${bit})`)
      .join(" | ")}
    FROM ${ATTACHMENT_ENDINGS_SQL} ending
    CROSS JOIN tags at ON at.repository_id = m.repository_id AND at.name = 'sha256-' || substr(m.digest, 8) || ending.value
    CROSS JOIN manifests a ON a.repository_id = m.repository_id AND a.digest = at.digest AND a.deleted_at IS NULL), 0)
  | CASE WHEN m.media_type IN ('${OCI_INDEX}', '${DOCKER_LIST}') THEN m.evidence ELSE 0 END)`;

function ofReferrers(bit: number): string {
  const sets = Array.from({ length: ALL + 1 }, (_, set) => set).filter((set) => (set & bit) !== 0);
  return `CASE WHEN EXISTS (
    SELECT 1 FROM manifests s INDEXED BY manifests_by_evidence
    WHERE s.repository_id = m.repository_id AND s.subject = m.digest AND s.deleted_at IS NULL
      AND s.evidence > 0 AND s.evidence IN (${sets.join(", ")})) THEN ${bit} ELSE 0 END`;
}

/** Reads a set of bits. */
export function evidenceIn(bits: number): Evidence {
  return {
    signed: (bits & EVIDENCE.signed) !== 0,
    sbom: (bits & EVIDENCE.sbom) !== 0,
    provenance: (bits & EVIDENCE.provenance) !== 0,
  };
}
