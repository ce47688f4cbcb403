import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import type { Me } from "../../../api/schema/accounts.ts";
import type { Exports } from "../../../backup/schema.ts";
import type { FsckState } from "../../../fsck/schema.ts";
import type { GcState } from "../../../gc/schema.ts";
import { type Readiness, readReadiness } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Badge, Failure, Loading, Time } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { useSession } from "../../frame/session.tsx";
import { bytes, number, t } from "../../i18n/i18n.ts";
import { AdminFrame } from "./frame.tsx";

/** Whether everything that the registry needs answers, and how its jobs do. */
export function HealthPage() {
  return (
    <AdminFrame part="">
      <Services />
      <h2>{t("jobs")}</h2>
      <Jobs />
      <h2>{t("settings")}</h2>
      <Limits />
      <ApiNote calls={["GET /me", "GET /gc", "GET /fsck", "GET /exports"]} commands={["whoami"]} />
    </AdminFrame>
  );
}

function Services() {
  const [readiness, setReadiness] = useState<Readiness | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const read = useCallback(async () => {
    setError(null);
    try {
      setReadiness(await readReadiness());
    } catch (caught) {
      setError(caught as Error);
    }
  }, []);
  useEffect(() => void read(), [read]);
  if (error !== null) return <Failure error={error} retry={read} />;
  if (readiness === null) return <Loading rows={2} />;
  const { isReady, parts } = readiness;
  return (
    <>
      <p class={`verdict ${isReady ? "good" : "bad"}`} role="status">
        {isReady ? t("isReady") : t("isNotReady")}
      </p>
      <dl class="facts">
        {Object.entries(parts).map(([part, isThere]) => (
          <Fact key={part} name={serviceName(part)}>
            <Badge kind={isThere ? "good" : "bad"}>{isThere ? t("answers") : t("silent")}</Badge>
          </Fact>
        ))}
      </dl>
      <p class="above-space">
        <button type="button" onClick={() => void read()}>
          {t("checkAgain")}
        </button>
      </p>
    </>
  );
}

function serviceName(part: string): string {
  const names: Readonly<Record<string, string>> = {
    database: t("serviceDatabase"),
    bucket: t("serviceBucket"),
    sessions: t("serviceUploads"),
  };
  return names[part] ?? part;
}

/** When each job last ran, and what is wrong with it. */
function Jobs() {
  const gc = useApi<GcState>("/gc");
  const fsck = useApi<FsckState>("/fsck");
  const backup = useApi<Exports>("/exports");
  return (
    <dl class="facts">
      <Fact name={t("gc")}>
        <Shown of={gc} rows={1}>
          {({ lastRun, failedAt, objects }) => (
            <>
              <a href="/admin/gc">{t("lastRun")}</a>: <Time at={lastRun?.endedAt ?? null} />{" "}
              {failedAt !== null && <Badge kind="bad">{t("failedRun")}</Badge>}
              {objects.failing > 0 && (
                <Badge kind="bad">{t("objectsFailing", { count: objects.failing })}</Badge>
              )}
            </>
          )}
        </Shown>
      </Fact>
      <Fact name={t("fsck")}>
        <Shown of={fsck} rows={1}>
          {({ metadata: { last } }) => (
            <>
              <a href="/admin/fsck">{t("lastPass")}</a>: <Time at={last?.endedAt ?? null} />{" "}
              {last !== null && last.findings > 0 && (
                <Badge kind="bad">{t("findingsCount", { count: last.findings })}</Badge>
              )}
            </>
          )}
        </Shown>
      </Fact>
      <Fact name={t("backups")}>
        <Shown of={backup} rows={1}>
          {({ exportedAt, pending }) => (
            <>
              <a href="/admin/backups">{t("lastBackup")}</a>: <Time at={exportedAt} />{" "}
              {t("changesPending", { count: pending })}
            </>
          )}
        </Shown>
      </Fact>
    </dl>
  );
}

/** The settings that the API tells. */
function Limits() {
  const { me } = useSession();
  if (!me) return null;
  const { trashDays, maxRequestBytes } = me satisfies Me;
  return (
    <dl class="facts">
      <Fact name={t("undoTime")}>
        {trashDays === 0 ? t("noUndo") : t("undoDays", { days: number(trashDays) })}
      </Fact>
      <Fact name={t("largestRequest")}>
        {maxRequestBytes === null ? t("noLimit") : bytes(maxRequestBytes)}
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
