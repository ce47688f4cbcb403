import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { DeadEvent } from "../../../events/schema.ts";
import { call, type Page, path, withQuery } from "../../api/client.ts";
import { useAction, useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Confirm } from "../../components/confirm.tsx";
import { Empty, Failure, Time } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { type Column, Pager, Table } from "../../components/table.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { t } from "../../i18n/i18n.ts";
import { AdminFrame } from "./frame.tsx";

/** Events that a part of the registry failed to receive. */
export function EventsPage() {
  return (
    <AdminFrame part="/events">
      <p>{t("eventsIntro")}</p>
      <Events />
      <ApiNote
        calls={[
          "GET /events/dead",
          "POST /events/dead/{event}/retry",
          "DELETE /events/dead/{event}",
        ]}
        commands={["events dead", "events retry --all", "events drop ID"]}
      />
    </AdminFrame>
  );
}

function Events() {
  const { query } = useLocation();
  const announce = useAnnounce();
  const [dropped, setDropped] = useState<DeadEvent | null>(null);
  const events = useApi<Page<DeadEvent>>(withQuery("/events/dead", { after: query["after"] }));
  const retry = useAction(async ({ id }: DeadEvent) => {
    await call(path`/events/dead/${id}/retry`, { method: "POST", body: {} });
    announce({ text: t("eventSent", { name: id }) });
    await events.reload();
  });
  return (
    <>
      {retry.error !== null && <Failure error={retry.error} />}
      <Shown of={events}>
        {({ items, next }) =>
          items.length === 0 && next === null ? (
            <Empty title={t("noDeadEvents")} />
          ) : (
            <>
              <Table
                caption={t("deadEvents")}
                columns={columnsOf((event) => void retry.run(event), setDropped)}
                rows={items}
                keyOf={({ id }) => id}
              />
              <Pager next={next} />
            </>
          )
        }
      </Shown>
      {dropped !== null && (
        <Confirm
          title={t("dropEvent", { name: dropped.id })}
          act={t("drop")}
          onClose={() => setDropped(null)}
          work={async () => {
            await call(path`/events/dead/${dropped.id}`, { method: "DELETE" });
            announce({ text: t("eventDropped", { name: dropped.id }) });
            await events.reload();
          }}
        >
          <p>{t("dropEventHint", { subscriber: dropped.subscriber })}</p>
        </Confirm>
      )}
    </>
  );
}

function columnsOf(
  retry: (event: DeadEvent) => void,
  drop: (event: DeadEvent) => void,
): readonly Column<DeadEvent>[] {
  return [
    { key: "id", title: t("event"), isHeading: true, cell: ({ id }) => <code>{id}</code> },
    { key: "subscriber", title: t("subscriber"), cell: ({ subscriber }) => subscriber },
    { key: "what", title: t("what"), cell: ({ event }) => <code>{event.action}</code> },
    { key: "since", title: t("since"), cell: ({ since }) => <Time at={since} /> },
    { key: "why", title: t("why"), cell: ({ error }) => error },
    {
      key: "actions",
      title: t("actions"),
      cell: (event) => (
        <span class="actions">
          <button type="button" onClick={() => retry(event)}>
            {t("sendAgain")}
          </button>
          <button type="button" class="danger" onClick={() => drop(event)}>
            {t("drop")}
          </button>
        </span>
      ),
    },
  ];
}
