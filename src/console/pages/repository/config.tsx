import type { ComponentChildren } from "preact";
import type { ImageConfig } from "../../../api/schema/contents.ts";
import { type MessageKey, t } from "../../i18n/i18n.ts";
import { ClaimedTime, Pairs } from "./parts.tsx";

/** How an image runs, as its config says it. */
export function Config({ of }: { of: ImageConfig }) {
  const platform = [of.os, of.architecture, of.variant].filter((part) => part !== null).join("/");
  const facts: readonly (readonly [MessageKey, ComponentChildren])[] = [
    ["platform", platform || null],
    ["created", of.createdAt === null ? null : <ClaimedTime at={of.createdAt} />],
    ["author", of.author],
    ["entrypoint", words(of.entrypoint)],
    ["cmd", words(of.cmd)],
    ["workingDir", code(of.workingDir)],
    ["user", code(of.user)],
    ["ports", words(of.ports)],
    ["volumes", words(of.volumes)],
    ["stopSignal", code(of.stopSignal)],
  ];
  return (
    <section>
      <h2>{t("config")}</h2>
      <dl class="facts">
        {facts
          .filter(([, value]) => value !== null)
          .map(([key, value]) => (
            <div key={key}>
              <dt>{t(key)}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      {of.env.length > 0 && (
        <>
          <h3>{t("env")}</h3>
          <ul class="bare">
            {of.env.map((variable) => (
              <li key={variable}>
                <code>{variable}</code>
              </li>
            ))}
          </ul>
        </>
      )}
      {Object.keys(of.labels).length > 0 && (
        <>
          <h3>{t("labels")}</h3>
          <Pairs of={of.labels} />
        </>
      )}
    </section>
  );
}

function code(text: string | null): ComponentChildren {
  return text === null || text === "" ? null : <code>{text}</code>;
}

/** Quotes the words that have blanks or none, so that their ends are seen. */
function words(list: readonly string[]): ComponentChildren {
  return list.length === 0
    ? null
    : code(list.map((word) => (/^[^\s"']+$/.test(word) ? word : JSON.stringify(word))).join(" "));
}
