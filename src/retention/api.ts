import { none, one, pageWith } from "../api/answer.ts";
import { type Endpoint, endpoint } from "../api/endpoint.ts";
import { PAGE } from "../api/query.ts";
import type { Signing } from "../auth/login/jwt.ts";
import { digestOf } from "../oci/digest.ts";
import { encryptCursor, decryptCursor } from "../http/cursor.ts";
import { invalid } from "../http/input.ts";
import { timestamp } from "../http/resource.ts";
import { formatDay } from "../http/time.ts";
import type { ExpiringImage } from "./attachments.ts";
import { type RetentionPolicy as Policy, parsePolicy } from "./policy.ts";
import type { RepositoryPolicy, RunReport } from "./policy-store.ts";
import type { ProtectedGroup } from "./protection.ts";
import type { Scan } from "./scan.ts";
import {
  Expiring,
  freedBytes,
  NamespaceRetention,
  protectedImages,
  Retention,
  RetentionPolicy,
  SomePolicy,
} from "./schema.ts";

/** The longest page of a preview: each image is listed with its attachments. */
const MAX_PAGE = 100;
/** The longest cursor in characters: it is part of a URL. */
const MAX_CURSOR = 12_000;
const LIST = "retention-preview";

const read = endpoint(
  "GET /repositories/:name+/-/retention",
  {
    id: "readRetention",
    summary: "Read the retention policy in force in a repository",
    access: "maintain",
    answer: one(Retention),
    refuses: ["NAME_UNKNOWN"],
  },
  async ({ params, registry }) => toJson(await registry.policies.ofRepository(params.name)),
);

const write = endpoint(
  "PUT /repositories/:name+/-/retention",
  {
    id: "setRetention",
    summary: "Set a repository's policy; it is carried out soon",
    access: "maintain",
    body: RetentionPolicy,
    answer: one(Retention),
    refuses: ["NAME_UNKNOWN"],
  },
  async ({ body, params, initiator, registry: { policies } }) => {
    await policies.setRepository(params.name, checked(body), initiator);
    return toJson(await policies.ofRepository(params.name));
  },
);

const remove = endpoint(
  "DELETE /repositories/:name+/-/retention",
  {
    id: "removeRetention",
    summary: "Remove the repository's own policy",
    access: "maintain",
    answer: none,
    refuses: ["NAME_UNKNOWN", "NOT_FOUND"],
  },
  ({ params, initiator, registry }) => registry.policies.removeRepository(params.name, initiator),
);

const readNamespace = endpoint(
  "GET /namespaces/:namespace/retention",
  {
    id: "readNamespaceRetention",
    summary: "Read a namespace's retention policy",
    access: "own",
    answer: one(NamespaceRetention),
    refuses: ["NOT_FOUND"],
  },
  async ({ params, registry }) =>
    withWarnings((await registry.policies.ofNamespace(params.namespace)).policy),
);

const writeNamespace = endpoint(
  "PUT /namespaces/:namespace/retention",
  {
    id: "setNamespaceRetention",
    summary: "Set a policy for all repositories without one of their own",
    access: "own",
    body: RetentionPolicy,
    answer: one(NamespaceRetention),
    refuses: ["NOT_FOUND"],
  },
  async ({ body, params, initiator, registry }) => {
    const policy = checked(body);
    await registry.policies.setNamespace(params.namespace, policy, initiator);
    return withWarnings(policy);
  },
);

const removeNamespace = endpoint(
  "DELETE /namespaces/:namespace/retention",
  {
    id: "removeNamespaceRetention",
    summary: "Remove a namespace's policy",
    access: "own",
    answer: none,
    refuses: ["NOT_FOUND"],
  },
  ({ params, initiator, registry }) =>
    registry.policies.removeNamespace(params.namespace, initiator),
);

/**
 * Lists what a policy would delete, with the reasons, and what keeps other images that its rules select. The policy is
 * the one sent, or with `{}` the one in force. Nothing is deleted. A page may be empty without being the last, since
 * one request reads only so many manifests.
 */
const preview = endpoint(
  "POST /repositories/:name+/-/retention/preview",
  {
    id: "previewRetention",
    summary: "List what a policy would delete, and why; send {} for the one in force",
    access: "maintain",
    query: PAGE,
    body: SomePolicy,
    answer: pageWith(Expiring, {
      freedBytes,
      kept: protectedImages,
    }),
    refuses: ["NAME_UNKNOWN"],
  },
  async ({ query, body, params, auth: { signing }, registry }) => {
    const sent = Object.keys(body).length === 0 ? null : parsePolicy(body);
    const { id, policy: inForce } = await registry.policies.ofRepository(params.name);
    const policy = sent ?? policyInForce(inForce);
    const subject = await subjectOf(id, policy);
    const scan = scanOf(await decrypted(query.after, signing), subject);
    const most = Math.min(query.limit, MAX_PAGE);
    const { expiring, freed, kept, next } = await registry.retention.preview(
      id,
      policy,
      scan,
      most,
    );
    const shown = { items: expiring.map(entry), freedBytes: freed, kept: kept.map(group) };
    if (next === null) return { ...shown, next: null };
    const cursor = await encryptCursor(JSON.stringify({ subject, scan: next }), LIST, signing);
    if (cursor.length <= MAX_CURSOR) return { ...shown, next: cursor };
    throw invalid(
      "rules",
      'the rules with orderBy "semver" count too many images to be previewed in a repository of this size',
    );
  },
);

export const RETENTION: readonly Endpoint[] = [
  preview,
  read,
  write,
  remove,
  readNamespace,
  writeNamespace,
  removeNamespace,
];

/** Checks a policy. @returns its text @throws FIELD_INVALID */
function checked(policy: Readonly<Record<string, unknown>>): string {
  parsePolicy(policy);
  return JSON.stringify(policy);
}

function policyInForce(policy: string | null): Policy {
  if (policy !== null) return parsePolicy(JSON.parse(policy));
  throw invalid("rules", "no policy is in force here: send one");
}

/** Hashes what a cursor belongs to: the repository and the policy. */
async function subjectOf(id: number, policy: Policy): Promise<string> {
  const text = JSON.stringify([id, policy]);
  return digestOf("sha256", new TextEncoder().encode(text));
}

async function decrypted(after: string, signing: Signing): Promise<string> {
  const place = await decryptCursor(after, LIST, signing);
  if (after === "" || place !== after) return place;
  throw invalid("after", "is not what the last page ended with");
}

function scanOf(place: string, subject: string): Scan | null {
  if (place === "") return null;
  const cursor = JSON.parse(place) as { readonly subject?: string; readonly scan: Scan };
  if (cursor.subject === subject) return cursor.scan;
  throw invalid("after", "is of another policy or repository: begin again without it");
}

function entry({ image, decision, attachments }: ExpiringImage) {
  return {
    digest: image.digest,
    tags: image.tags,
    pushedAt: timestamp(image.pushedAt),
    rule: decision.rule?.priority ?? null,
    reason: decision.reason,
    attachments: attachments.map(({ digest, tags }) => ({ digest, tags })),
  };
}

function group({ by, rule, usedOn, until, images, examples }: ProtectedGroup) {
  return {
    by,
    rule,
    lastUsed: usedOn === null ? null : formatDay(usedOn),
    until: until === null ? null : timestamp(until),
    images,
    examples,
  };
}

function toJson({ policy, of, nextAt, last }: RepositoryPolicy) {
  const report = last === null ? null : (JSON.parse(last) as RunReport);
  return {
    ...withWarnings(policy),
    of,
    nextRunAt: nextAt === null ? null : timestamp(nextAt),
    lastRun:
      report === null
        ? null
        : { ...report, beganAt: timestamp(report.beganAt), endedAt: timestamp(report.endedAt) },
  };
}

function withWarnings(text: string | null) {
  if (text === null) return { policy: null, warnings: [] };
  const policy = JSON.parse(text) as Record<string, unknown>;
  return { policy, warnings: parsePolicy(policy).warnings };
}
