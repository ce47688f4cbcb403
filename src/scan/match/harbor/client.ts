/**
 * Asks a scanner adapter by Harbor's pluggable scanner API, version 1.2 (github.com/goharbor/pluggable-scanner-spec). The adapter
 * pulls the image by itself. Each function sends one request: a job keeps the scan's id between them.
 */
import * as v from "valibot";
import type { Package } from "../../package.ts";
import { parseAnswer, refusal, secretsOf } from "../answer.ts";
import { exchangeOnce, type Fetch, originOf, type Reply } from "../exchange.ts";
import type { Finding } from "../finding.ts";
import type { AdapterAuth } from "./auth.ts";
import {
  type AdapterCapability,
  type AdapterMetadata,
  METADATA_TYPES,
  readMetadata,
} from "./metadata.ts";
import { readReport } from "./report.ts";

export interface AdapterOptions {
  readonly fetch: Fetch;
  /** The adapter's address, to which /api/v1 is added. */
  readonly baseUrl: string;
  readonly auth: AdapterAuth;
}

/** What the adapter pulls, and how. */
export interface AdapterImage {
  /** The registry's address as the adapter reaches it: "https://registry.example". */
  readonly registryUrl: string;
  /** The header that pulls it: "Bearer …" or "Basic …". */
  readonly authorization: string;
  readonly repository: string;
  /** Of the manifest of one platform. */
  readonly digest: string;
  readonly tag: string | null;
  /** The manifest's media type, one of the capability's. */
  readonly mediaType: string;
}

/** A scan that was submitted. */
export interface AdapterScan {
  readonly id: string;
  readonly digest: string;
  readonly capability: AdapterCapability;
}

export type AdapterReport =
  | { readonly kind: "finished"; readonly findings: readonly Finding[] }
  /** It is to be asked for again after so many milliseconds. */
  | { readonly kind: "pending"; readonly waitMs: number }
  /** The adapter does not know the scan, or no more: the image is to be submitted anew. */
  | { readonly kind: "gone" };

/** An adapter may start its scanner to answer. */
const TIMEOUT_MS = 30_000;
const MAX_BYTES = 1024 ** 2;
/** A vulnerability has up to 10 KB with its description and its vendor's attributes. */
const MAX_REPORT_BYTES = 32 * 1024 ** 2;
/** The wait where the adapter asks for none, and the bounds of one that it asks for. */
const DEFAULT_WAIT_MS = 10_000;
const MIN_WAIT_MS = 1_000;
const MAX_WAIT_MS = 600_000;

const SCAN_REQUEST = "application/vnd.scanner.adapter.scan.request+json";
const SCAN_RESPONSE = "application/vnd.scanner.adapter.scan.response+json; version=1.0";

// "." and ".." as a segment of a path lead elsewhere, encoded or not.
const Submitted = v.object({
  id: v.pipe(
    v.string(),
    v.maxLength(256),
    v.regex(/[^.]/),
    v.check((id) => id.isWellFormed()),
  ),
});

const Failure = v.object({ error: v.object({ message: v.string() }) });

/**
 * Asks what the adapter can do.
 * @throws ScannerUnavailable also if it makes no vulnerability report that we read
 */
export async function adapterMetadata(options: AdapterOptions): Promise<AdapterMetadata> {
  const reply = await send({ path: "/metadata", accept: METADATA_TYPES }, options);
  if (reply.status !== 200) throw refused(reply, options, []);
  return readMetadata(reply.json, originOf(options.baseUrl));
}

/**
 * Asks for a scan of an image.
 * @throws ScannerUnavailable also if the adapter cannot scan it
 */
export async function submitScan(
  image: AdapterImage,
  capability: AdapterCapability,
  options: AdapterOptions,
): Promise<AdapterScan> {
  const { registryUrl: url, authorization, repository, digest, tag, mediaType } = image;
  const { requestVersion: version, reportType } = capability;
  const body = {
    registry: { url, authorization },
    artifact: { repository, digest, ...(tag === null ? {} : { tag }), mime_type: mediaType },
    ...(version === "1.0"
      ? {}
      : { enabled_capabilities: [{ type: "vulnerability", produces_mime_types: [reportType] }] }),
  };
  const type = `${SCAN_REQUEST}; version=${version}`;
  const reply = await send({ path: "/scan", accept: SCAN_RESPONSE, body, type }, options);
  if (reply.status !== 202) throw refused(reply, options, secretsOf(authorization));
  const what = `${originOf(options.baseUrl)} gave an answer to a request to scan`;
  return { id: parseAnswer(Submitted, reply.json, what).id, digest, capability };
}

/**
 * Asks for the report of a scan.
 * @param packages those that we know of the image, or none
 * @throws ScannerUnavailable also if the scan failed
 */
export async function adapterReport(
  { id, digest, capability }: AdapterScan,
  packages: readonly Package[],
  options: AdapterOptions,
): Promise<AdapterReport> {
  const path = `/scan/${encodeURIComponent(id)}/report`;
  const reply = await send({ path, accept: capability.reportType }, options);
  switch (reply.status) {
    case 200: {
      const origin = originOf(options.baseUrl);
      return { kind: "finished", findings: readReport(reply.json, digest, packages, origin) };
    }
    // Adapters send a Location to themselves or to anywhere: it is not followed.
    case 302:
      return { kind: "pending", waitMs: waitMs(reply.headers.get("refresh-after")) };
    case 404:
      return { kind: "gone" };
    default:
      throw refused(reply, options, []);
  }
}

/** @param refreshAfter seconds */
function waitMs(refreshAfter: string | null): number {
  if (!/^\d+$/.test(refreshAfter ?? "")) return DEFAULT_WAIT_MS;
  return Math.min(Math.max(Number(refreshAfter) * 1_000, MIN_WAIT_MS), MAX_WAIT_MS);
}

interface AdapterRequest {
  readonly path: string;
  readonly accept: string;
  readonly body?: unknown;
  /** The body's media type. */
  readonly type?: string;
}

function send({ path, accept, body, type }: AdapterRequest, options: AdapterOptions) {
  return exchangeOnce(options.fetch, {
    url: `${options.baseUrl.replace(/\/$/, "")}/api/v1${path}`,
    body,
    headers: {
      accept,
      ...(type === undefined ? {} : { "content-type": type }),
      ...headersOf(options.auth),
    },
    timeoutMs: TIMEOUT_MS,
    maxBytes: path.endsWith("/report") ? MAX_REPORT_BYTES : MAX_BYTES,
  });
}

function headersOf(auth: AdapterAuth): Readonly<Record<string, string>> {
  switch (auth.kind) {
    case "none":
      return {};
    case "basic":
      return { authorization: `Basic ${base64(`${auth.username}:${auth.password}`)}` };
    case "bearer":
      return { authorization: `Bearer ${auth.token}` };
    case "api-key":
      return { "x-scanneradapter-api-key": auth.key };
  }
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function refused(reply: Reply, options: AdapterOptions, secrets: readonly string[]) {
  const failure = v.safeParse(Failure, reply.json);
  const message = failure.success ? failure.output.error.message : null;
  const { auth, baseUrl } = options;
  const own =
    auth.kind === "api-key" ? [auth.key] : Object.values(headersOf(auth)).flatMap(secretsOf);
  return refusal(originOf(baseUrl), reply, message, [...own, ...secrets]);
}
