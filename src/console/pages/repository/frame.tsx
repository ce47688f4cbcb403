import type { ComponentChildren } from "preact";
import { Tabs } from "../../components/tabs.tsx";
import { PageFrame } from "../../frame/page.tsx";
import { hasRole, useSession } from "../../frame/session.tsx";
import { t } from "../../i18n/i18n.ts";

interface RepositoryFrameProps {
  readonly name: string;
  /** What of the repository the page shows, beside its name; none for the repository itself. */
  readonly view?: string;
  readonly beside?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** The frame of a repository's pages: where the page is, and the links to the others. */
export function RepositoryFrame({ name, view, beside, children }: RepositoryFrameProps) {
  const { me } = useSession();
  const to = `/repositories/${name}`;
  const owns = hasRole(me, "owner", name);
  const maintains = hasRole(me, "maintainer", name);
  const namespace = name.includes("/") ? name.slice(0, name.indexOf("/")) : null;
  return (
    <PageFrame
      title={view === undefined ? name : `${name} · ${view}`}
      above={
        <>
          <a href="/">{t("repositories")}</a>
          {me && namespace !== null && (
            <>
              {" / "}
              <a href={`/namespaces/${namespace}`}>{namespace}</a>
            </>
          )}
        </>
      }
      beside={beside}
    >
      <Tabs
        label={t("repositoryPages")}
        items={[
          [to, t("overview")],
          [`${to}/-/tags`, t("tags")],
          [`${to}/-/versions`, t("versions")],
          ...(owns ? ([[`${to}/-/scanning`, t("scanning")]] as const) : []),
          ...(maintains
            ? ([
                [`${to}/-/trash`, t("trash")],
                [`${to}/-/retention`, t("retention")],
                [`${to}/-/settings`, t("settings")],
              ] as const)
            : []),
        ]}
      />
      {children}
    </PageFrame>
  );
}

/** The path of a manifest's page. */
export function manifestPage(name: string, digest: string): string {
  return `/repositories/${name}/-/manifests/${digest}`;
}
