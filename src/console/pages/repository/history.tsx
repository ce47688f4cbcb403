import type { ManifestDetails } from "../../../api/schema/contents.ts";
import { Digest, Time } from "../../components/parts.tsx";
import { Table } from "../../components/table.tsx";
import { t } from "../../i18n/i18n.ts";
import { manifestPage } from "./frame.tsx";

/** The tags that pointed to the manifest before, for those who may see who moved them. */
export function History({ name, of }: { name: string; of: ManifestDetails["history"] }) {
  if (of === null || of.length === 0) return null;
  return (
    <section>
      <h2>{t("history")}</h2>
      <p class="quiet">{t("historyHint")}</p>
      <Table
        caption={t("history")}
        columns={[
          { key: "tag", title: t("tag"), isHeading: true, cell: ({ tag }) => tag },
          {
            key: "successor",
            title: t("whatHappened"),
            cell: ({ successor }) => <Successor name={name} digest={successor} />,
          },
          { key: "at", title: t("when"), cell: ({ changedAt }) => <Time at={changedAt} /> },
          { key: "by", title: t("byWhom"), cell: ({ changedBy }) => changedBy ?? t("theRegistry") },
        ]}
        rows={of}
        keyOf={({ tag, changedAt }) => `${tag} ${changedAt}`}
      />
    </section>
  );
}

/** What a tag points to instead; null: it was deleted. */
export function Successor({ name, digest }: { name: string; digest: string | null }) {
  if (digest === null) return <>{t("tagDeleted")}</>;
  return (
    <span class="marks">
      {t("tagMoved")} <Digest value={digest} href={manifestPage(name, digest)} />
    </span>
  );
}
