import type { ScanPolicy } from "../../../scan/policy-schema.ts";
import { severityName } from "../../components/severity.tsx";
import { t } from "../../i18n/i18n.ts";

/** What a policy means, a sentence for each of its parts. */
export function PolicySentences({ of }: { of: ScanPolicy }) {
  return (
    <ul>
      {sentencesOf(of).map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
  );
}

function sentencesOf(policy: ScanPolicy): string[] {
  const { unscanned, unscannable, unsigned, exempt } = policy;
  const refused = [
    ...(policy.severity === null ? [] : [severitySentence(policy)]),
    ...(unscanned ? [t("policySaysUnscanned")] : []),
    ...(unscannable ? [t("policySaysUnscannable")] : []),
    ...(unsigned ? [t("policySaysUnsigned")] : []),
  ];
  if (refused.length === 0) return [t("policySaysNothing")];
  return [
    ...refused,
    ...(exempt.length === 0 ? [] : [t("policySaysExempt", { names: exempt.join(", ") })]),
    t("policySaysAccepted"),
  ];
}

function severitySentence({ severity, fixableOnly, graceHours, vex }: ScanPolicy): string {
  const name = severityName(severity ?? "unknown");
  const parts = [
    severity === "critical" ? t("policySaysCritical") : t("policySaysSeverity", { severity: name }),
    ...(fixableOnly ? [t("policySaysFixable")] : []),
    ...(graceHours > 0 ? [t("policySaysGrace", { count: graceHours })] : []),
    ...(vex ? [t("policySaysVex")] : []),
  ];
  return `${parts.join(", ")}.`;
}
