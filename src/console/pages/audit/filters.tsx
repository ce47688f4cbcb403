import { useLocation } from "preact-iso/router";
import { useEffect, useState } from "preact/hooks";
import { withQuery } from "../../api/client.ts";
import { Choice, Field } from "../../components/form.tsx";
import { type MessageKey, t } from "../../i18n/i18n.ts";
import { outcomeName } from "./outcome.ts";

export const FILTERS = ["repository", "actor", "action", "outcome", "since", "until"] as const;
export type Filter = (typeof FILTERS)[number] | "namespace";

const LABELS: Readonly<Record<Exclude<Filter, "outcome">, MessageKey>> = {
  namespace: "namespace",
  repository: "repository",
  actor: "who",
  action: "what",
  since: "sinceDay",
  until: "untilDay",
};

const OUTCOMES = ["done", "denied", "failed"] as const;

/** The filters of the log; they are applied together, and then are in the address. */
export function AuditFilters({ names, error }: { names: readonly Filter[]; error: Error | null }) {
  const { path, query, route } = useLocation();
  const [values, setValues] = useState<Readonly<Record<string, string>>>(query);
  // The back button leads to other filters.
  useEffect(() => setValues(query), [query]);
  const set = (name: Filter) => (value: string) => setValues({ ...values, [name]: value });
  return (
    <form
      class="filters"
      role="search"
      aria-label={t("filters")}
      onSubmit={(event) => {
        event.preventDefault();
        route(withQuery(path, { ...values, after: null }));
      }}
    >
      {names.map((name) =>
        name === "outcome" ? (
          <Choice
            key={name}
            label={t("outcome")}
            value={values[name] ?? ""}
            options={[["", t("all")], ...OUTCOMES.map((one) => [one, outcomeName(one)] as const)]}
            onValue={set(name)}
          />
        ) : (
          <Field
            key={name}
            label={t(LABELS[name])}
            name={name}
            type={name === "since" || name === "until" ? "date" : "text"}
            value={values[name] ?? ""}
            onValue={set(name)}
            error={error}
          />
        ),
      )}
      <button type="submit">{t("filter")}</button>
      <button
        type="button"
        onClick={() => {
          setValues({});
          route(path);
        }}
      >
        {t("clearFilters")}
      </button>
    </form>
  );
}
