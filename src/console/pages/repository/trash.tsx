import { useLocation } from "preact-iso/router";
import type { DeletedManifest, PastTag } from "../../../trash/schema.ts";
import { call, type Page, path as apiPath, withQuery } from "../../api/client.ts";
import { useAction, useApi } from "../../api/use-api.ts";
import { Choice } from "../../components/form.tsx";
import { Digest, Empty, Failure, shortDigest, Size, Time } from "../../components/parts.tsx";
import { List } from "../../components/list.tsx";
import type { Column } from "../../components/table.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { manifestPage, RepositoryFrame } from "./frame.tsx";
import { Successor } from "./history.tsx";
import { Platforms } from "./parts.tsx";

const PAGE_ROWS = 50;

/** What was deleted or overwritten and can be restored: tags, or manifests. */
export function TrashPage({ name }: PageProps) {
  const { path, query, route } = useLocation();
  const show = query["show"] === "manifests" ? "manifests" : "tags";
  return (
    <RepositoryFrame name={name} view={t("trash")}>
      <div class="filters">
        <Choice
          label={t("trashOf")}
          value={show}
          options={[
            ["tags", t("pastTags")],
            ["manifests", t("deletedManifests")],
          ]}
          onValue={(value) => route(withQuery(path, { show: value === "tags" ? null : value }))}
        />
      </div>
      {show === "tags" ? <PastTags name={name} /> : <DeletedManifests name={name} />}
    </RepositoryFrame>
  );
}

function PastTags({ name }: { name: string }) {
  const { after = "" } = useLocation().query;
  const list = useApi<Page<PastTag>>(
    withQuery(apiPath`/repositories/${name}/-/history`, { limit: PAGE_ROWS, after }),
  );
  const restore = useRestore(name, list.reload);
  return (
    <>
      <p class="quiet">{t("pastTagsHint")}</p>
      {restore.error !== null && <Failure error={restore.error} />}
      <List
        of={list}
        empty={<Empty title={t("nothingInTrash")} />}
        caption={t("pastTags")}
        columns={tagColumns(name, restore)}
        keyOf={({ id }) => id}
      />
    </>
  );
}

function DeletedManifests({ name }: { name: string }) {
  const { after = "" } = useLocation().query;
  const list = useApi<Page<DeletedManifest>>(
    withQuery(apiPath`/repositories/${name}/-/deleted`, { limit: PAGE_ROWS, after }),
  );
  const restore = useRestore(name, list.reload);
  return (
    <>
      <p class="quiet">{t("deletedManifestsHint")}</p>
      {restore.error !== null && <Failure error={restore.error} />}
      <List
        of={list}
        empty={<Empty title={t("nothingInTrash")} />}
        caption={t("deletedManifests")}
        columns={manifestColumns(restore)}
        keyOf={({ digest }) => digest}
      />
    </>
  );
}

interface Wanted {
  readonly tag?: string;
  readonly digest: string;
}

type Restore = ReturnType<typeof useRestore>;

function useRestore(name: string, reload: () => Promise<void>) {
  const announce = useAnnounce();
  return useAction(async (wanted: Wanted) => {
    await call(apiPath`/repositories/${name}/-/restore`, { method: "POST", body: wanted });
    announce({ text: t("restoredWhat", { what: wanted.tag ?? shortDigest(wanted.digest) }) });
    await reload();
  });
}

function restoreColumn<Row>(restore: Restore, wantedOf: (row: Row) => Wanted): Column<Row> {
  return {
    key: "restore",
    title: t("restore"),
    cell: (row) => {
      const wanted = wantedOf(row);
      return (
        <button
          type="button"
          disabled={restore.isBusy}
          aria-label={t("restoreOne", { what: wanted.tag ?? wanted.digest })}
          onClick={() => void restore.run(wanted)}
        >
          {t("restore")}
        </button>
      );
    },
  };
}

function tagColumns(name: string, restore: Restore): Column<PastTag>[] {
  return [
    { key: "tag", title: t("tag"), isHeading: true, cell: ({ tag }) => tag },
    {
      key: "digest",
      title: t("pointedTo"),
      cell: ({ digest }) => <Digest value={digest} href={manifestPage(name, digest)} />,
    },
    {
      key: "successor",
      title: t("whatHappened"),
      cell: ({ successor }) => <Successor name={name} digest={successor} />,
    },
    ...whenColumns<PastTag>(
      ({ changedAt }) => changedAt,
      ({ changedBy }) => changedBy,
    ),
    restoreColumn(restore, ({ tag, digest }) => ({ tag, digest })),
  ];
}

function manifestColumns(restore: Restore): Column<DeletedManifest>[] {
  return [
    {
      key: "digest",
      title: t("digestTitle"),
      isHeading: true,
      cell: ({ digest }) => <Digest value={digest} />,
    },
    {
      key: "platforms",
      title: t("platforms"),
      cell: ({ platforms }) => <Platforms of={platforms} />,
    },
    {
      key: "size",
      title: t("compressedSize"),
      isNumber: true,
      cell: ({ size }) => <Size of={size} />,
    },
    ...whenColumns<DeletedManifest>(
      ({ deletedAt }) => deletedAt,
      ({ deletedBy }) => deletedBy,
    ),
    restoreColumn(restore, ({ digest }) => ({ digest })),
  ];
}

function whenColumns<Row extends { readonly restorableUntil: string }>(
  at: (row: Row) => string,
  by: (row: Row) => string | null,
): Column<Row>[] {
  return [
    { key: "at", title: t("when"), cell: (row) => <Time at={at(row)} /> },
    { key: "by", title: t("byWhom"), cell: (row) => by(row) ?? t("theRegistry") },
    {
      key: "until",
      title: t("restorableUntil"),
      cell: ({ restorableUntil }) => <Time at={restorableUntil} />,
    },
  ];
}
