import { Digest, Empty, Time } from "../../components/parts.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { bytes, dateTime, day, t } from "../../i18n/i18n.ts";
import { manifestPage } from "../repository/frame.tsx";
import type { Going, Previewed } from "./preview.ts";

/** What a policy would delete, why, and what is protected from it. */
export function PreviewTable({ previewed }: { previewed: Previewed }) {
  const { going, kept, isCut } = previewed;
  const attachments = going.reduce((sum, one) => sum + one.attachments.length, 0);
  return (
    <div>
      {going.length === 0 ? (
        <Empty title={t("nothingGoes")} />
      ) : (
        <>
          <p class="sum">
            {t("imagesGo", { count: going.length })}
            {attachments > 0 && ` ${t("attachmentsGo", { count: attachments })}`}{" "}
            {freedText(previewed)}
          </p>
          <Table
            caption={t("preview")}
            columns={columns()}
            rows={going}
            keyOf={({ repository, digest }) => `${repository}@${digest}`}
          />
        </>
      )}
      {isCut && <p>{t("previewCut")}</p>}
      {kept.length > 0 && (
        <>
          <h3>{t("protectedImages")}</h3>
          <ul>
            {kept.map((group, index) => (
              <li
                // Groups of several pages and repositories may be alike.
                key={index}
              >
                {t("imagesStay", { count: group.images })} {reasonOf(group)}{" "}
                {group.examples.flatMap(({ tags }) => tags.slice(0, 1)).join(", ")}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

function freedText({ freedBytes, isAtLeast }: Previewed): string {
  if (freedBytes === null) return t("bytesNotCounted");
  const size = bytes(freedBytes);
  return isAtLeast ? t("bytesFreedAtLeast", { size }) : t("bytesFreed", { size });
}

function columns(): readonly Column<Going>[] {
  return [
    {
      key: "image",
      title: t("image"),
      isHeading: true,
      cell: ({ repository, digest, tags }) => (
        <>
          {tags.length === 0 ? t("untagged") : tags.map((tag) => `${repository}:${tag}`).join(", ")}
          <br />
          <Digest value={digest} href={manifestPage(repository, digest)} />
        </>
      ),
    },
    { key: "pushed", title: t("pushed"), cell: ({ pushedAt }) => <Time at={pushedAt} /> },
    {
      key: "with",
      title: t("attachments"),
      isNumber: true,
      cell: ({ attachments }) => t("countOf", { count: attachments.length }),
    },
    {
      key: "why",
      title: t("why"),
      cell: ({ rule, reason }) =>
        rule === null ? reason : `${t("ruleNumber", { number: rule })}: ${reason}`,
    },
  ];
}

/** Says what protects images. */
function reasonOf({ by, rule, lastUsed, until }: Previewed["kept"][number]): string {
  const end = until === null ? "" : dateTime(until);
  switch (by) {
    case "tags":
      return t("keptByTags");
    case "immutability":
      return t("keptByImmutability");
    case "grace":
      return t("keptByGrace", { end });
    case "rule":
      return t("keptByRule", { number: rule ?? 0 });
    case "use":
      return t("keptByUse", { day: lastUsed === null ? "" : day(lastUsed) });
    case "unknown":
      return t("keptUnknown", { end });
  }
}
