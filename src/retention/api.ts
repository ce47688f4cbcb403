import * as v from "valibot";
import { digestOf } from "../oci/digest.ts";
import { type RetentionPolicy, parsePolicy } from "./policy.ts";
import type { ExpiringImage } from "./attachments.ts";
import type { ProtectedGroup } from "./protection.ts";
import type { RepositoryPolicy, RunReport } from "./policy-store.ts";
import type { Scan } from "./scan.ts";
import type { Context } from "../http/context.ts";
import { encryptCursor, decryptCursor } from "../http/cursor.ts";
import { invalid, readJson } from "../http/input.ts";
import { pageOf, pageResponse } from "../http/list.ts";
import { noContent, timestamp } from "../http/resource.ts";
import { formatDay } from "../http/time.ts";

/** The longest page of a preview: each image is listed with its attachments. */
const MAX_PAGE = 100;
/** The longest cursor in characters: it is part of a URL. */
const MAX_CURSOR = 12_000;
const LIST = "retention-preview";

/** Accepts any object: `parsePolicy` checks it, and says what is wrong. */
const Policy = v.custom<Readonly<Record<string, unknown>>>(
  (value) => typeof value === "object" && value !== null,
  "must be a JSON object",
);

export async function read({ params, registry }: Context<"name">): Promise<Response> {
  return Response.json(toJson(await registry.policies.ofRepository(params.name)));
}

export async function write({
  request,
  params,
  initiator,
  registry,
}: Context<"name">): Promise<Response> {
  const { policies } = registry;
  await policies.setRepository(params.name, await readPolicy(request), initiator);
  return Response.json(toJson(await policies.ofRepository(params.name)));
}

export async function remove({ params, initiator, registry }: Context<"name">): Promise<Response> {
  await registry.policies.removeRepository(params.name, initiator);
  return noContent();
}

export async function readNamespace({ params, registry }: Context<"namespace">): Promise<Response> {
  return Response.json(
    withWarnings((await registry.policies.ofNamespace(params.namespace)).policy),
  );
}

export async function writeNamespace({
  request,
  params,
  initiator,
  registry,
}: Context<"namespace">): Promise<Response> {
  const policy = await readPolicy(request);
  await registry.policies.setNamespace(params.namespace, policy, initiator);
  return Response.json(withWarnings(policy));
}

export async function removeNamespace({
  params,
  initiator,
  registry,
}: Context<"namespace">): Promise<Response> {
  await registry.policies.removeNamespace(params.namespace, initiator);
  return noContent();
}

/**
 * Lists what a policy would delete, with the reasons, and what keeps other images that its rules select. The policy is
 * the one sent, or with `{}` the one in force. Nothing is deleted. A page may be empty without being the last, since
 * one request reads only so many manifests.
 */
export async function preview(context: Context<"name">): Promise<Response> {
  const { request, url, params, auth, registry } = context;
  const { after, limit } = pageOf(url.searchParams);
  const given = await readJson(request, Policy);
  const sent = Object.keys(given).length === 0 ? null : parsePolicy(given);
  const { id, policy: inForce } = await registry.policies.ofRepository(params.name);
  const policy = sent ?? policyInForce(inForce);
  const subject = await subjectOf(id, policy);
  const scan = await scanOf(await decrypted(after, context), subject);
  const most = Math.min(limit - 1, MAX_PAGE);
  const { expiring, kept, next } = await registry.retention.preview(id, policy, scan, most);
  const besides = { kept: kept.map(group) };
  if (next === null) return pageResponse(url, expiring.map(entry), null, besides);
  const cursor = await encryptCursor(JSON.stringify({ subject, scan: next }), LIST, auth.signing);
  if (cursor.length <= MAX_CURSOR) return pageResponse(url, expiring.map(entry), cursor, besides);
  throw invalid(
    "rules",
    'the rules with orderBy "semver" count too many images to be previewed in a repository of this size',
  );
}

async function readPolicy(request: Request): Promise<string> {
  const policy = await readJson(request, Policy);
  parsePolicy(policy);
  return JSON.stringify(policy);
}

function policyInForce(policy: string | null): RetentionPolicy {
  if (policy !== null) return parsePolicy(JSON.parse(policy));
  throw invalid("rules", "no policy is in force here: send one");
}

/** Hashes what a cursor belongs to: the repository and the policy. */
async function subjectOf(id: number, policy: RetentionPolicy): Promise<string> {
  const text = JSON.stringify([id, policy]);
  return digestOf("sha256", new TextEncoder().encode(text));
}

async function decrypted(after: string, { auth }: Context): Promise<string> {
  const place = await decryptCursor(after, LIST, auth.signing);
  if (after === "" || place !== after) return place;
  throw invalid("after", "is not what the last page ended with");
}

async function scanOf(place: string, subject: string): Promise<Scan | null> {
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
  const policy = JSON.parse(text) as unknown;
  return { policy, warnings: parsePolicy(policy).warnings };
}
