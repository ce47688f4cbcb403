import { useState } from "preact/hooks";
import type { RepositoryDetail } from "../../../api/schema/repositories.ts";
import { Field } from "../../components/form.tsx";
import { t } from "../../i18n/i18n.ts";

type Rule = RepositoryDetail["immutableTags"][number];

/** Stands between the tags of a rule and its exceptions; no tag has it. */
const EXCEPT = "!";

/** Writes a rule as a line: "v* !v0 !latest". */
export function ruleText({ tags, except }: Rule): string {
  return [tags, ...except.map((glob) => EXCEPT + glob)].join(" ");
}

function ruleOf(line: string): Rule {
  const [tags = "", ...except] = line.trim().split(/\s+/);
  return {
    tags,
    except: except.map((glob) => (glob.startsWith(EXCEPT) ? glob.slice(EXCEPT.length) : glob)),
  };
}

interface RulesFieldProps {
  readonly value: readonly Rule[];
  readonly onValue: (rules: Rule[]) => void;
  readonly error: Error | null;
}

/** Rules of immutable tags, a line each. */
export function RulesField({ value, onValue, error }: RulesFieldProps) {
  const [text, setText] = useState(value.map(ruleText).join("\n"));
  return (
    <Field
      label={t("immutableTags")}
      name="immutableTags"
      value={text}
      onValue={(written) => {
        setText(written);
        onValue(
          written
            .split("\n")
            .filter((line) => line.trim() !== "")
            .map(ruleOf),
        );
      }}
      error={error}
      hint={t("rulesHint")}
      rows={3}
    />
  );
}
