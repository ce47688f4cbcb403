import { PageFrame } from "../frame/page.tsx";
import { useSession } from "../frame/session.tsx";
import { t } from "../i18n/i18n.ts";

export function AccountPage() {
  const { me } = useSession();
  return <PageFrame title={me?.name ?? t("account")}>{null}</PageFrame>;
}
