import { useId, useState } from "preact/hooks";
import type { TrustRule } from "../../../api/schema/namespaces.ts";
import { Badge } from "../../components/parts.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { t } from "../../i18n/i18n.ts";
import { type Check, checksOf, claimsOf, EVENT } from "./try-out.ts";

type Tried = Pick<TrustRule, "issuer" | "audience" | "claims" | "scopes">;

/** Compares a token or its claims with a rule. The token stays in this page. */
export function TryOut({ rule }: { rule: Tried }) {
  const id = useId();
  const [text, setText] = useState("");
  const result = text.trim() === "" ? null : tried(rule, text);
  return (
    <section aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{t("tryOut")}</h2>
      <div class="field">
        <label for={id}>{t("tokenOrClaims")}</label>
        <textarea
          id={id}
          rows={5}
          value={text}
          spellcheck={false}
          autocomplete="off"
          aria-describedby={`${id}-hint`}
          placeholder='{"iss": "…", "aud": "…", "sub": "…"}'
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <p class="hint" id={`${id}-hint`}>
          {t("tryOutHint")}
        </p>
      </div>
      <div role="status">
        {typeof result === "string" && <p class="refusal">{t("noToken", { why: result })}</p>}
        {Array.isArray(result) && <Verdict checks={result} />}
      </div>
      {Array.isArray(result) && (
        <Table
          caption={t("conditions")}
          columns={columns()}
          rows={result}
          keyOf={({ name }) => name}
        />
      )}
    </section>
  );
}

/** @returns each check, or what is wrong with the text */
function tried(rule: Tried, text: string): Check[] | string {
  try {
    return checksOf(rule, claimsOf(text), Date.now());
  } catch (error) {
    if (error instanceof SyntaxError) return error.message;
    throw error;
  }
}

function Verdict({ checks }: { checks: readonly Check[] }) {
  const failed = checks.filter(({ holds }) => !holds);
  if (failed.length === 0) return <p class="verdict good">{t("tokenMatches")}</p>;
  const names = failed.map(({ name }) => (name === EVENT ? t("event") : name)).join(", ");
  return <p class="verdict bad">{t("tokenFails", { names })}</p>;
}

function columns(): readonly Column<Check>[] {
  return [
    {
      key: "claim",
      title: t("claim"),
      isHeading: true,
      cell: ({ name }) => (name === EVENT ? t("event") : <code>{name}</code>),
    },
    { key: "wanted", title: t("ruleWants"), cell: wantedOf },
    {
      key: "found",
      title: t("tokenHas"),
      cell: ({ found }) => (found.length === 0 ? t("nothing") : <code>{found.join(", ")}</code>),
    },
    {
      key: "holds",
      title: t("result"),
      cell: ({ holds }) =>
        holds ? <Badge kind="good">{t("holds")}</Badge> : <Badge kind="bad">{t("fails")}</Badge>,
    },
  ];
}

function wantedOf({ name, wanted }: Check) {
  if (name === "exp") return t("notExpired");
  if (name === EVENT) return t("eventNamed");
  return <code>{wanted.join(` ${t("or")} `)}</code>;
}
