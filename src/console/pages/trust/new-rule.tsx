import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import { call, path, withQuery } from "../../api/client.ts";
import { useAction } from "../../api/use-api.ts";
import { Choice } from "../../components/form.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { t } from "../../i18n/i18n.ts";
import { type Draft, newDraft, ruleOf } from "./draft.ts";
import { type PresetName, PRESETS } from "./presets.ts";
import { TrustForm } from "./trust-form.tsx";

/** Makes a trust rule for an issuer. */
export function NewTrustRule({ namespace, preset }: { namespace: string; preset: PresetName }) {
  const { path: at, route } = useLocation();
  const announce = useAnnounce();
  const [draft, setDraft] = useState(() => newDraft(preset, namespace));
  const set = (change: Partial<Draft>) => setDraft({ ...draft, ...change });
  const action = useAction(async () => {
    const rule = ruleOf(draft);
    const to = path`/namespaces/${namespace}/trust-rules`;
    await call(to, { method: "POST", body: rule });
    announce({ text: t("ruleMade", { name: `${namespace}+${rule.name}` }) });
    route(withQuery(at, { rule: rule.name }));
  });
  return (
    <>
      <h2>{t("newTrustRule")}</h2>
      <TrustForm
        namespace={namespace}
        draft={draft}
        set={set}
        known={PRESETS[preset].claims}
        isNamed={false}
        action={action}
        submit={t("createRule")}
      >
        <PresetChoice preset={preset} />
      </TrustForm>
    </>
  );
}

/** Chooses the issuer; it is in the address. */
function PresetChoice({ preset }: { preset: PresetName }) {
  const { path: at, route } = useLocation();
  return (
    <Choice<PresetName>
      label={t("ciSystem")}
      value={preset}
      options={(Object.keys(PRESETS) as PresetName[]).map((name) => [
        name,
        PRESETS[name].label || t("otherIssuer"),
      ])}
      onValue={(name) => route(withQuery(at, { new: name }), true)}
      hint={t("ciSystemHint")}
    />
  );
}
