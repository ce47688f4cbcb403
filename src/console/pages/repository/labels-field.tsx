import { useState } from "preact/hooks";
import { ApiError } from "../../api/client.ts";
import { t } from "../../i18n/i18n.ts";

type Labels = Readonly<Record<string, string>>;
type Row = readonly [name: string, value: string];

interface LabelsFieldProps {
  readonly value: Labels;
  readonly onValue: (value: Labels) => void;
  readonly error: Error | null;
}

/** Labels, a row each. A row without a name is not saved. */
export function LabelsField({ value, onValue, error }: LabelsFieldProps) {
  const [rows, setRows] = useState<readonly Row[]>(Object.entries(value));
  const change = (next: readonly Row[]) => {
    setRows(next);
    onValue(Object.fromEntries(next.filter(([name]) => name !== "")));
  };
  const put = (index: number, row: Row) =>
    change(rows.map((one, place) => (place === index ? row : one)));
  const refusal = error instanceof ApiError ? error.fields.get("labels") : undefined;
  return (
    <fieldset class="rows">
      <legend>{t("labels")}</legend>
      <p class="hint">{t("labelsHint")}</p>
      {rows.map(([name, text], index) => (
        // Rows have no other key than their place: a name is written letter by letter.
        <div key={index} class="row-fields">
          <input
            value={name}
            aria-label={t("labelName", { count: index + 1 })}
            autocomplete="off"
            onInput={(event) => put(index, [event.currentTarget.value, text])}
          />
          <input
            value={text}
            aria-label={t("labelValue", { count: index + 1 })}
            autocomplete="off"
            onInput={(event) => put(index, [name, event.currentTarget.value])}
          />
          <button
            type="button"
            aria-label={t("removeLabel", { what: name })}
            onClick={() => change(rows.filter((_, place) => place !== index))}
          >
            {t("remove")}
          </button>
        </div>
      ))}
      {refusal !== undefined && <p class="refusal">{refusal}</p>}
      <div>
        <button type="button" onClick={() => change([...rows, ["", ""]])}>
          {t("addLabel")}
        </button>
      </div>
    </fieldset>
  );
}
