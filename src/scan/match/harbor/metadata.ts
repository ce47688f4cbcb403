/** What a scanner adapter says of itself: GET /metadata of Harbor's pluggable scanner API. */
import * as v from "valibot";
import { parseAnswer } from "../answer.ts";
import { ScannerUnavailable } from "../exchange.ts";

/** An adapter's vulnerability scan, as far as requests depend on it. It is plain JSON, which a job can keep. */
export interface AdapterCapability {
  /** The media type of reports, as the adapter writes it. */
  readonly reportType: string;
  /** The media types of the manifests that it scans. */
  readonly manifestTypes: readonly string[];
  /** The version of the request to scan; 1.1 has the wanted reports in it. */
  readonly requestVersion: "1.0" | "1.1";
}

export interface AdapterMetadata {
  /** The scanner's name, vendor and version: "Trivy", "Aqua Security", "0.74.0"; empty where they are not said. */
  readonly name: string;
  readonly vendor: string;
  readonly version: string;
  /** When the scanner's database was made, as the adapter writes it; null if it does not say. */
  readonly databaseTime: string | null;
  readonly capability: AdapterCapability;
}

/** Both versions have the same fields; the older one lacks a capability's type. */
export const METADATA_TYPES = ["1.1", "1.0"]
  .map((version) => `application/vnd.scanner.adapter.metadata+json; version=${version}`)
  .join(", ");

/** Reports that we read, the best first. */
const REPORT_TYPES = [
  "application/vnd.security.vulnerability.report; version=1.1",
  "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0",
];

const Text = v.pipe(v.string(), v.maxLength(256));
const MimeTypes = v.pipe(v.array(Text), v.maxLength(100));

const Capability = v.object({
  type: v.optional(v.nullable(Text), null),
  consumes_mime_types: MimeTypes,
  produces_mime_types: MimeTypes,
});

const Metadata = v.object({
  scanner: v.object({
    name: v.optional(Text, ""),
    vendor: v.optional(Text, ""),
    version: v.optional(Text, ""),
  }),
  capabilities: v.pipe(v.array(Capability), v.maxLength(100)),
  properties: v.optional(
    v.nullable(
      v.object({
        "harbor.scanner-adapter/vulnerability-database-updated-at": v.optional(Text),
      }),
    ),
  ),
});

/**
 * Reads an adapter's metadata.
 * @throws ScannerUnavailable if it is malformed, or has no vulnerability report that we read
 */
export function readMetadata(json: unknown, origin: string): AdapterMetadata {
  const { scanner, capabilities, properties } = parseAnswer(
    Metadata,
    json,
    `${origin} gave an adapter's metadata`,
  );
  const isTyped = capabilities.some(({ type }) => type !== null);
  const scans = capabilities.filter(({ type }) => (type ?? "vulnerability") === "vulnerability");
  const produced = scans.flatMap(({ consumes_mime_types: manifestTypes, ...scan }) =>
    scan.produces_mime_types.map((reportType) => ({ reportType, manifestTypes })),
  );
  const [best] = REPORT_TYPES.flatMap((known) =>
    produced.filter(({ reportType }) => plain(reportType) === plain(known)),
  );
  if (best === undefined) {
    throw new ScannerUnavailable(`${origin} makes no vulnerability report of a known type`);
  }
  return {
    ...scanner,
    databaseTime: properties?.["harbor.scanner-adapter/vulnerability-database-updated-at"] ?? null,
    capability: { ...best, requestVersion: isTyped ? "1.1" : "1.0" },
  };
}

/** A media type's spaces, quotes and case do not count. */
function plain(mediaType: string): string {
  return mediaType.toLowerCase().replaceAll(/[\s"]/g, "");
}
