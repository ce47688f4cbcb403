import { useState } from "preact/hooks";
import type { GcRun, GcState } from "../../../gc/schema.ts";
import { call } from "../../api/client.ts";
import { useAction, useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Badge, Empty, Failure, Time } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { type MessageKey, number, t } from "../../i18n/i18n.ts";
import { AdminFrame } from "./frame.tsx";

/** What waits for garbage collection, and its last run. */
export function GcPage() {
  return (
    <AdminFrame part="/gc">
      <p>{t("gcIntro")}</p>
      <Gc />
      <ApiNote calls={["GET /gc", "POST /gc"]} commands={["gc status", "gc run"]} />
    </AdminFrame>
  );
}

/** Runs of one click: what is left after them waits for the cron trigger. */
const MAX_RUNS = 50;

function Gc() {
  const state = useApi<GcState>("/gc");
  const [isBusyElsewhere, setBusyElsewhere] = useState(false);
  const run = useAction(async () => {
    setBusyElsewhere(false);
    for (let runs = 0; runs < MAX_RUNS; runs++) {
      const { run: done } = await call<GcRun>("/gc", { method: "POST", body: {} });
      await state.reload();
      if (done === null) setBusyElsewhere(true);
      if (done === null || !done.more) return;
    }
  });
  return (
    <>
      <p>
        <button type="button" class="primary" disabled={run.isBusy} onClick={() => void run.run()}>
          {run.isBusy ? t("working") : t("runGc")}
        </button>
      </p>
      {isBusyElsewhere && <p role="status">{t("gcRunsElsewhere")}</p>}
      {run.error !== null && <Failure error={run.error} />}
      <Shown of={state}>
        {(value) => (
          <>
            <h2>{t("waiting")}</h2>
            <Table
              caption={t("waiting")}
              columns={columns()}
              rows={queuesOf(value)}
              keyOf={({ name }) => name}
            />
            {value.objects.failing > 0 && (
              <p class="warning">{t("objectsFailing", { count: value.objects.failing })}</p>
            )}
            <h2>{t("lastRun")}</h2>
            <LastRun state={value} />
          </>
        )}
      </Shown>
    </>
  );
}

interface Queue {
  readonly name: MessageKey;
  readonly waiting: number;
  readonly due: number;
  readonly firstDueAt: string | null;
}

function queuesOf({ blobs, objects, manifests, repositories }: GcState): Queue[] {
  return [
    { name: "blobs", ...blobs },
    { name: "objects", ...objects },
    { name: "manifests", ...manifests },
    { name: "repositories", ...repositories },
  ];
}

function columns(): readonly Column<Queue>[] {
  return [
    { key: "name", title: t("what"), isHeading: true, cell: ({ name }) => t(name) },
    {
      key: "waiting",
      title: t("waiting"),
      isNumber: true,
      cell: ({ waiting }) => number(waiting),
    },
    { key: "due", title: t("dueNow"), isNumber: true, cell: ({ due }) => number(due) },
    {
      key: "first",
      title: t("firstDue"),
      cell: ({ firstDueAt }) => (firstDueAt === null ? "" : <Time at={firstDueAt} />),
    },
  ];
}

function LastRun({ state: { lastRun, failedAt } }: { state: GcState }) {
  if (lastRun === null) return <Empty title={t("noRunYet")} />;
  const { blobs, objects, manifests, repositories, failed, endedAt, more } = lastRun;
  const counts: readonly (readonly [MessageKey, number])[] = [
    ["blobs", blobs],
    ["objects", objects],
    ["manifests", manifests],
    ["repositories", repositories],
    ["failedDeletions", failed],
  ];
  return (
    <dl class="facts">
      <dt>{t("ended")}</dt>
      <dd>
        <Time at={endedAt} /> {more && <Badge>{t("moreIsDue")}</Badge>}{" "}
        {failedAt !== null && <Badge kind="bad">{t("failedRun")}</Badge>}
      </dd>
      {counts.flatMap(([name, count]) => [
        <dt key={name}>{t(name)}</dt>,
        <dd key={`${name}-count`}>{number(count)}</dd>,
      ])}
    </dl>
  );
}
