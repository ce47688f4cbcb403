import { t } from "../../i18n/i18n.ts";
import type { Images, Sentence, Which } from "./rules.ts";

interface SentenceProps {
  readonly sentence: Sentence;
  readonly number: number;
  readonly onSentence: (sentence: Sentence) => void;
}

/** A rule as a sentence whose words can be chosen. */
export function SentenceFields({ sentence, number, onSentence }: SentenceProps) {
  const { action, images, tags, which, raw } = sentence;
  if (raw !== null) {
    return (
      <>
        <p>{t("ruleAsIs")}</p>
        <pre tabIndex={0} aria-label={t("ruleNumber", { number })}>
          <code>{JSON.stringify(raw, null, 2)}</code>
        </pre>
      </>
    );
  }
  const set = (change: Partial<Sentence>) => onSentence({ ...sentence, ...change });
  return (
    <p class="sentence">
      <Words
        label={t("ruleAction")}
        value={action}
        options={[
          ["expire", t("ruleDelete")],
          ["keep", t("ruleKeep")],
        ]}
        onValue={(value) => set({ action: value, which: which === "all" ? "newest" : which })}
      />
      <Words<Images>
        label={t("ruleImages")}
        value={images}
        options={[
          ["any", t("imagesAny")],
          ["untagged", t("imagesUntagged")],
          ["tagged", t("imagesTagged")],
        ]}
        onValue={(value) => set({ images: value })}
      />
      {images === "tagged" && (
        <input
          value={tags}
          aria-label={t("tagPatterns")}
          title={t("tagPatternsHint")}
          placeholder="v* *-rc*"
          required
          autocomplete="off"
          onInput={(event) => set({ tags: event.currentTarget.value })}
        />
      )}
      <WhichFields sentence={sentence} set={set} />
    </p>
  );
}

function WhichFields({
  sentence: { action, images, which, number, orderBy },
  set,
}: {
  sentence: Sentence;
  set: (change: Partial<Sentence>) => void;
}) {
  const isKeep = action === "keep";
  const options: readonly (readonly [Which, string])[] = [
    ...(isKeep ? [["all", t("whichAll")] as const] : []),
    ["newest", isKeep ? t("whichNewest") : t("whichBeyondNewest")],
    ["pushed", isKeep ? t("whichPushedWithin") : t("whichPushedBefore")],
    ["pulled", isKeep ? t("whichPulledWithin") : t("whichNotPulled")],
  ];
  return (
    <>
      <Words<Which>
        label={t("ruleWhich")}
        value={which}
        options={options}
        onValue={(value) => set({ which: value, number: number || "10" })}
      />
      {which !== "all" && (
        <input
          type="number"
          min={1}
          value={number}
          aria-label={which === "newest" ? t("imagesNumber") : t("daysNumber")}
          required
          onInput={(event) => set({ number: event.currentTarget.value })}
        />
      )}
      {(which === "pushed" || which === "pulled") && <span>{t("days")}</span>}
      {which === "newest" && images !== "untagged" && (
        <Words
          label={t("ruleOrder")}
          value={orderBy}
          options={[
            ["pushed", t("orderPushed")],
            ["semver", t("orderVersion")],
          ]}
          onValue={(value) => set({ orderBy: value })}
        />
      )}
    </>
  );
}

/** A choice within a sentence: its label is for screen readers. */
function Words<Value extends string>({
  label,
  value,
  options,
  onValue,
}: {
  label: string;
  value: Value;
  options: readonly (readonly [Value, string])[];
  onValue: (value: Value) => void;
}) {
  return (
    <select
      aria-label={label}
      value={value}
      onChange={(event) => onValue(event.currentTarget.value as Value)}
    >
      {options.map(([one, text]) => (
        <option key={one} value={one}>
          {text}
        </option>
      ))}
    </select>
  );
}
