import type { NamespaceRetention, Retention } from "../../../retention/schema.ts";
import { path } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Gate } from "../../components/gate.tsx";
import { Time } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { PageFrame } from "../../frame/page.tsx";
import { t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { NamespaceFrame } from "../namespaces/frame.tsx";
import { RetentionForm } from "./form.tsx";
import { repositoriesOf } from "./preview.ts";

/** The policy of a namespace, which holds in its repositories without one of their own. */
export function NamespaceRetentionPage({ name }: PageProps) {
  return (
    <NamespaceFrame name={name} part="/retention">
      <OfNamespace name={name} />
      <Note to={`/namespaces/${name}/retention`} name={name} example={`${name}/app`} />
    </NamespaceFrame>
  );
}

function OfNamespace({ name }: { name: string }) {
  const to = path`/namespaces/${name}/retention`;
  const retention = useApi<NamespaceRetention>(to);
  return (
    <Shown of={retention}>
      {({ policy, warnings }) => (
        <RetentionForm
          key={JSON.stringify(policy)}
          to={to}
          policy={policy}
          own={policy !== null}
          warnings={warnings}
          repositories={() => repositoriesOf(name)}
          onDone={retention.reload}
        >
          <p>{policy === null ? t("noPolicy") : t("namespacePolicyHint")}</p>
        </RetentionForm>
      )}
    </Shown>
  );
}

/** The policy that holds in a repository. */
export function RepositoryRetentionPage({ name }: PageProps) {
  return (
    <PageFrame
      title={t("partOf", { part: t("retention"), name })}
      above={<a href={`/repositories/${name}`}>{name}</a>}
    >
      <Gate need={{ role: "maintainer", on: name }}>
        <OfRepository name={name} />
        <Note to={`/repositories/${name}/-/retention`} name={name} example={name} />
      </Gate>
    </PageFrame>
  );
}

function OfRepository({ name }: { name: string }) {
  const to = path`/repositories/${name}/-/retention`;
  const retention = useApi<Retention>(to);
  return (
    <Shown of={retention}>
      {(value) => (
        <RetentionForm
          key={JSON.stringify(value.policy)}
          to={to}
          policy={value.policy}
          own={value.of === "repository"}
          warnings={value.warnings}
          repositories={() => only(name)}
          onDone={retention.reload}
        >
          <p>{originOf(value)}</p>
          <Runs retention={value} />
        </RetentionForm>
      )}
    </Shown>
  );
}

async function* only(name: string): AsyncGenerator<string> {
  yield name;
}

function originOf({ of }: Retention): string {
  if (of === null) return t("noPolicy");
  return of === "repository" ? t("ownPolicy") : t("inheritedPolicy");
}

function Runs({ retention: { lastRun, nextRunAt } }: { retention: Retention }) {
  return (
    <dl class="facts">
      {lastRun !== null && (
        <>
          <dt>{t("lastRun")}</dt>
          <dd>
            <Time at={lastRun.endedAt} />: {t("imagesDeleted", { count: lastRun.images })}
          </dd>
        </>
      )}
      {nextRunAt !== null && (
        <>
          <dt>{t("nextRun")}</dt>
          <dd>
            <Time at={nextRunAt} />
          </dd>
        </>
      )}
    </dl>
  );
}

function Note({ to, name, example }: { to: string; name: string; example: string }) {
  return (
    <ApiNote
      calls={[
        `GET ${to}`,
        `POST /repositories/${example}/-/retention/preview`,
        `PUT ${to}`,
        `DELETE ${to}`,
      ]}
      commands={[
        `retention show ${name}`,
        `retention preview ${name} policy.json`,
        `retention set ${name} policy.json`,
      ]}
    />
  );
}
