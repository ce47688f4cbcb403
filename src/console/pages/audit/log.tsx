import { Fragment } from "preact";
import { useLocation } from "preact-iso/router";
import type { AuditEvent } from "../../../events/schema.ts";
import { type Page, path, withQuery } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { Badge, Digest, Empty, Time } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { type Column, Pager, Table } from "../../components/table.tsx";
import { t } from "../../i18n/i18n.ts";
import { AuditExport } from "./export.tsx";
import { AuditFilters, type Filter, FILTERS } from "./filters.tsx";
import { outcomeName } from "./outcome.ts";

/** The audit log of a namespace, or all of it. The filters are in the address. */
export function AuditLog({ namespace }: { namespace: string | null }) {
  const { query } = useLocation();
  const names: readonly Filter[] = namespace === null ? ["namespace", ...FILTERS] : FILTERS;
  const filters = Object.fromEntries(names.map((name) => [name, query[name] ?? ""]));
  const base = namespace === null ? "/audit" : path`/namespaces/${namespace}/audit`;
  const log = useApi<Page<AuditEvent>>(
    withQuery(base, { ...filters, after: query["after"], limit: 50 }),
  );
  return (
    <>
      <AuditFilters names={names} error={log.error} />
      <AuditExport to={withQuery(base, filters)} />
      <Shown of={log}>
        {({ items, next }) => (
          <>
            {items.length === 0 && next === null ? (
              <Empty title={t("noEntries")} />
            ) : (
              <Table caption={t("audit")} columns={columns()} rows={items} keyOf={({ id }) => id} />
            )}
            <Pager next={next} />
          </>
        )}
      </Shown>
    </>
  );
}

const OUTCOME_KINDS = { done: "good", denied: "warn", failed: "bad" } as const;

function columns(): readonly Column<AuditEvent>[] {
  return [
    { key: "time", title: t("time"), cell: ({ time }) => <Time at={time} /> },
    {
      key: "actor",
      title: t("who"),
      cell: ({ actor, via }) => (
        <>
          {actor ?? t("nobody")} <span class="quiet">{via}</span>
        </>
      ),
    },
    {
      key: "action",
      title: t("what"),
      isHeading: true,
      cell: ({ action }) => <code>{action}</code>,
    },
    { key: "on", title: t("on"), cell: (event) => <Subject event={event} /> },
    {
      key: "outcome",
      title: t("outcome"),
      cell: ({ outcome }) => <Badge kind={OUTCOME_KINDS[outcome]}>{outcomeName(outcome)}</Badge>,
    },
    { key: "more", title: t("details"), cell: (event) => <More event={event} /> },
  ];
}

/** What an entry is about. Its texts may be anybody's, and are shown as they are. */
function Subject({ event }: { event: AuditEvent }) {
  const { namespace, repository, reference, digest } = event;
  return (
    <>
      {repository ?? namespace}
      {reference !== null && (
        <>
          {" "}
          <strong>{reference}</strong>
        </>
      )}
      {digest !== null && (
        <>
          {" "}
          <Digest value={digest} />
        </>
      )}
    </>
  );
}

function More({ event }: { event: AuditEvent }) {
  const { detail, address, agent, subject, requestId, time } = event;
  const facts: readonly (readonly [string, string | null])[] = [
    [t("detail"), detail],
    [t("address"), address],
    [t("agent"), agent],
    [t("credential"), subject],
    [t("request"), requestId],
    [t("time"), time],
  ];
  return (
    <details>
      <summary>{detail === null ? t("details") : shortened(detail)}</summary>
      <dl class="facts">
        {facts
          .filter(([, value]) => value !== null)
          .map(([name, value]) => (
            <Fragment key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </Fragment>
          ))}
      </dl>
    </details>
  );
}

const MAX_SHOWN = 60;

function shortened(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
