import { useId, useState } from "preact/hooks";
import type { Namespace } from "../../api/schema/namespaces.ts";
import { PRESETS } from "../../oci/tag-rules.ts";
import { ApiError } from "../api/client.ts";
import { t } from "../i18n/i18n.ts";

export type TagRule = Namespace["immutableTags"][number];

/** Writes a rule on one line, an exception behind "!", which no tag has: "v* !v0 !latest". */
export function ruleText({ tags, except }: TagRule): string {
  return [tags, ...except.map((glob) => `!${glob}`)].join(" ");
}

interface TagRulesFieldProps {
  readonly value: readonly TagRule[];
  readonly onValue: (value: readonly TagRule[]) => void;
  readonly error: Error | null;
}

/** Edits which tags are immutable: patterns, each with exceptions. */
export function TagRulesField({ value, onValue, error }: TagRulesFieldProps) {
  const refusals =
    error instanceof ApiError
      ? [...error.fields].filter(([name]) => name.startsWith("immutableTags"))
      : [];
  const change = (index: number, rule: TagRule) =>
    onValue(value.map((old, i) => (i === index ? rule : old)));
  return (
    <fieldset class="scopes">
      <legend>{t("immutableTags")}</legend>
      <p class="hint">{t("immutableTagsHint")}</p>
      {value.length === 0 && <p>{t("noImmutableTags")}</p>}
      {value.map((rule, index) => (
        <div
          // A rule has no name of its own; rules are only appended to and cut.
          key={index}
          class="side-by-side"
        >
          <TagPatterns
            label={t("tagsMatching")}
            value={rule.tags}
            onValue={(tags) => change(index, { ...rule, tags })}
          />
          <TagPatterns
            label={t("except")}
            value={rule.except.join(" ")}
            onValue={(text) =>
              change(index, { ...rule, except: text.split(/\s+/).filter((one) => one !== "") })
            }
          />
          <button
            type="button"
            onClick={() => onValue(value.filter((_, i) => i !== index))}
            aria-label={t("removePattern", { pattern: rule.tags })}
          >
            {t("remove")}
          </button>
        </div>
      ))}
      {refusals.map(([name, text]) => (
        <p key={name} class="refusal">
          {text}
        </p>
      ))}
      <p class="actions">
        <button type="button" onClick={() => onValue([...value, { tags: "", except: [] }])}>
          {t("addPattern")}
        </button>
        <button type="button" onClick={() => onValue(rulesOf("semver"))}>
          {t("immutableVersions")}
        </button>
        <button type="button" onClick={() => onValue([{ tags: "*", except: ["latest"] }])}>
          {t("immutableAllButLatest")}
        </button>
      </p>
    </fieldset>
  );
}

function rulesOf(preset: string): TagRule[] {
  return (PRESETS[preset] ?? []).map((tags) => ({ tags, except: [] }));
}

function TagPatterns({
  label,
  value,
  onValue,
}: {
  label: string;
  value: string;
  onValue: (value: string) => void;
}) {
  const id = useId();
  // The text as it is typed, with the space after which the next pattern follows.
  const [text, setText] = useState(value);
  const shown = wordsOf(text) === value ? text : value;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        value={shown}
        autocomplete="off"
        onInput={({ currentTarget }) => {
          setText(currentTarget.value);
          onValue(wordsOf(currentTarget.value));
        }}
      />
    </div>
  );
}

function wordsOf(text: string): string {
  return text.trim().split(/\s+/).join(" ");
}
