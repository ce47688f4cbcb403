import { useId } from "preact/hooks";
import { ApiError } from "../../api/client.ts";
import { type MessageKey, t } from "../../i18n/i18n.ts";
import type { DraftClaim } from "./draft.ts";
import type { KnownClaim } from "./presets.ts";

interface ClaimsFieldProps {
  readonly known: readonly KnownClaim[];
  readonly value: readonly DraftClaim[];
  readonly onValue: (value: readonly DraftClaim[]) => void;
  readonly error: Error | null;
}

/** Edits what a token must say: known claims with what they mean, and further ones. */
export function ClaimsField({ known, value, onValue, error }: ClaimsFieldProps) {
  const refusals =
    error instanceof ApiError
      ? [...error.fields].filter(([name]) => name.startsWith("claims"))
      : [];
  const set = (index: number, claim: DraftClaim) => onValue(value.with(index, claim));
  return (
    <fieldset class="scopes">
      <legend>{t("claimsThatMatch")}</legend>
      <p class="hint">{t("claimsHint")}</p>
      {value.map((one, index) => {
        const described = known.find(({ claim }) => claim === one.claim && index < known.length);
        return described === undefined ? (
          <OtherClaim
            // A row has no name of its own; rows are only appended to and cut.
            key={index}
            value={one}
            onValue={(changed) => set(index, changed)}
            onRemove={() => onValue(value.filter((_, i) => i !== index))}
          />
        ) : (
          <Globs
            key={index}
            label={one.claim}
            hint={described.hint}
            example={described.example}
            isRequired={described.isRequired}
            value={one.globs}
            onValue={(globs) => set(index, { ...one, globs })}
          />
        );
      })}
      {refusals.map(([name, text]) => (
        <p key={name} class="refusal">
          {text}
        </p>
      ))}
      <button type="button" onClick={() => onValue([...value, { claim: "", globs: "" }])}>
        {t("addClaim")}
      </button>
    </fieldset>
  );
}

interface GlobsProps {
  readonly label: string;
  readonly hint?: MessageKey;
  readonly example?: string;
  readonly isRequired: boolean;
  readonly value: string;
  readonly onValue: (value: string) => void;
}

function Globs({ label, hint, example, isRequired, value, onValue }: GlobsProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>
        {label}
        {!isRequired && <span class="quiet"> {t("optional")}</span>}
      </label>
      <input
        id={id}
        value={value}
        required={isRequired}
        autocomplete="off"
        placeholder={example ?? ""}
        {...(hint === undefined ? {} : { "aria-describedby": `${id}-hint` })}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {t(hint)}
        </p>
      )}
    </div>
  );
}

interface OtherClaimProps {
  readonly value: DraftClaim;
  readonly onValue: (value: DraftClaim) => void;
  readonly onRemove: () => void;
}

function OtherClaim({ value, onValue, onRemove }: OtherClaimProps) {
  const id = useId();
  return (
    <div class="side-by-side">
      <div class="field">
        <label for={id}>{t("claim")}</label>
        <input
          id={id}
          value={value.claim}
          autocomplete="off"
          onInput={(event) => onValue({ ...value, claim: event.currentTarget.value })}
        />
      </div>
      <Globs
        label={t("claimValue")}
        isRequired={false}
        value={value.globs}
        onValue={(globs) => onValue({ ...value, globs })}
      />
      <button type="button" onClick={onRemove}>
        {t("remove")}
      </button>
    </div>
  );
}
