import type { ComponentChildren } from "preact";
import { Gate } from "../../components/gate.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { PageFrame } from "../../frame/page.tsx";
import { type MessageKey, t } from "../../i18n/i18n.ts";

/** The pages of administrators: the ends of their paths and their names. */
const PARTS = {
  "": "health",
  "/users": "users",
  "/namespaces": "namespaces",
  "/trash": "trash",
  "/gc": "gc",
  "/fsck": "fsck",
  "/backups": "backups",
  "/events": "deadEvents",
  "/audit": "audit",
} as const satisfies Readonly<Record<string, MessageKey>>;

interface AdminFrameProps {
  readonly part: keyof typeof PARTS;
  readonly children: ComponentChildren;
}

/** What the pages of administrators have in common. */
export function AdminFrame({ part, children }: AdminFrameProps) {
  return (
    <PageFrame title={t(PARTS[part])} above={t("administration")}>
      <Gate need="administrator">
        <Tabs
          label={t("administration")}
          items={Object.entries(PARTS).map(([end, text]) => [`/admin${end}`, t(text)])}
        />
        {children}
      </Gate>
    </PageFrame>
  );
}
