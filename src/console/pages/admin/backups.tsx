import type { Exports } from "../../../backup/schema.ts";
import { call } from "../../api/client.ts";
import { useAction, useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Empty, Failure, Time } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { number, t } from "../../i18n/i18n.ts";
import { AdminFrame } from "./frame.tsx";

/** What of the index is in the bucket. */
export function BackupsPage() {
  return (
    <AdminFrame part="/backups">
      <p>{t("backupsIntro")}</p>
      <Backups />
      <ApiNote
        calls={["GET /exports", "POST /exports", "POST /exports/steps"]}
        commands={["export --status", "export", "import"]}
      />
    </AdminFrame>
  );
}

type Full = Exports["finished"][number];

function Backups() {
  const state = useApi<Exports>("/exports");
  const run = useAction(async () => {
    let { running }: Exports = await call<Exports>("/exports", { method: "POST", body: {} });
    while (running !== null) {
      ({ running } = await call<Exports>("/exports/steps", { method: "POST", body: {} }));
      await state.reload();
    }
  });
  return (
    <>
      <p>
        <button type="button" class="primary" disabled={run.isBusy} onClick={() => void run.run()}>
          {run.isBusy ? t("working") : t("runBackup")}
        </button>
      </p>
      {run.error !== null && <Failure error={run.error} />}
      <Shown of={state}>
        {({ backupId, pending, exportedAt, running, finished }) => (
          <>
            <dl class="facts">
              <dt>{t("backupId")}</dt>
              <dd>
                <code>{backupId}</code>
              </dd>
              <dt>{t("lastBackup")}</dt>
              <dd>
                <Time at={exportedAt} />
              </dd>
              <dt>{t("notInBackup")}</dt>
              <dd>{t("changesPending", { count: pending })}</dd>
              {running !== null && (
                <>
                  <dt>{t("runningBackup")}</dt>
                  <dd>
                    <span role="status">
                      <Time at={running.startedAt} />: {t("rowsWritten", { count: running.rows })}
                    </span>
                  </dd>
                </>
              )}
            </dl>
            <h2>{t("fullBackups")}</h2>
            {finished.length === 0 ? (
              <Empty title={t("noFullBackup")} />
            ) : (
              <Table
                caption={t("fullBackups")}
                columns={columns()}
                rows={finished}
                keyOf={({ id }) => id}
              />
            )}
          </>
        )}
      </Shown>
    </>
  );
}

function columns(): readonly Column<Full>[] {
  return [
    { key: "id", title: t("backup"), isHeading: true, cell: ({ id }) => <code>{id}</code> },
    { key: "began", title: t("began"), cell: ({ startedAt }) => <Time at={startedAt} /> },
    { key: "ended", title: t("ended"), cell: ({ finishedAt }) => <Time at={finishedAt} /> },
    {
      key: "objects",
      title: t("objects"),
      isNumber: true,
      cell: ({ objects }) => number(objects),
    },
    { key: "rows", title: t("rows"), isNumber: true, cell: ({ rows }) => number(rows) },
  ];
}
