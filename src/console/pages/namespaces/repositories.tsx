import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { Repository } from "../../../api/schema/repositories.ts";
import { call, type Page, withQuery } from "../../api/client.ts";
import { useAction, useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { Choice, Field, Form } from "../../components/form.tsx";
import { Badge, Empty, Time } from "../../components/parts.tsx";
import { List } from "../../components/list.tsx";
import type { Column } from "../../components/table.tsx";
import { hasRole, useSession } from "../../frame/session.tsx";
import { t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { DeletedRepositories } from "../trash/deleted-repositories.tsx";
import { NamespaceFrame } from "./frame.tsx";

/** The repositories of a namespace, and those that were deleted. */
export function NamespacePage({ name }: PageProps) {
  const { me } = useSession();
  const { query } = useLocation();
  const [isNew, setNew] = useState(false);
  const found = useApi<Page<Repository>>(
    me ? withQuery("/repositories", { namespace: name, after: query["after"] }) : null,
  );
  return (
    <NamespaceFrame name={name} part="" need="user">
      {hasRole(me, "writer", `${name}/`) && (
        <p>
          <button type="button" class="primary" onClick={() => setNew(true)}>
            {t("createRepository")}
          </button>
        </p>
      )}
      <List
        of={found}
        empty={<Empty title={t("noRepositoriesIn", { name })} />}
        caption={t("repositories")}
        columns={columns()}
        keyOf={(one) => one.name}
      />
      {hasRole(me, "maintainer", `${name}/`) && (
        <>
          <h2>{t("deletedRepositories")}</h2>
          <DeletedRepositories namespace={name} />
        </>
      )}
      {isNew && <NewRepository namespace={name} onClose={() => setNew(false)} />}
      <ApiNote
        calls={[
          `GET /repositories?namespace=${name}`,
          "POST /repositories",
          `GET /deleted-repositories?namespace=${name}`,
        ]}
        commands={[
          `repo list --namespace ${name}`,
          `repo create ${name}/app`,
          `trash list ${name}`,
        ]}
      />
    </NamespaceFrame>
  );
}

function columns(): readonly Column<Repository>[] {
  return [
    {
      key: "name",
      title: t("repository"),
      isHeading: true,
      cell: ({ name }) => <a href={`/repositories/${name}`}>{name}</a>,
    },
    {
      key: "visibility",
      title: t("visibility"),
      cell: ({ visibility }) => <Badge>{t(visibility)}</Badge>,
    },
    { key: "description", title: t("description"), cell: ({ description }) => description },
    { key: "created", title: t("created"), cell: ({ createdAt }) => <Time at={createdAt} /> },
  ];
}

type Wanted = "" | Repository["visibility"];

function NewRepository({ namespace, onClose }: { namespace: string; onClose: () => void }) {
  const { route } = useLocation();
  const [name, setName] = useState(`${namespace}/`);
  const [description, setDescription] = useState("");
  const [visibility, setVisibility] = useState<Wanted>("");
  const action = useAction(async () => {
    const body = { name, description, ...(visibility === "" ? {} : { visibility }) };
    await call("/repositories", { method: "POST", body });
    route(`/repositories/${name}`);
  });
  return (
    <Dialog title={t("createRepository")} onClose={onClose}>
      <Form action={action} submit={t("createRepository")}>
        <Field
          label={t("repositoryName")}
          name="name"
          value={name}
          onValue={setName}
          error={action.error}
          hint={t("repositoryNameHint", { example: `${namespace}/app` })}
          isRequired
        />
        <Field
          label={t("description")}
          name="description"
          value={description}
          onValue={setDescription}
          error={action.error}
        />
        <Choice
          label={t("visibility")}
          value={visibility}
          options={[
            ["", t("asNamespace")],
            ["private", t("private")],
            ["public", t("public")],
          ]}
          onValue={setVisibility}
        />
      </Form>
    </Dialog>
  );
}
