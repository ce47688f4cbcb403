import { PageFrame } from "../frame/page.tsx";
import { t } from "../i18n/i18n.ts";

export function NotFoundPage() {
  return (
    <PageFrame title={t("notFound")}>
      <p>{t("notFoundHint")}</p>
      <p>
        <a href="/">{t("toRepositories")}</a>
      </p>
    </PageFrame>
  );
}
