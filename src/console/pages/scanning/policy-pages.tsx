import type { NamespaceScanPolicy, RepositoryScanPolicy } from "../../../scan/policy-schema.ts";
import { path } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Gate } from "../../components/gate.tsx";
import { Shown } from "../../components/resource.tsx";
import { t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { NamespaceFrame } from "../namespaces/frame.tsx";
import { RepositoryFrame } from "../repository/frame.tsx";
import { namespaceOf } from "./accept.tsx";
import { Exceptions } from "./exceptions.tsx";
import { PolicyForm } from "./policy-form.tsx";

/** Which images of a namespace may not be pulled, and which vulnerabilities it has accepted. */
export function NamespaceScanningPage({ name }: PageProps) {
  return (
    <NamespaceFrame name={name} part="/scanning">
      <h2>{t("scanPolicy")}</h2>
      <NamespacePolicy name={name} />
      <Exceptions namespace={name} />
      <ApiNote
        calls={[
          `GET /namespaces/${name}/scan-policy`,
          `PUT /namespaces/${name}/scan-policy`,
          `GET /namespaces/${name}/vulnerability-exceptions`,
          `POST /namespaces/${name}/vulnerability-exceptions`,
        ]}
      />
    </NamespaceFrame>
  );
}

function NamespacePolicy({ name }: { name: string }) {
  const to = path`/namespaces/${name}/scan-policy`;
  const found = useApi<NamespaceScanPolicy>(to);
  return (
    <Shown of={found}>
      {({ policy }) => (
        <PolicyForm
          key={JSON.stringify(policy)}
          to={to}
          policy={policy}
          isOwn={policy !== null}
          onDone={found.reload}
        >
          <p>{t(policy === null ? "noScanPolicy" : "namespacePolicyHint")}</p>
        </PolicyForm>
      )}
    </Shown>
  );
}

/** Which images of a repository may not be pulled. */
export function RepositoryScanningPage({ name }: PageProps) {
  const to = `/repositories/${name}/-/scan-policy`;
  return (
    <RepositoryFrame name={name} view={t("scanning")}>
      <Gate need={{ role: "owner", on: name }}>
        <h2>{t("scanPolicy")}</h2>
        <RepositoryPolicy name={name} />
        <p class="above-space">
          <a href={`/namespaces/${namespaceOf(name)}/scanning`}>{t("exceptionsOfNamespace")}</a>
        </p>
        <ApiNote calls={[`GET ${to}`, `PUT ${to}`, `DELETE ${to}`]} />
      </Gate>
    </RepositoryFrame>
  );
}

function RepositoryPolicy({ name }: { name: string }) {
  const to = path`/repositories/${name}/-/scan-policy`;
  const found = useApi<RepositoryScanPolicy>(to);
  return (
    <Shown of={found}>
      {(value) => (
        <PolicyForm
          key={JSON.stringify(value)}
          to={to}
          policy={value.policy}
          isOwn={value.of === "repository"}
          onDone={found.reload}
        >
          <p>{originOf(value)}</p>
        </PolicyForm>
      )}
    </Shown>
  );
}

function originOf({ of }: RepositoryScanPolicy): string {
  if (of === null) return t("noScanPolicy");
  return t(of === "repository" ? "ownPolicy" : "inheritedPolicy");
}
