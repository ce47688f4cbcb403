import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { MadeRobot, Robot } from "../../../api/schema/accounts.ts";
import { call, type Page, path, withQuery } from "../../api/client.ts";
import { useAction, useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { type Days, ExpiryChoice, expiresInDays } from "../../components/expiry.tsx";
import { Field, Form } from "../../components/form.tsx";
import { Badge, Empty, Time } from "../../components/parts.tsx";
import { List } from "../../components/list.tsx";
import { type Scope, ScopeList, ScopesField } from "../../components/scopes.tsx";
import { SecretOnce } from "../../components/secret.tsx";
import type { Column } from "../../components/table.tsx";
import { t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { NamespaceFrame } from "./frame.tsx";
import { RobotDetail } from "./robot.tsx";

/** The robots of a namespace; `?robot=` shows one of them. */
export function RobotsPage({ name }: PageProps) {
  const { query } = useLocation();
  const { robot = "" } = query;
  return (
    <NamespaceFrame name={name} part="/robots">
      {robot === "" ? (
        <Robots namespace={name} />
      ) : (
        <RobotDetail key={robot} namespace={name} name={robot} />
      )}
      <ApiNote
        calls={[
          `GET /namespaces/${name}/robots`,
          `POST /namespaces/${name}/robots`,
          `POST /namespaces/${name}/robots/{robot}/tokens`,
          `DELETE /namespaces/${name}/robots/{robot}/tokens/{token}`,
        ]}
        commands={[
          `robot list ${name}`,
          `robot create ${name}+ci --push '${name}/*'`,
          `robot rotate ${name}+ci`,
        ]}
      />
    </NamespaceFrame>
  );
}

/** "acme+ci" → "ci" */
function shortName(name: string): string {
  return name.slice(name.indexOf("+") + 1);
}

function Robots({ namespace }: { namespace: string }) {
  const { path: at, query } = useLocation();
  const [isNew, setNew] = useState(false);
  const [made, setMade] = useState<MadeRobot | null>(null);
  const robots = useApi<Page<Robot>>(
    withQuery(path`/namespaces/${namespace}/robots`, { after: query["after"] }),
  );
  return (
    <>
      <p>{t("robotsIntro")}</p>
      <p>
        <button type="button" class="primary" onClick={() => setNew(true)}>
          {t("createRobot")}
        </button>
      </p>
      <List
        of={robots}
        empty={<Empty title={t("noRobots")} />}
        caption={t("robots")}
        columns={columnsOf(at)}
        keyOf={({ name }) => name}
      />
      {isNew && (
        <NewRobot
          namespace={namespace}
          onClose={() => setNew(false)}
          onMade={(robot) => {
            setNew(false);
            setMade(robot);
            void robots.reload();
          }}
        />
      )}
      {made !== null && (
        <SecretOnce
          title={t("robotMade", { name: made.name })}
          secret={made.secret}
          user={made.name}
          onClose={() => setMade(null)}
        />
      )}
    </>
  );
}

function columnsOf(at: string): readonly Column<Robot>[] {
  return [
    {
      key: "name",
      title: t("robot"),
      isHeading: true,
      cell: ({ name, disabled }) => (
        <>
          <a href={withQuery(at, { robot: shortName(name) })}>{name}</a>{" "}
          {disabled && <Badge kind="warn">{t("disabled")}</Badge>}
        </>
      ),
    },
    { key: "description", title: t("description"), cell: ({ description }) => description },
    { key: "scopes", title: t("scopes"), cell: ({ scopes }) => <ScopeList scopes={scopes} /> },
    {
      key: "secrets",
      title: t("secrets"),
      isNumber: true,
      cell: ({ tokens }) => t("countOf", { count: tokens.length }),
    },
    {
      key: "used",
      title: t("lastUsed"),
      cell: ({ tokens }) => (
        <Time
          at={
            tokens
              .map(({ lastUsed }) => lastUsed ?? "")
              .toSorted()
              .at(-1) || null
          }
        />
      ),
    },
  ];
}

interface NewRobotProps {
  readonly namespace: string;
  readonly onClose: () => void;
  readonly onMade: (robot: MadeRobot) => void;
}

function NewRobot({ namespace, onClose, onMade }: NewRobotProps) {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [days, setDays] = useState<Days>("90");
  const [scopes, setScopes] = useState<readonly Scope[]>([
    { repositories: `${namespace}/*`, actions: ["push"] },
  ]);
  const action = useAction(async () => {
    const body = { name, description, scopes, expiresInDays: expiresInDays(days) };
    onMade(await call<MadeRobot>(path`/namespaces/${namespace}/robots`, { method: "POST", body }));
  });
  return (
    <Dialog title={t("createRobot")} onClose={onClose}>
      <Form action={action} submit={t("createRobot")}>
        <Field
          label={t("robotName")}
          name="name"
          value={name}
          onValue={setName}
          error={action.error}
          hint={t("robotNameHint", { example: `${namespace}+ci` })}
          isRequired
        />
        <Field
          label={t("description")}
          name="description"
          value={description}
          onValue={setDescription}
          error={action.error}
        />
        <ScopesField
          value={scopes}
          onValue={setScopes}
          error={action.error}
          pattern={`${namespace}/*`}
        />
        <ExpiryChoice value={days} onValue={setDays} />
      </Form>
    </Dialog>
  );
}
