import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { TrustRule } from "../../../api/schema/namespaces.ts";
import { call, path, withQuery } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { Confirm } from "../../components/confirm.tsx";
import { useLead } from "../../components/lead.ts";
import { Command, Time } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { ScopeList } from "../../components/scopes.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { number, t } from "../../i18n/i18n.ts";
import { presetOf, PRESETS } from "./presets.ts";
import { ClaimList } from "./claim-list.tsx";
import { TryOut } from "./try-out.tsx";

interface TrustRuleProps {
  readonly namespace: string;
  readonly name: string;
}

/** One trust rule: what it takes, what to paste into the CI, and a try-out. */
export function TrustRuleDetail({ namespace, name }: TrustRuleProps) {
  const { path: at, route } = useLocation();
  const lead = useLead();
  const announce = useAnnounce();
  const [isDeleting, setDeleting] = useState(false);
  const base = path`/namespaces/${namespace}/trust-rules`;
  const to = path`/namespaces/${namespace}/trust-rules/${name}`;
  const rule = useApi<TrustRule>(to);
  const remove = async ({ issuer, audience, claims, scopes, lifetime }: TrustRule) => {
    await call(to, { method: "DELETE" });
    announce({
      text: t("deleted", { name: `${namespace}+${name}` }),
      undo: async () => {
        const body = { name, issuer, audience, claims, scopes, lifetime };
        await call(base, { method: "POST", body });
        lead(at, withQuery(at, { rule: name }));
      },
    });
    route(at);
  };
  return (
    <Shown of={rule}>
      {(value) => (
        <>
          <h2>{value.name}</h2>
          <RuleFacts rule={value} />
          <p class="actions above-space">
            <a class="button" href={withQuery(at, { edit: name })}>
              {t("edit")}
            </a>
            <button type="button" class="danger" onClick={() => setDeleting(true)}>
              {t("delete")}
            </button>
          </p>
          <h2>{t("ciSnippet")}</h2>
          <Command text={snippetOf(value, namespace)} label={t("ciSnippet")} />
          <TryOut rule={value} />
          {isDeleting && (
            <Confirm
              title={t("deleteRule", { name: value.name })}
              act={t("delete")}
              onClose={() => setDeleting(false)}
              work={() => remove(value)}
            >
              <p>{t("deleteRuleHint")}</p>
            </Confirm>
          )}
        </>
      )}
    </Shown>
  );
}

function RuleFacts({ rule }: { rule: TrustRule }) {
  const { issuer, audience, claims, scopes, lifetime, createdAt } = rule;
  return (
    <dl class="facts">
      <dt>{t("issuer")}</dt>
      <dd>{issuer}</dd>
      <dt>{t("audience")}</dt>
      <dd>{audience}</dd>
      <dt>{t("claims")}</dt>
      <dd>
        <ClaimList claims={claims} />
      </dd>
      <dt>{t("scopes")}</dt>
      <dd>
        <ScopeList scopes={scopes} />
      </dd>
      <dt>{t("lifetime")}</dt>
      <dd>{t("minutes", { minutes: number(lifetime / 60) })}</dd>
      <dt>{t("created")}</dt>
      <dd>
        <Time at={createdAt} />
      </dd>
    </dl>
  );
}

function snippetOf({ issuer, audience, scopes }: TrustRule, namespace: string): string {
  const named = scopes.find(({ repositories }) => !repositories.includes("*"));
  return PRESETS[presetOf(issuer)]
    .snippet({
      url: location.origin,
      host: location.host,
      audience,
      namespace,
      image: named?.repositories ?? `${namespace}/app`,
    })
    .trimEnd();
}
