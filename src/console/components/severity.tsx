/** How severities and numbers of vulnerabilities are shown: always in words, the colour only helps. */
import type { Counts } from "../../scan/schema.ts";
import { SEVERITIES, type Severity } from "../../scan/match/severity.ts";
import { type MessageKey, number, t } from "../i18n/i18n.ts";
import { Badge } from "./parts.tsx";

export const WORST_FIRST: readonly Severity[] = SEVERITIES.toReversed();

const NAMES: Readonly<Record<Severity, MessageKey>> = {
  critical: "severityCritical",
  high: "severityHigh",
  medium: "severityMedium",
  low: "severityLow",
  negligible: "severityNegligible",
  unknown: "severityUnknown",
};
const KINDS: Readonly<Record<Severity, "plain" | "warn" | "bad">> = {
  critical: "bad",
  high: "bad",
  medium: "warn",
  low: "plain",
  negligible: "plain",
  unknown: "plain",
};

export function severityName(severity: Severity): string {
  return t(NAMES[severity]);
}

export function SeverityBadge({ of, title }: { of: Severity; title?: string }) {
  return (
    <Badge kind={KINDS[of]} {...(title === undefined ? {} : { title })}>
      {severityName(of)}
    </Badge>
  );
}

interface CountBadgesProps {
  readonly of: Counts;
  /** How many severities are shown. */
  readonly most?: number;
  /** Whether all packages are known: else it is no good sign that nothing was found. */
  readonly isWhole?: boolean;
}

/** The open vulnerabilities by severity, the worst first: "2 critical", "5 high". */
export function CountBadges({ of, most = SEVERITIES.length, isWhole = true }: CountBadgesProps) {
  const some = WORST_FIRST.filter((severity) => of[severity].all > 0);
  if (some.length === 0) {
    return isWhole ? <Badge kind="good">{t("noVulnerabilities")}</Badge> : null;
  }
  return (
    <span class="marks">
      {some.slice(0, most).map((severity) => {
        const { all, fixable } = of[severity];
        return (
          <Badge key={severity} kind={KINDS[severity]} title={t("fixableOf", { count: fixable })}>
            {`${number(all)} ${severityName(severity)}`}
          </Badge>
        );
      })}
    </span>
  );
}
