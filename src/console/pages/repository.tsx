import type { RepositoryDetail } from "../../api/schema/repositories.ts";
import { path } from "../api/client.ts";
import { useApi } from "../api/use-api.ts";
import { Command } from "../components/parts.tsx";
import { Shown } from "../components/resource.tsx";
import { PageFrame } from "../frame/page.tsx";
import { t } from "../i18n/i18n.ts";
import type { PageProps } from "../routes.ts";

export function RepositoryPage({ name }: PageProps) {
  const repository = useApi<RepositoryDetail>(path`/repositories/${name}`);
  return (
    <PageFrame title={name} above={<a href="/">{t("repositories")}</a>}>
      <Shown of={repository}>
        {({ description }) => (
          <>
            <p>{description}</p>
            <Command text={`docker pull ${location.host}/${name}`} label={t("pullCommand")} />
          </>
        )}
      </Shown>
    </PageFrame>
  );
}
