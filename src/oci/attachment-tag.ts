/**
 * Tags that name the subject of what they point to: cosign's signatures, attestations and SBOMs, and the referrers
 * fallback of the distribution spec ("Pushing Manifests with Subject"), which has no ending.
 */
const ENDINGS = ["", ".sig", ".att", ".sbom"] as const;

/** The ending begins after `sha256-` and 64 digits; SQL counts from 1. */
const ENDING_AT = "sha256-".length + 64 + 1;

const ATTACHMENT = new RegExp(
  `^sha256-[0-9a-f]{64}(?:${ENDINGS.map((ending) => ending.replace(".", "\\.")).join("|")})$`,
);

export function isAttachmentTag(tag: string): boolean {
  return ATTACHMENT.test(tag);
}

/** SQL: whether a column or expression is such a tag. It takes any 64 characters for digits: D1 bounds a GLOB at 50 bytes. */
export function isAttachmentTagSql(name: string): string {
  const endings = ENDINGS.map((ending) => `'${ending}'`).join(", ");
  return `${name} GLOB 'sha256-*' AND length(${name}) >= ${ENDING_AT - 1} AND substr(${name}, ${ENDING_AT}) IN (${endings})`;
}

/** SQL: a table of the endings, in the column `value`. */
export const ATTACHMENT_ENDINGS_SQL = `json_each('${JSON.stringify(ENDINGS)}')`;
