import type { ComponentChildren } from "preact";
import { Gate, type Need } from "../../components/gate.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { PageFrame } from "../../frame/page.tsx";
import { type MessageKey, t } from "../../i18n/i18n.ts";

/** The pages of a namespace: the ends of their paths and their names. */
const PARTS = {
  "": "repositories",
  "/members": "members",
  "/robots": "robots",
  "/trust-rules": "trustRules",
  "/retention": "retention",
  "/scanning": "scanning",
  "/quota": "quota",
  "/audit": "audit",
  "/settings": "settings",
} as const satisfies Readonly<Record<string, MessageKey>>;

interface NamespaceFrameProps {
  readonly name: string;
  readonly part: keyof typeof PARTS;
  /** Owners see most pages; the repositories are for all. */
  readonly need?: Need;
  readonly children: ComponentChildren;
}

/** What the pages of a namespace have in common. */
export function NamespaceFrame({ name, part, need, children }: NamespaceFrameProps) {
  return (
    <PageFrame
      title={t("partOf", { part: t(PARTS[part]), name })}
      above={<a href="/namespaces">{t("namespaces")}</a>}
    >
      <Tabs
        label={name}
        items={Object.entries(PARTS).map(([end, text]) => [`/namespaces/${name}${end}`, t(text)])}
      />
      <Gate need={need ?? { role: "owner", on: `${name}/*` }}>{children}</Gate>
    </PageFrame>
  );
}
