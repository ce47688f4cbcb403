import type { Counts, Finding } from "../../../scan/schema.ts";
import { type Page, path, withQuery } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { Badge } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { SeverityBadge } from "../../components/severity.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { t } from "../../i18n/i18n.ts";
import { MarkBadge } from "./differences.tsx";
import { findingsOf, type MarkedFinding } from "./finding-difference.ts";

/** The findings of each image that are compared, the worst. */
const MAX_FINDINGS = 1_000;
/** The rows that are shown. */
const MAX_ROWS = 200;

interface Found extends Page<Finding> {
  readonly counts: Counts | null;
}

interface FindingsProps {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** The vulnerabilities that are new in the second image, gone from the first, or in both. */
export function FindingDifferences({ name, from, to }: FindingsProps) {
  const of = (digest: string) =>
    withQuery(path`/repositories/${name}/-/manifests/${digest}/vulnerabilities`, {
      limit: MAX_FINDINGS,
    });
  const before = useApi<Found>(of(from));
  const after = useApi<Found>(of(to));
  return (
    <section>
      <h2>{t("vulnerabilities")}</h2>
      <Shown of={before}>
        {(one) => <Shown of={after}>{(other) => <Compared from={one} to={other} />}</Shown>}
      </Shown>
    </section>
  );
}

function Compared({ from, to }: { from: Found; to: Found }) {
  if (from.counts === null || to.counts === null) return <p>{t("findingsNotComparable")}</p>;
  const all = findingsOf(from.items, to.items);
  if (all.length === 0) return <p>{t("noVulnerabilities")}</p>;
  const count = (mark: MarkedFinding["mark"]) => all.filter((one) => one.mark === mark).length;
  return (
    <>
      <p>
        {t("findingsDiffer", {
          added: count("added"),
          removed: count("removed"),
          same: count("same"),
        })}
      </p>
      <Table
        caption={t("vulnerabilities")}
        columns={columnsOf()}
        rows={all.slice(0, MAX_ROWS)}
        keyOf={({ key }) => key}
      />
      {(all.length > MAX_ROWS || from.next !== null || to.next !== null) && (
        <p class="quiet">{t("moreFindings")}</p>
      )}
    </>
  );
}

function columnsOf(): Column<MarkedFinding>[] {
  return [
    { key: "mark", title: t("difference"), cell: ({ mark }) => <MarkBadge mark={mark} isBad /> },
    {
      key: "severity",
      title: t("severity"),
      cell: ({ finding }) => <SeverityBadge of={finding.severity} />,
    },
    {
      key: "id",
      title: t("vulnerability"),
      isHeading: true,
      cell: ({ finding }) => (
        <span class="marks">
          {finding.id}
          {finding.status !== "open" && <Badge>{t("notOpen")}</Badge>}
        </span>
      ),
    },
    {
      key: "package",
      title: t("package"),
      cell: ({ finding }) => finding.package.name,
    },
    { key: "versions", title: t("packageVersion"), cell: ({ versions }) => versions.join(" → ") },
  ];
}
