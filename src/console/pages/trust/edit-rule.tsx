import { useLocation } from "preact-iso/router";
import type { TrustRule } from "../../../api/schema/namespaces.ts";
import { path, withQuery } from "../../api/client.ts";
import { useAction, useApi } from "../../api/use-api.ts";
import { Outdated, useDraft } from "../../components/draft.tsx";
import { Shown } from "../../components/resource.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { t } from "../../i18n/i18n.ts";
import { changeOf, draftOf } from "./draft.ts";
import { presetOf, PRESETS } from "./presets.ts";
import { TrustForm } from "./trust-form.tsx";

interface EditProps {
  readonly namespace: string;
  readonly name: string;
}

/** Changes a trust rule. Its name stays: accounts of CI jobs are named after it. */
export function EditTrustRule({ namespace, name }: EditProps) {
  const to = path`/namespaces/${namespace}/trust-rules/${name}`;
  const rule = useApi<TrustRule>(to);
  return (
    <Shown of={rule}>
      {(value) => <Edit namespace={namespace} name={name} rule={value} reload={rule.reload} />}
    </Shown>
  );
}

interface FormProps extends EditProps {
  readonly rule: TrustRule;
  readonly reload: () => Promise<void>;
}

function Edit({ namespace, name, rule, reload }: FormProps) {
  const { path: at, route } = useLocation();
  const announce = useAnnounce();
  const editing = useDraft(rule, draftOf, reload);
  const { draft, set } = editing;
  const action = useAction(async () => {
    const to = path`/namespaces/${namespace}/trust-rules/${name}`;
    await editing.save(to, changeOf(draft, rule));
    announce({ text: t("changed", { name: rule.name }) });
    route(withQuery(at, { rule: name }));
  });
  // A rule that was made elsewhere may do without a claim that the form asks for.
  const known = PRESETS[presetOf(rule.issuer)].claims.map((one) => ({
    ...one,
    isRequired: one.isRequired && Object.hasOwn(rule.claims, one.claim),
  }));
  return (
    <>
      <h2>{t("editRule", { name: rule.name })}</h2>
      <TrustForm
        namespace={namespace}
        draft={draft}
        set={set}
        known={known}
        isNamed
        action={action}
        submit={t("save")}
      >
        <Outdated of={editing} />
      </TrustForm>
    </>
  );
}
