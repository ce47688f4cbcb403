import { file, one } from "../api/answer.ts";
import { type Endpoint, endpoint, type QueryField } from "../api/endpoint.ts";
import { RegistryError } from "../oci/errors.ts";
import { invalid } from "../http/input.ts";
import { timestamp } from "../http/resource.ts";
import { toCosignVuln } from "./export/cosign-vuln.ts";
import { toCsv } from "./export/csv.ts";
import { toCycloneDxVex } from "./export/cyclonedx-vex.ts";
import type { Report } from "./export/report.ts";
import { toSarif } from "./export/sarif.ts";
import { AttachedReports } from "./schema.ts";

const EXPORTS = {
  sarif: {
    type: "application/sarif+json",
    write: (report: Report) => JSON.stringify(toSarif(report)),
  },
  csv: { type: "text/csv; charset=utf-8", write: toCsv },
  "cyclonedx-vex": {
    type: "application/vnd.cyclonedx+json",
    write: (report: Report) => JSON.stringify(toCycloneDxVex(report)),
  },
  "cosign-vuln": {
    type: "application/vnd.in-toto+json",
    write: (report: Report) => JSON.stringify(toCosignVuln(report)),
  },
} as const;
type Export = keyof typeof EXPORTS;

const EXPORT: QueryField<Export> = {
  name: "format",
  schema: {
    enum: Object.keys(EXPORTS),
    default: "sarif",
    description:
      "cosign-vuln is the in-toto statement that `cosign attest` takes the predicate of.",
  },
  parse: (given) => {
    const format = given ?? "sarif";
    if (format in EXPORTS) return format as Export;
    throw invalid("format", `is one of ${Object.keys(EXPORTS).join(", ")}`);
  },
};

const report = endpoint(
  "GET /repositories/:name+/-/manifests/:digest/vulnerability-report",
  {
    id: "readVulnerabilityReport",
    summary: "Read the known vulnerabilities of an image as a document of another program's format",
    access: "pull",
    query: { format: EXPORT },
    answer: file(Object.values(EXPORTS).map(({ type }) => type)),
    refuses: ["MANIFEST_UNKNOWN", "NOT_FOUND"],
  },
  async ({ params: { name, digest }, url, query, registry }) => {
    const { images, findings } = await registry.scans.report(name, digest);
    const times = images.flatMap(({ matchedAt }) => matchedAt ?? []);
    if (times.length === 0) {
      throw new RegistryError("NOT_FOUND", { message: "no scanner has matched this image yet" });
    }
    const scanners = images.flatMap((image) => Object.keys(image.scanners));
    const { type, write } = EXPORTS[query.format];
    const body = write({
      repository: `${url.host}/${name}`,
      digest,
      distribution: findings[0]?.distribution ?? null,
      scanner: [...new Set(scanners)].join(", "),
      scannedMs: Math.max(...times),
      findings,
    });
    return { type, body };
  },
);

const attached = endpoint(
  "GET /repositories/:name+/-/manifests/:digest/attached-reports",
  {
    id: "listAttachedReports",
    summary: "List the reports of scans that somebody attached to an image, as SARIF or cosign's",
    access: "pull",
    answer: one(AttachedReports),
    refuses: ["MANIFEST_UNKNOWN"],
  },
  async ({ params: { name, digest }, registry }) => {
    const found = await registry.scans.attached(name, digest);
    const items = found.map(({ summary, ...more }) => ({
      ...more,
      tool: summary?.tool ?? null,
      counts: summary?.counts ?? null,
      scannedAt: summary?.timeMs == null ? null : timestamp(summary.timeMs),
    }));
    return { items };
  },
);

export const SCAN_REPORTS: readonly Endpoint[] = [report, attached];
