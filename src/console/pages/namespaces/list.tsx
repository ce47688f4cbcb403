import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { Namespace } from "../../../api/schema/namespaces.ts";
import { call, type Page, withQuery } from "../../api/client.ts";
import { useAction, useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { Choice, Field, Form } from "../../components/form.tsx";
import { Gate } from "../../components/gate.tsx";
import { Empty, Time } from "../../components/parts.tsx";
import { List } from "../../components/list.tsx";
import type { Column } from "../../components/table.tsx";
import { PageFrame } from "../../frame/page.tsx";
import { useSession } from "../../frame/session.tsx";
import { t } from "../../i18n/i18n.ts";

type Visibility = Namespace["visibility"];

/** The namespaces that one has a part in. */
export function NamespacesPage() {
  return (
    <PageFrame title={t("namespaces")}>
      <Gate need="user">
        <NamespaceList />
        <ApiNote
          calls={["GET /namespaces", "POST /namespaces"]}
          commands={["namespace list", "namespace create acme --owner alice"]}
        />
      </Gate>
    </PageFrame>
  );
}

/** The table of namespaces; administrators see all, and can create one. */
export function NamespaceList() {
  const { me } = useSession();
  const { query } = useLocation();
  const [isNew, setNew] = useState(false);
  const found = useApi<Page<Namespace>>(withQuery("/namespaces", { after: query["after"] }));
  return (
    <>
      <p>{t("namespacesIntro")}</p>
      {me?.admin === true && (
        <p>
          <button type="button" class="primary" onClick={() => setNew(true)}>
            {t("createNamespace")}
          </button>
        </p>
      )}
      <List
        of={found}
        empty={
          <Empty title={t("noNamespaces")}>
            <p>{t("noNamespacesHint")}</p>
          </Empty>
        }
        caption={t("namespaces")}
        columns={columns()}
        keyOf={({ name }) => name}
      />
      {isNew && <NewNamespace onClose={() => setNew(false)} />}
    </>
  );
}

function columns(): readonly Column<Namespace>[] {
  return [
    {
      key: "name",
      title: t("namespace"),
      isHeading: true,
      cell: ({ name }) => <a href={`/namespaces/${name}`}>{name}</a>,
    },
    {
      key: "visibility",
      title: t("newRepositoriesAre"),
      cell: ({ visibility }) => t(visibility),
    },
    { key: "created", title: t("created"), cell: ({ createdAt }) => <Time at={createdAt} /> },
  ];
}

function NewNamespace({ onClose }: { onClose: () => void }) {
  const { route } = useLocation();
  const [name, setName] = useState("");
  const [owner, setOwner] = useState("");
  const [visibility, setVisibility] = useState<Visibility>("private");
  const action = useAction(async () => {
    const body = { name, visibility, ...(owner === "" ? {} : { owner }) };
    await call("/namespaces", { method: "POST", body });
    route(`/namespaces/${name}`);
  });
  return (
    <Dialog title={t("createNamespace")} onClose={onClose}>
      <Form action={action} submit={t("createNamespace")}>
        <Field
          label={t("namespaceName")}
          name="name"
          value={name}
          onValue={setName}
          error={action.error}
          hint={t("namespaceNameHint")}
          isRequired
        />
        <Field
          label={t("firstOwner")}
          name="owner"
          value={owner}
          onValue={setOwner}
          error={action.error}
          hint={t("firstOwnerHint")}
        />
        <VisibilityChoice value={visibility} onValue={setVisibility} />
      </Form>
    </Dialog>
  );
}

/** Asks who may pull the new repositories of a namespace. */
export function VisibilityChoice({
  value,
  onValue,
}: {
  value: Visibility;
  onValue: (value: Visibility) => void;
}) {
  return (
    <Choice
      label={t("newRepositoriesAre")}
      value={value}
      options={[
        ["private", t("private")],
        ["public", t("public")],
      ]}
      onValue={onValue}
      hint={t("visibilityHint")}
    />
  );
}
