import { useId } from "preact/hooks";
import type { Robot } from "../../api/schema/accounts.ts";
import { ApiError } from "../api/client.ts";
import { type MessageKey, t } from "../i18n/i18n.ts";

export type Scope = Robot["scopes"][number];
type Action = Scope["actions"][number];

const ACTIONS: Readonly<Record<Action, MessageKey>> = {
  pull: "actionPull",
  push: "actionPush",
  delete: "actionDelete",
  admin: "actionAdmin",
};

/** Scopes in a line: "pull, push: acme/*". */
export function ScopeList({ scopes }: { scopes: readonly Scope[] }) {
  return (
    <ul class="plain-list">
      {scopes.map(({ repositories, actions }) => (
        <li key={repositories}>
          {actions.join(", ")}: <code>{repositories}</code>
        </li>
      ))}
    </ul>
  );
}

interface ScopesFieldProps {
  readonly value: readonly Scope[];
  readonly onValue: (value: readonly Scope[]) => void;
  readonly error: Error | null;
  /** What a new row begins with, such as "acme/*". */
  readonly pattern: string;
}

/** Edits which repositories something may use, and for what. */
export function ScopesField({ value, onValue, error, pattern }: ScopesFieldProps) {
  const replace = (index: number, scope: Scope) =>
    onValue(value.map((old, i) => (i === index ? scope : old)));
  const refusals =
    error instanceof ApiError
      ? [...error.fields].filter(([field]) => field.startsWith("scopes")).map(([, text]) => text)
      : [];
  return (
    <fieldset class="scopes">
      <legend>{t("scopes")}</legend>
      <p class="hint">{t("scopesHint")}</p>
      {value.map((scope, index) => (
        <ScopeRow
          // A row has no name of its own; the rows are only appended to and cut.
          key={index}
          scope={scope}
          onScope={(changed) => replace(index, changed)}
          onRemove={value.length > 1 ? () => onValue(value.filter((_, i) => i !== index)) : null}
        />
      ))}
      {refusals.map((text) => (
        <p key={text} class="refusal">
          {text}
        </p>
      ))}
      <button
        type="button"
        onClick={() => onValue([...value, { repositories: pattern, actions: ["pull"] }])}
      >
        {t("addScope")}
      </button>
    </fieldset>
  );
}

function ScopeRow({
  scope,
  onScope,
  onRemove,
}: {
  scope: Scope;
  onScope: (scope: Scope) => void;
  onRemove: (() => void) | null;
}) {
  const id = useId();
  const toggle = (action: Action, isOn: boolean) => {
    const others = scope.actions.filter((one) => one !== action);
    onScope({ ...scope, actions: isOn ? [...others, action] : others });
  };
  return (
    <div class="scope">
      <div class="field">
        <label for={id}>{t("repositoryPattern")}</label>
        <input
          id={id}
          value={scope.repositories}
          required
          autocomplete="off"
          onInput={(event) => onScope({ ...scope, repositories: event.currentTarget.value })}
        />
      </div>
      <div class="scope-actions">
        {(Object.keys(ACTIONS) as Action[]).map((action) => (
          <label key={action}>
            <input
              type="checkbox"
              checked={scope.actions.includes(action)}
              onChange={(event) => toggle(action, event.currentTarget.checked)}
            />{" "}
            {t(ACTIONS[action])}
          </label>
        ))}
      </div>
      {onRemove !== null && (
        <button type="button" onClick={onRemove}>
          {t("removeScope", { pattern: scope.repositories })}
        </button>
      )}
    </div>
  );
}
