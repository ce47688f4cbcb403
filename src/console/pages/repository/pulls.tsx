import type { ManifestDetails } from "../../../api/schema/contents.ts";
import { Table } from "../../components/table.tsx";
import { day, number, t } from "../../i18n/i18n.ts";

/** In units of the picture, not of the screen. */
const BAR = 10;
const GAP = 2;
const HEIGHT = 64;

/** How often the manifest was pulled on each day: a picture, and the table that it shows. */
export function Pulls({ of }: { of: ManifestDetails["pulls"] }) {
  const total = of.reduce((sum, { count }) => sum + count, 0);
  const most = Math.max(1, ...of.map(({ count }) => count));
  const text = t("pullsTotal", { count: total });
  return (
    <section>
      <h2>{t("pullsOf30Days")}</h2>
      <p>{text}</p>
      {total > 0 && (
        <>
          <svg
            class="chart"
            role="img"
            aria-label={text}
            viewBox={`0 0 ${of.length * BAR} ${HEIGHT}`}
            preserveAspectRatio="none"
          >
            {of.map(({ day: date, count }, index) => {
              const height = count === 0 ? 1 : Math.max(3, (count / most) * HEIGHT);
              return (
                <rect
                  key={date}
                  x={index * BAR}
                  y={HEIGHT - height}
                  width={BAR - GAP}
                  height={height}
                >
                  <title>{`${day(date)}: ${number(count)}`}</title>
                </rect>
              );
            })}
          </svg>
          <details>
            <summary>{t("asTable")}</summary>
            <Table
              caption={t("pullsOf30Days")}
              columns={[
                { key: "day", title: t("day"), isHeading: true, cell: (row) => day(row.day) },
                {
                  key: "count",
                  title: t("pulls"),
                  isNumber: true,
                  cell: (row) => number(row.count),
                },
              ]}
              rows={of.toReversed()}
              keyOf={(row) => row.day}
            />
          </details>
        </>
      )}
    </section>
  );
}
