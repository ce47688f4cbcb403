import type { Assessed } from "../assessment.ts";
import type { Severity } from "../match/severity.ts";
import type { Report } from "./report.ts";

/** Trivy's word for a severity. It has none below LOW. */
const SEVERITIES: Readonly<Record<Severity, string>> = {
  critical: "CRITICAL",
  high: "HIGH",
  medium: "MEDIUM",
  low: "LOW",
  negligible: "LOW",
  unknown: "UNKNOWN",
};

/**
 * Returns a report as an in-toto statement of cosign's type for vulnerability scans
 * (github.com/sigstore/cosign, specs/COSIGN_VULN_ATTESTATION_SPEC.md). The type leaves the result's form open: it is that of
 * Trivy's JSON, which policies read. A finding that is not open is in it as one that somebody modified.
 */
export function toCosignVuln(report: Report): unknown {
  const { repository, digest, scannedMs, findings } = report;
  const [algorithm = "", hex = ""] = digest.split(":", 2);
  const time = new Date(scannedMs).toISOString();
  const [open, others] = [true, false].map((isOpen) =>
    findings.filter(({ status }) => (status === "open") === isOpen),
  );
  const groups = Map.groupBy(open ?? [], ({ package: pkg }) => pkg.type);
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: repository, digest: { [algorithm]: hex } }],
    predicateType: "https://cosign.sigstore.dev/attestation/vuln/v1",
    predicate: {
      invocation: { parameters: null, uri: "", event_id: "", "builder.id": "" },
      scanner: {
        uri: `pkg:generic/${encodeURIComponent(report.scanner)}`,
        version: "",
        db: { uri: "", version: "" },
        result: {
          SchemaVersion: 2,
          ArtifactName: `${repository}@${digest}`,
          ArtifactType: "container_image",
          Results: [...groups].map(([type, group]) => ({
            Target: repository,
            Class: ["apk", "deb", "rpm"].includes(type) ? "os-pkgs" : "lang-pkgs",
            Type: type,
            Vulnerabilities: group.map(vulnerabilityOf),
          })),
          ExperimentalModifiedFindings: (others ?? []).map((finding) => ({
            Type: "vulnerability",
            Status: finding.status === "accepted" ? "ignored" : finding.status,
            Statement: finding.reason,
            Source: finding.author,
            Finding: vulnerabilityOf(finding),
          })),
        },
      },
      metadata: { scanStartedOn: time, scanFinishedOn: time },
    },
  };
}

function vulnerabilityOf(finding: Assessed): unknown {
  const { id, aliases, package: pkg, fixedVersion, severity, severitySource, url } = finding;
  return {
    VulnerabilityID: id,
    VendorIDs: aliases,
    PkgName: pkg.name,
    PkgPath: pkg.path,
    InstalledVersion: pkg.version,
    FixedVersion: fixedVersion ?? "",
    Severity: SEVERITIES[severity],
    SeveritySource: severitySource ?? "",
    PrimaryURL: url,
    Title: finding.summary,
  };
}
