import type { ImageScan } from "../../../scan/schema.ts";
import { Badge, Time } from "../../components/parts.tsx";
import { CountBadges } from "../../components/severity.tsx";
import { Table } from "../../components/table.tsx";
import { t } from "../../i18n/i18n.ts";

/** How far the scans are: of one image in sentences, of an index in a row for each platform. */
export function ScanStates({ of, isIndex }: { of: readonly ImageScan[]; isIndex: boolean }) {
  if (!isIndex) return <>{of[0] !== undefined && <ScanState of={of[0]} />}</>;
  if (of.length === 0) return <p>{t("noImagesToScan")}</p>;
  return (
    <Table
      caption={t("platformsOfIndex")}
      columns={[
        {
          key: "platform",
          title: t("platform"),
          isHeading: true,
          cell: ({ platform }) => platform ?? t("noPlatform"),
        },
        {
          key: "counts",
          title: t("vulnerabilities"),
          cell: ({ counts, unscannable }) =>
            counts === null ? (
              <Badge>{t("notScanned")}</Badge>
            ) : (
              <CountBadges of={counts} isWhole={unscannable === null} />
            ),
        },
        { key: "state", title: t("scanState"), cell: (image) => <ScanState of={image} /> },
      ]}
      rows={of}
      keyOf={({ digest, platform }) => `${digest} ${platform ?? ""}`}
    />
  );
}

function ScanState({ of }: { of: ImageScan }) {
  const { unscannable, error, nextAt } = of;
  return (
    <div class="step">
      {unscannable !== null && (
        <span>
          <Badge kind="warn">{t("unscannable")}</Badge> {unscannable}
        </span>
      )}
      {error !== null && (
        <span>
          <Badge kind="bad">{t("scanFailed")}</Badge> {error}
        </span>
      )}
      <LastScan of={of} />
      {nextAt !== null && (
        <span class="quiet">
          {t("nextScan")} <Time at={nextAt} />
        </span>
      )}
    </div>
  );
}

function LastScan({ of: { listedAt, matchedAt, scanners } }: { of: ImageScan }) {
  if (listedAt === null) return <span>{t("notScannedYet")}</span>;
  if (matchedAt === null) return <span>{t("notMatchedYet")}</span>;
  return (
    <>
      {scanners.map(({ name, matchedAt: at, dataVersion }) => (
        <span key={name}>
          {t("scannedBy", { name })} <Time at={at} />
          {dataVersion !== null && (
            <span class="quiet"> {t("scannerData", { version: dataVersion })}</span>
          )}
        </span>
      ))}
    </>
  );
}
