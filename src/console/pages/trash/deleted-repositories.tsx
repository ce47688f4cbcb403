import { useState } from "preact/hooks";
import type { DeletedRepository } from "../../../trash/schema.ts";
import { call, type Page, path, withQuery } from "../../api/client.ts";
import { useAction, useApi } from "../../api/use-api.ts";
import { Confirm } from "../../components/confirm.tsx";
import { Empty, Failure, Time } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { t } from "../../i18n/i18n.ts";

/** Deleted repositories, with buttons that restore or purge them. The list's pages are not in the address. */
export function DeletedRepositories({ namespace }: { namespace: string | null }) {
  const announce = useAnnounce();
  const [after, setAfter] = useState<string | null>(null);
  const [purged, setPurged] = useState<DeletedRepository | null>(null);
  const found = useApi<Page<DeletedRepository>>(
    withQuery("/deleted-repositories", { namespace, after }),
  );
  const restore = useAction(async ({ id, name }: DeletedRepository) => {
    await call(path`/repositories/${name}/-/restore`, { method: "POST", body: { repository: id } });
    announce({
      text: t("restored", { name }),
      undo: async () => {
        await call(path`/repositories/${name}`, { method: "DELETE" });
        await found.reload();
      },
    });
    await found.reload();
  });
  return (
    <>
      {restore.error !== null && <Failure error={restore.error} />}
      <Shown of={found}>
        {({ items, next }) => (
          <>
            {items.length === 0 ? (
              <Empty title={t("nothingDeleted")} />
            ) : (
              <Table
                caption={t("deletedRepositories")}
                columns={columnsOf((one) => void restore.run(one), setPurged)}
                rows={items}
                keyOf={({ id }) => id}
              />
            )}
            {next !== null && (
              <button type="button" onClick={() => setAfter(next)}>
                {t("nextPage")}
              </button>
            )}
          </>
        )}
      </Shown>
      {purged !== null && (
        <Purge repository={purged} onClose={() => setPurged(null)} onDone={found.reload} />
      )}
    </>
  );
}

interface PurgeProps {
  readonly repository: DeletedRepository;
  readonly onClose: () => void;
  readonly onDone: () => Promise<void>;
}

function Purge({ repository: { id, name }, onClose, onDone }: PurgeProps) {
  const announce = useAnnounce();
  return (
    <Confirm
      title={t("purgeRepository", { name })}
      act={t("purge")}
      typed={name}
      onClose={onClose}
      work={async () => {
        const body = { repository: id };
        await call(path`/repositories/${name}/-/purge`, { method: "POST", body });
        announce({ text: t("purged", { name }) });
        await onDone();
      }}
    >
      <p>{t("purgeHint")}</p>
    </Confirm>
  );
}

function columnsOf(
  restore: (one: DeletedRepository) => void,
  purge: (one: DeletedRepository) => void,
): readonly Column<DeletedRepository>[] {
  return [
    { key: "name", title: t("repository"), isHeading: true, cell: ({ name }) => name },
    { key: "deleted", title: t("deletedAt"), cell: ({ deletedAt }) => <Time at={deletedAt} /> },
    { key: "by", title: t("deletedBy"), cell: ({ deletedBy }) => deletedBy },
    {
      key: "until",
      title: t("restorableUntil"),
      cell: ({ restorableUntil }) => <Time at={restorableUntil} />,
    },
    {
      key: "actions",
      title: t("actions"),
      cell: (one) => (
        <span class="actions">
          <button type="button" onClick={() => restore(one)}>
            {t("restore")}
          </button>
          <button type="button" class="danger" onClick={() => purge(one)}>
            {t("purge")}
          </button>
        </span>
      ),
    },
  ];
}
