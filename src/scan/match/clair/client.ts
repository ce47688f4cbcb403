/**
 * Asks Clair v4 (github.com/quay/clair). Clair fetches the layers by itself and keeps what it found in them, so a report is
 * matched anew each time that it is asked for. Each function sends one request: a job goes on by itself in between.
 */
import * as v from "valibot";
import type { Package } from "../../package.ts";
import { parseAnswer, secretsOf, Text } from "../answer.ts";
import { originOf, type Reply, ScannerUnavailable } from "../exchange.ts";
import { type Finding, summaryOf } from "../finding.ts";
import { readVulnerabilityReport } from "./report.ts";
import { askClair, type ClairOptions } from "./request.ts";

export interface ClairLayer {
  readonly digest: string;
  /** Where Clair fetches it. */
  readonly url: string;
  /** The header that fetches it: "Bearer …"; null for an address that needs none. */
  readonly authorization: string | null;
}

/** How far Clair is with an image. */
export type ClairIndex =
  /** The indexer's state changes with what it can find: an image of another state is to be indexed again. */
  | { readonly kind: "indexed"; readonly state: string }
  /** It was begun. Clair gives up when the request ends before it, so it is to be sent again. */
  | { readonly kind: "begun" }
  | { readonly kind: "failed"; readonly why: string }
  | { readonly kind: "unknown" };

export type ClairReport =
  | { readonly kind: "finished"; readonly findings: readonly Finding[] }
  /** The matcher has no vulnerabilities yet: its updaters have not run. */
  | { readonly kind: "no-data" }
  /** The image has not been indexed. */
  | { readonly kind: "unknown" };

const INDEXER = "/indexer/api/v1";
const MATCHER = "/matcher/api/v1";

/** Indexing lasts as long as the layers take to fetch and read. */
const INDEX_TIMEOUT_MS = 300_000;
const TIMEOUT_MS = 60_000;

const IndexReport = v.object({
  manifest_hash: Text,
  state: v.string(),
  err: Text,
});

const IndexState = v.object({ state: v.pipe(v.string(), v.minLength(1), v.maxLength(256)) });

/**
 * Has Clair index an image, which returns when it has. If there is no answer in time, `clairIndex` tells what became of it.
 * @param digest of the manifest of one platform
 * @param layers from the lowest to the uppermost
 * @throws ScannerUnavailable also if Clair cannot fetch a layer
 */
export async function indexByClair(
  digest: string,
  layers: readonly ClairLayer[],
  options: ClairOptions,
): Promise<ClairIndex> {
  const body = {
    hash: digest,
    layers: layers.map(({ digest: hash, url: uri, authorization }) => ({
      hash,
      uri,
      headers: authorization === null ? {} : { Authorization: [authorization] },
    })),
  };
  const secrets = layers.flatMap(({ url, authorization }) => [
    // An address that needs no header has the permission in its query.
    URL.parse(url)?.search.slice(1) ?? url,
    ...secretsOf(authorization ?? ""),
  ]);
  const url = urlOf(`${INDEXER}/index_report`, options);
  const reply = await askClair(
    { url, body, expected: [200, 201], secrets, timeoutMs: INDEX_TIMEOUT_MS },
    options,
  );
  return readIndex(reply, digest, options);
}

/** @throws ScannerUnavailable */
export async function clairIndex(digest: string, options: ClairOptions): Promise<ClairIndex> {
  const url = urlOf(`${INDEXER}/index_report/${encodeURIComponent(digest)}`, options);
  const reply = await askClair({ url, expected: [200, 404], timeoutMs: TIMEOUT_MS }, options);
  return reply.status === 404 ? { kind: "unknown" } : readIndex(reply, digest, options);
}

function readIndex({ json, headers }: Reply, digest: string, { baseUrl }: ClairOptions) {
  const origin = originOf(baseUrl);
  const report = parseAnswer(IndexReport, json, `${origin} gave an index report`);
  if (report.manifest_hash !== digest) {
    throw new ScannerUnavailable(`${origin} gave an index report on another image`);
  }
  return indexOf(report, (headers.get("etag") ?? "").replaceAll(/^(?:W\/)?"|"$/g, ""));
}

function indexOf(
  { state, err }: { readonly state: string; readonly err: string | null },
  etag: string,
): ClairIndex {
  switch (state) {
    case "IndexFinished":
      return { kind: "indexed", state: etag };
    case "IndexError":
      return { kind: "failed", why: summaryOf(err ?? "") };
    default:
      return { kind: "begun" };
  }
}

/**
 * Returns the state of Clair's indexer.
 * @throws ScannerUnavailable
 */
export async function clairIndexState(options: ClairOptions): Promise<string> {
  const url = urlOf(`${INDEXER}/index_state`, options);
  const { json } = await askClair({ url, expected: [200], timeoutMs: TIMEOUT_MS }, options);
  const what = `${originOf(options.baseUrl)} gave a state of the indexer`;
  return parseAnswer(IndexState, json, what).state;
}

/**
 * Matches an image that was indexed with the vulnerabilities that Clair has now.
 * @param packages those that we know of the image, or none
 * @throws ScannerUnavailable
 */
export async function matchByClair(
  digest: string,
  packages: readonly Package[],
  options: ClairOptions,
): Promise<ClairReport> {
  const url = urlOf(`${MATCHER}/vulnerability_report/${encodeURIComponent(digest)}`, options);
  const ask = { url, expected: [200, 202, 404], timeoutMs: TIMEOUT_MS };
  const { status, json } = await askClair(ask, options);
  if (status === 202) return { kind: "no-data" };
  if (status === 404) return { kind: "unknown" };
  const origin = originOf(options.baseUrl);
  return {
    kind: "finished",
    findings: readVulnerabilityReport(json, digest, packages, origin),
  };
}

function urlOf(path: string, { baseUrl }: ClairOptions): string {
  return baseUrl.replace(/\/$/, "") + path;
}
