import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { ApiError } from "../api/client.ts";
import type { Action } from "../api/use-api.ts";
import { t } from "../i18n/i18n.ts";
import { Failure } from "./parts.tsx";

interface FormProps {
  readonly action: Action<readonly []>;
  readonly submit: string;
  readonly children: ComponentChildren;
}

/** A form that sends once at a time, and shows a refusal above its button. */
export function Form({ action, submit, children }: FormProps) {
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void action.run();
      }}
    >
      {children}
      {action.error !== null && <Failure error={action.error} />}
      <div class="form-end">
        <button type="submit" class="primary" disabled={action.isBusy}>
          {action.isBusy ? t("working") : submit}
        </button>
      </div>
    </form>
  );
}

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  /** The field's name in the API: its refusal stands below it. */
  readonly name: string;
  readonly error?: Error | null;
  readonly hint?: string;
  readonly type?: "text" | "password" | "number" | "search" | "url" | "date";
  readonly autocomplete?: string;
  readonly isRequired?: boolean;
  /** A field of several lines. */
  readonly rows?: number;
}

/** A labelled field with its hint and its refusal, which screen readers read with it. */
export function Field(props: FieldProps) {
  const {
    label,
    value,
    onValue,
    name,
    error,
    hint,
    type = "text",
    autocomplete,
    isRequired,
    rows,
  } = props;
  const id = useId();
  const refusal = error instanceof ApiError ? (error.fields.get(name) ?? null) : null;
  const described = [
    hint === undefined ? null : `${id}-hint`,
    refusal === null ? null : `${id}-error`,
  ]
    .filter((one) => one !== null)
    .join(" ");
  const shared = {
    id,
    name,
    value,
    required: isRequired === true,
    "aria-invalid": refusal !== null,
    ...(described === "" ? {} : { "aria-describedby": described }),
    onInput: (event: { currentTarget: { value: string } }) => onValue(event.currentTarget.value),
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {rows === undefined ? (
        <input
          {...shared}
          {...({ type } as object)}
          {...(type === "number" ? { min: 0, step: "any" } : {})}
          autocomplete={autocomplete ?? "off"}
        />
      ) : (
        <textarea rows={rows} {...shared} />
      )}
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {refusal !== null && (
        <p class="refusal" id={`${id}-error`}>
          {refusal}
        </p>
      )}
    </div>
  );
}

interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly (readonly [Value, string])[];
  readonly onValue: (value: Value) => void;
  readonly hint?: string;
}

export function Choice<Value extends string>({
  label,
  value,
  options,
  onValue,
  hint,
}: ChoiceProps<Value>) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        {...(hint === undefined ? {} : { "aria-describedby": `${id}-hint` })}
        onChange={(event) => onValue(event.currentTarget.value as Value)}
      >
        {options.map(([one, text]) => (
          <option key={one} value={one}>
            {text}
          </option>
        ))}
      </select>
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}
