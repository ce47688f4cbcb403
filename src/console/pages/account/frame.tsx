import type { ComponentChildren } from "preact";
import { Gate } from "../../components/gate.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { PageFrame } from "../../frame/page.tsx";
import { t } from "../../i18n/i18n.ts";

/** What the pages of the account have in common. */
export function AccountFrame({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <PageFrame title={title} above={t("account")}>
      <Gate need="user">
        <Tabs
          label={t("account")}
          items={[
            ["/account", t("profile")],
            ["/account/tokens", t("tokens")],
            ["/account/sessions", t("sessions")],
          ]}
        />
        {children}
      </Gate>
    </PageFrame>
  );
}
