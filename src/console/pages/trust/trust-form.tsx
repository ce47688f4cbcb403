import type { ComponentChildren } from "preact";
import type { Action } from "../../api/use-api.ts";
import { Field, Form } from "../../components/form.tsx";
import { ScopesField } from "../../components/scopes.tsx";
import { t } from "../../i18n/i18n.ts";
import { ClaimsField } from "./claims-field.tsx";
import { type Draft, ruleOf } from "./draft.ts";
import type { KnownClaim } from "./presets.ts";
import { TryOut } from "./try-out.tsx";

interface TrustFormProps {
  readonly namespace: string;
  readonly draft: Draft;
  readonly set: (change: Partial<Draft>) => void;
  readonly known: readonly KnownClaim[];
  readonly isNamed: boolean;
  readonly action: Action<readonly []>;
  readonly submit: string;
  /** What stands above the fields. */
  readonly children: ComponentChildren;
}

/** The form of a trust rule: whose tokens are taken, and what they may do here; with a try-out. */
export function TrustForm(props: TrustFormProps) {
  const { namespace, draft, set, known, isNamed, action, submit, children } = props;
  const { error } = action;
  return (
    <>
      <Form action={action} submit={submit}>
        {children}
        <Origin draft={draft} set={set} error={error} isNamed={isNamed} />
        <ClaimsField
          known={known}
          value={draft.claims}
          onValue={(claims) => set({ claims })}
          error={error}
        />
        <ScopesField
          value={draft.scopes}
          onValue={(scopes) => set({ scopes })}
          error={error}
          pattern={`${namespace}/*`}
        />
        <Field
          label={t("lifetimeMinutes")}
          name="lifetime"
          type="number"
          value={draft.minutes}
          onValue={(minutes) => set({ minutes })}
          error={error}
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
  /** Whether the rule has a name already, which stays. */
  readonly isNamed: boolean;
}

/** Whose tokens the rule takes, and for whom they have to be. */
function Origin({ draft, set, error, isNamed }: OriginProps) {
  return (
    <>
      {!isNamed && (
        <Field
          label={t("ruleName")}
          name="name"
          value={draft.name}
          onValue={(name) => set({ name })}
          error={error}
          isRequired
        />
      )}
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
