import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { VulnerabilityException } from "../../../scan/policy-schema.ts";
import { call, type Page, path, withQuery } from "../../api/client.ts";
import { useAction, useApi } from "../../api/use-api.ts";
import { Confirm } from "../../components/confirm.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { Field, Form } from "../../components/form.tsx";
import { List } from "../../components/list.tsx";
import { Badge, Digest, Empty, Time } from "../../components/parts.tsx";
import type { Column } from "../../components/table.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { day, t } from "../../i18n/i18n.ts";
import { manifestPage } from "../repository/frame.tsx";
import { ReasonFields } from "./accept.tsx";

/** The vulnerabilities that a namespace has accepted. */
export function Exceptions({ namespace }: { namespace: string }) {
  const { after = "" } = useLocation().query;
  const announce = useAnnounce();
  const to = path`/namespaces/${namespace}/vulnerability-exceptions`;
  const list = useApi<Page<VulnerabilityException>>(withQuery(to, { after }));
  const [isNew, setNew] = useState(false);
  const [removed, setRemoved] = useState<VulnerabilityException | null>(null);
  return (
    <section>
      <h2>{t("exceptions")}</h2>
      <p>{t("acceptHint")}</p>
      <p>
        <button type="button" onClick={() => setNew(true)}>
          {t("accept")}
        </button>
      </p>
      <List
        of={list}
        empty={<Empty title={t("noExceptions")} />}
        caption={t("exceptions")}
        columns={columnsOf(setRemoved)}
        keyOf={({ id }) => id}
      />
      {isNew && (
        <NewException
          namespace={namespace}
          to={to}
          onClose={() => setNew(false)}
          onDone={list.reload}
        />
      )}
      {removed !== null && (
        <Confirm
          title={t("removeException", { what: removed.vulnerability })}
          act={t("remove")}
          onClose={() => setRemoved(null)}
          work={async () => {
            await call(`${to}/${removed.id}`, { method: "DELETE" });
            announce({ text: t("exceptionRemoved", { what: removed.vulnerability }) });
            await list.reload();
          }}
        >
          <p>{t("removeExceptionHint")}</p>
        </Confirm>
      )}
    </section>
  );
}

function columnsOf(
  remove: (exception: VulnerabilityException) => void,
): Column<VulnerabilityException>[] {
  return [
    {
      key: "vulnerability",
      title: t("vulnerability"),
      isHeading: true,
      cell: ({ vulnerability }) => (
        <a href={withQuery("/vulnerable-images", { vulnerability })}>{vulnerability}</a>
      ),
    },
    {
      key: "package",
      title: t("package"),
      cell: (exception) => exception.package ?? t("acceptAllPackages"),
    },
    { key: "where", title: t("acceptWhere"), cell: (exception) => <Where of={exception} /> },
    { key: "reason", title: t("acceptReason"), cell: ({ reason }) => reason },
    {
      key: "author",
      title: t("who"),
      cell: ({ author, createdAt }) => (
        <div class="step">
          <span>{author}</span>
          <span class="quiet">
            <Time at={createdAt} />
          </span>
        </div>
      ),
    },
    { key: "until", title: t("acceptUntil"), cell: (exception) => <Until of={exception} /> },
    {
      key: "remove",
      title: t("remove"),
      cell: (exception) => (
        <button
          type="button"
          aria-label={t("removeException", { what: exception.vulnerability })}
          onClick={() => remove(exception)}
        >
          {t("remove")}
        </button>
      ),
    },
  ];
}

function Where({ of: { repository, digest } }: { of: VulnerabilityException }) {
  if (repository === null) return <>{t("wholeNamespace")}</>;
  return (
    <div class="step">
      <a href={`/repositories/${repository}`}>{repository}</a>
      {digest !== null && <Digest value={digest} href={manifestPage(repository, digest)} />}
    </div>
  );
}

function Until({ of: { expiresAt } }: { of: VulnerabilityException }) {
  if (expiresAt === null) return <span class="quiet">{t("noEnd")}</span>;
  return (
    <span class="marks">
      <time dateTime={expiresAt}>{day(expiresAt)}</time>
      {Date.parse(expiresAt) <= Date.now() && <Badge kind="warn">{t("exceptionOver")}</Badge>}
    </span>
  );
}

interface NewExceptionProps {
  readonly namespace: string;
  /** The list's path below /api/v1. */
  readonly to: string;
  readonly onClose: () => void;
  readonly onDone: () => Promise<void>;
}

function NewException({ namespace, to, onClose, onDone }: NewExceptionProps) {
  const announce = useAnnounce();
  const [vulnerability, setVulnerability] = useState("");
  const [pkg, setPackage] = useState("");
  const [repository, setRepository] = useState("");
  const [reason, setReason] = useState("");
  const [expiresAt, setExpiresAt] = useState("");
  const action = useAction(async () => {
    const body = {
      vulnerability: vulnerability.trim(),
      package: pkg || null,
      repository: repository || null,
      reason,
      expiresAt: expiresAt || null,
    };
    await call(to, { method: "POST", body });
    onClose();
    announce({ text: t("accepted", { what: body.vulnerability }) });
    await onDone();
  });
  return (
    <Dialog title={t("acceptOther")} onClose={onClose}>
      <Form action={action} submit={t("acceptSubmit")}>
        <Field
          label={t("vulnerability")}
          name="vulnerability"
          value={vulnerability}
          onValue={setVulnerability}
          error={action.error}
          hint={t("vulnerabilityHint")}
          isRequired
        />
        <Field
          label={t("package")}
          name="package"
          value={pkg}
          onValue={setPackage}
          error={action.error}
          hint={t("packageHint")}
        />
        <Field
          label={t("repository")}
          name="repository"
          value={repository}
          onValue={setRepository}
          error={action.error}
          hint={t("acceptRepositoryHint", { example: `${namespace}/app` })}
        />
        <ReasonFields
          reason={reason}
          onReason={setReason}
          expiresAt={expiresAt}
          onExpiresAt={setExpiresAt}
          error={action.error}
        />
      </Form>
    </Dialog>
  );
}
