import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import { call, path, withQuery } from "../../api/client.ts";
import { useAction } from "../../api/use-api.ts";
import { Choice, Field, Form } from "../../components/form.tsx";
import { ScopesField } from "../../components/scopes.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { t } from "../../i18n/i18n.ts";
import { ClaimsField } from "./claims-field.tsx";
import { type Draft, newDraft, ruleOf } from "./draft.ts";
import { type PresetName, PRESETS } from "./presets.ts";
import { TryOut } from "./try-out.tsx";

/** Makes a trust rule: whose tokens are taken, and what they may do here. */
export function TrustForm({ namespace, preset }: { namespace: string; preset: PresetName }) {
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
      <p>
        <a href={at}>{t("allTrustRules")}</a>
      </p>
      <h2>{t("newTrustRule")}</h2>
      <Form action={action} submit={t("createRule")}>
        <PresetChoice preset={preset} />
        <Origin draft={draft} set={set} error={action.error} />
        <ClaimsField
          known={PRESETS[preset].claims}
          value={draft.claims}
          onValue={(claims) => set({ claims })}
          error={action.error}
        />
        <ScopesField
          value={draft.scopes}
          onValue={(scopes) => set({ scopes })}
          error={action.error}
          pattern={`${namespace}/*`}
        />
        <Field
          label={t("lifetimeMinutes")}
          name="lifetime"
          type="number"
          value={draft.minutes}
          onValue={(minutes) => set({ minutes })}
          error={action.error}
          hint={t("lifetimeHint")}
          isRequired
        />
      </Form>
      <TryOut rule={ruleOf(draft)} />
    </>
  );
}

interface OriginProps {
  readonly draft: Draft;
  readonly set: (change: Partial<Draft>) => void;
  readonly error: Error | null;
}

/** Whose tokens the rule takes, and for whom they have to be. */
function Origin({ draft, set, error }: OriginProps) {
  return (
    <>
      <Field
        label={t("ruleName")}
        name="name"
        value={draft.name}
        onValue={(name) => set({ name })}
        error={error}
        isRequired
      />
      <Field
        label={t("issuer")}
        name="issuer"
        type="url"
        value={draft.issuer}
        onValue={(issuer) => set({ issuer })}
        error={error}
        hint={t("issuerHint")}
        isRequired
      />
      <Field
        label={t("audience")}
        name="audience"
        value={draft.audience}
        onValue={(audience) => set({ audience })}
        error={error}
        hint={t("audienceHint")}
        isRequired
      />
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
