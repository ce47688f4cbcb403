import { useLocation } from "preact-iso/router";
import type { TrustRule } from "../../../api/schema/namespaces.ts";
import { type Page, path as apiPath, withQuery } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Empty, Time } from "../../components/parts.tsx";
import { List } from "../../components/list.tsx";
import { ScopeList } from "../../components/scopes.tsx";
import type { Column } from "../../components/table.tsx";
import { t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { NamespaceFrame } from "../namespaces/frame.tsx";
import { ClaimList } from "./claim-list.tsx";
import { isPreset } from "./presets.ts";
import { NewTrustRule } from "./new-rule.tsx";
import { EditTrustRule } from "./edit-rule.tsx";
import { TrustRuleDetail } from "./trust-rule.tsx";

/** The trust rules of a namespace; `?rule=` shows one, `?edit=` changes one, and `?new=` makes one for an issuer. */
export function TrustRulesPage({ name }: PageProps) {
  const { path, query } = useLocation();
  const { rule = "", edit = "", new: wanted } = query;
  const preset = wanted === undefined ? null : isPreset(wanted) ? wanted : "other";
  const isList = preset === null && rule === "" && edit === "";
  return (
    <NamespaceFrame name={name} part="/trust-rules">
      {!isList && (
        <p>
          <a href={path}>{t("allTrustRules")}</a>
        </p>
      )}
      {preset !== null && <NewTrustRule key={preset} namespace={name} preset={preset} />}
      {edit !== "" && <EditTrustRule key={edit} namespace={name} name={edit} />}
      {rule !== "" && <TrustRuleDetail key={rule} namespace={name} name={rule} />}
      {isList && <TrustRules namespace={name} />}
      <ApiNote
        calls={[
          `GET /namespaces/${name}/trust-rules`,
          `POST /namespaces/${name}/trust-rules`,
          `PATCH /namespaces/${name}/trust-rules/{rule}`,
          `DELETE /namespaces/${name}/trust-rules/{rule}`,
        ]}
        commands={[`trust list ${name}`, `trust add github OWNER/REPO --push '${name}/*'`]}
      />
    </NamespaceFrame>
  );
}

function TrustRules({ namespace }: { namespace: string }) {
  const { path: at, query } = useLocation();
  const rules = useApi<Page<TrustRule>>(
    withQuery(apiPath`/namespaces/${namespace}/trust-rules`, { after: query["after"] }),
  );
  return (
    <>
      <p>{t("trustIntro")}</p>
      <p>
        <a class="button primary" href={withQuery(at, { new: "github" })}>
          {t("newTrustRule")}
        </a>
      </p>
      <List
        of={rules}
        empty={<Empty title={t("noTrustRules")} />}
        caption={t("trustRules")}
        columns={columnsOf(at)}
        keyOf={({ name }) => name}
      />
    </>
  );
}

function columnsOf(at: string): readonly Column<TrustRule>[] {
  return [
    {
      key: "name",
      title: t("rule"),
      isHeading: true,
      cell: ({ name }) => (
        <a href={withQuery(at, { rule: name.slice(name.indexOf("+") + 1) })}>{name}</a>
      ),
    },
    { key: "issuer", title: t("issuer"), cell: ({ issuer }) => issuer },
    { key: "claims", title: t("claims"), cell: ({ claims }) => <ClaimList claims={claims} /> },
    { key: "scopes", title: t("scopes"), cell: ({ scopes }) => <ScopeList scopes={scopes} /> },
    { key: "created", title: t("created"), cell: ({ createdAt }) => <Time at={createdAt} /> },
  ];
}
