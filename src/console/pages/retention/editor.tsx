import { useState } from "preact/hooks";
import { t } from "../../i18n/i18n.ts";
import { newSentence, type Policy, policyOf, type Sentence, sentencesOf } from "./rules.ts";
import { SentenceFields } from "./sentence.tsx";

interface EditorProps {
  readonly sentences: readonly Sentence[];
  readonly onSentences: (sentences: readonly Sentence[]) => void;
}

/** Edits a policy: a list of sentences, the first of which counts first, or the JSON of them. */
export function PolicyEditor({ sentences, onSentences }: EditorProps) {
  const move = (index: number, by: number) => {
    const moved = sentences.filter((_, i) => i !== index);
    const one = sentences[index];
    if (one !== undefined) onSentences(moved.toSpliced(index + by, 0, one));
  };
  return (
    <>
      <ol class="sentences">
        {sentences.map((sentence, index) => (
          <li key={sentence.id}>
            <SentenceFields
              sentence={sentence}
              number={index + 1}
              onSentence={(changed) => onSentences(sentences.with(index, changed))}
            />
            <p class="actions">
              <button
                type="button"
                disabled={index === 0}
                aria-label={t("moveRuleUp", { number: index + 1 })}
                onClick={() => move(index, -1)}
              >
                ↑
              </button>
              <button
                type="button"
                disabled={index === sentences.length - 1}
                aria-label={t("moveRuleDown", { number: index + 1 })}
                onClick={() => move(index, 1)}
              >
                ↓
              </button>
              <button
                type="button"
                aria-label={t("removeRule", { number: index + 1 })}
                onClick={() => onSentences(sentences.filter((_, i) => i !== index))}
              >
                {t("remove")}
              </button>
            </p>
          </li>
        ))}
      </ol>
      <p>
        <button type="button" onClick={() => onSentences([...sentences, newSentence()])}>
          {t("addRule")}
        </button>
      </p>
      <PolicyText
        policy={policyOf(sentences)}
        onPolicy={(policy) => onSentences(sentencesOf(policy))}
      />
    </>
  );
}

/** The policy as JSON, as the command line and Amazon ECR have it. */
function PolicyText({ policy, onPolicy }: { policy: Policy; onPolicy: (policy: Policy) => void }) {
  const [text, setText] = useState<string | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const take = () => {
    try {
      onPolicy(JSON.parse(text ?? "{}") as Policy);
      setText(null);
      setFault(null);
    } catch (error) {
      // JSON that is none, or no policy at all.
      setFault((error as Error).message);
    }
  };
  return (
    <details>
      <summary>{t("policyAsJson")}</summary>
      <p class="hint">{t("policyAsJsonHint")}</p>
      <textarea
        rows={12}
        aria-label={t("policyAsJson")}
        value={text ?? JSON.stringify(policy, null, 2)}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {fault !== null && (
        <p class="refusal" role="alert">
          {fault}
        </p>
      )}
      <button type="button" disabled={text === null} onClick={take}>
        {t("takeJson")}
      </button>
    </details>
  );
}
