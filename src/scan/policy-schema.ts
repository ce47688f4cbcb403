import * as v from "valibot";
import { count, flag, someTime, someText, text, time } from "../api/schema/common.ts";
import { isLine } from "../oci/line.ts";
import { OSV_ID } from "./match/osv/record.ts";
import { SEVERITIES } from "./match/severity.ts";

const MAX_EXEMPT = 20;
const MAX_GRACE_HOURS = 8_760;

const account = v.pipe(
  v.string(),
  v.regex(
    /^[a-z0-9][a-z0-9._-]*(?:\+[a-z0-9._-]+)?$/,
    'write an account\'s name, such as "alice" or "acme+scanner"',
  ),
  v.maxLength(128),
);

/** What keeps images from being pulled; each is a switch of its own, and one that is left out is off. */
export const ScanPolicy = v.strictObject({
  severity: v.pipe(
    v.optional(v.nullable(v.picklist(SEVERITIES)), null),
    v.description("Open vulnerabilities of this severity and above; null: none."),
  ),
  fixableOnly: v.pipe(v.optional(flag, false), v.description("Only those that have a fix.")),
  unscanned: v.pipe(
    v.optional(flag, false),
    v.description("Images that no scanner has matched yet."),
  ),
  unscannable: v.pipe(
    v.optional(flag, false),
    v.description("Images whose packages are not all known."),
  ),
  unsigned: v.pipe(
    v.optional(flag, false),
    v.description("Images that no signer has signed whom the namespace trusts."),
  ),
  vex: v.pipe(
    v.optional(flag, false),
    v.description(
      "Whether OpenVEX documents excuse vulnerabilities: whoever may push can attach one.",
    ),
  ),
  graceHours: v.pipe(
    v.optional(v.pipe(count, v.maxValue(MAX_GRACE_HOURS)), 0),
    v.description(
      "For how long after it was first seen in an image a vulnerability does not count.",
    ),
  ),
  exempt: v.pipe(
    v.optional(v.pipe(v.array(account), v.maxLength(MAX_EXEMPT)), []),
    v.description(
      "Accounts that may pull all the same, such as a scanner's; each such pull is in the audit log.",
    ),
  ),
});
export type ScanPolicy = v.InferOutput<typeof ScanPolicy>;

export const NamespaceScanPolicy = v.object({ policy: v.nullable(ScanPolicy) });
export type NamespaceScanPolicy = v.InferOutput<typeof NamespaceScanPolicy>;

export const RepositoryScanPolicy = v.object({
  policy: v.nullable(ScanPolicy),
  of: v.pipe(v.nullable(v.picklist(["repository", "namespace"])), v.description("Whose it is.")),
});
export type RepositoryScanPolicy = v.InferOutput<typeof RepositoryScanPolicy>;

const vulnerability = v.pipe(
  v.string(),
  v.regex(OSV_ID, 'write the id of a vulnerability, such as "CVE-2024-3094"'),
);
const reason = v.pipe(
  v.string(),
  v.minLength(1, "say why"),
  v.maxLength(512),
  v.check(isLine, "write it on one line, without control characters"),
);

/** A vulnerability that is accepted. */
export const NewException = v.strictObject({
  vulnerability: v.pipe(vulnerability, v.description("Any of its ids.")),
  package: v.pipe(
    v.optional(v.nullable(v.pipe(v.string(), v.minLength(1), v.maxLength(256))), null),
    v.description("The package that it is accepted in; null: all."),
  ),
  repository: v.pipe(
    v.optional(someText, null),
    v.description(
      "The repository that it is accepted in, with its namespace; null: all of the namespace.",
    ),
  ),
  digest: v.pipe(
    v.optional(someText, null),
    v.description("The image that it is accepted in; null: all. It needs a repository."),
  ),
  reason,
  expiresAt: v.pipe(
    v.optional(someText, null),
    v.description("RFC 3339, or a day; null: it does not end."),
  ),
});
export type NewException = v.InferOutput<typeof NewException>;

export const VulnerabilityException = v.object({
  id: text,
  vulnerability: text,
  package: someText,
  repository: someText,
  digest: someText,
  reason: text,
  author: text,
  expiresAt: someTime,
  createdAt: time,
});
export type VulnerabilityException = v.InferOutput<typeof VulnerabilityException>;
