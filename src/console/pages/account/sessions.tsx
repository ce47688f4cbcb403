import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { Session } from "../../../api/schema/sessions.ts";
import { call, type Page, path, withQuery } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Confirm } from "../../components/confirm.tsx";
import { Badge, Time } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { type Column, Pager, Table } from "../../components/table.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { useSession } from "../../frame/session.tsx";
import { t } from "../../i18n/i18n.ts";
import { AccountFrame } from "./frame.tsx";

/** Where one is signed in. */
export function SessionsPage() {
  const { me, signOut } = useSession();
  const { query, route } = useLocation();
  const announce = useAnnounce();
  const [ending, setEnding] = useState<Session | null>(null);
  const sessions = useApi<Page<Session>>(
    me ? withQuery("/sessions", { after: query["after"] }) : null,
  );
  const end = async ({ id, current }: Session) => {
    if (current) {
      await signOut();
      return route("/");
    }
    await call(path`/sessions/${id}`, { method: "DELETE" });
    announce({ text: t("sessionEnded") });
    await sessions.reload();
  };
  return (
    <AccountFrame title={t("sessions")}>
      <p>{t("sessionsIntro")}</p>
      <Shown of={sessions}>
        {({ items, next }) => (
          <>
            <Table
              caption={t("sessions")}
              columns={columnsOf(setEnding)}
              rows={items}
              keyOf={({ id }) => id}
            />
            <Pager next={next} />
          </>
        )}
      </Shown>
      {ending !== null && (
        <Confirm
          title={t("endSession")}
          act={ending.current ? t("signOut") : t("endSession")}
          onClose={() => setEnding(null)}
          work={() => end(ending)}
        >
          <p>{ending.agent ?? t("unknownBrowser")}</p>
          <p>{ending.current ? t("endThisSessionHint") : t("endSessionHint")}</p>
        </Confirm>
      )}
      <ApiNote
        calls={["GET /sessions", "DELETE /sessions/{session}"]}
        commands={["session list", "session revoke ID"]}
      />
    </AccountFrame>
  );
}

function columnsOf(end: (session: Session) => void): readonly Column<Session>[] {
  return [
    {
      key: "agent",
      title: t("browser"),
      isHeading: true,
      cell: ({ agent, current }) => (
        <>
          {agent ?? t("unknownBrowser")} {current && <Badge kind="good">{t("thisSession")}</Badge>}
        </>
      ),
    },
    { key: "address", title: t("address"), cell: ({ address }) => address },
    { key: "created", title: t("signedIn"), cell: ({ createdAt }) => <Time at={createdAt} /> },
    { key: "seen", title: t("lastSeen"), cell: ({ lastSeenAt }) => <Time at={lastSeenAt} /> },
    { key: "ends", title: t("expires"), cell: ({ expiresAt }) => <Time at={expiresAt} /> },
    {
      key: "actions",
      title: t("actions"),
      cell: (session) => (
        <button type="button" class="danger" onClick={() => end(session)}>
          {session.current ? t("signOut") : t("endSession")}
        </button>
      ),
    },
  ];
}
