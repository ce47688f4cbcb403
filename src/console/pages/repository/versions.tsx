import { useLocation } from "preact-iso/router";
import type { Manifest } from "../../../api/schema/contents.ts";
import { path as apiPath, withQuery } from "../../api/client.ts";
import { Choice } from "../../components/form.tsx";
import { Badge, Digest, Empty, Size, Time } from "../../components/parts.tsx";
import type { Column } from "../../components/table.tsx";
import { t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { ContentList } from "./content-list.tsx";
import { DeleteDialog } from "./delete-dialog.tsx";
import { planManifests } from "./deletion.ts";
import { manifestPage, RepositoryFrame } from "./frame.tsx";
import { Day, kindName, KINDS, Platforms } from "./parts.tsx";

/** All manifests by digest, the last pushed first: also those that no tag points to. */
export function VersionsPage({ name }: PageProps) {
  const { tagged = "", kind = "", order = "desc" } = useLocation().query;
  return (
    <RepositoryFrame name={name} view={t("versions")}>
      <Filters />
      <ContentList<Manifest>
        name={name}
        caption={t("versions")}
        list={apiPath`/repositories/${name}/-/manifests`}
        query={{ tagged, kind, sort: "pushed", order }}
        columns={columnsOf(name)}
        keyOf={({ digest }) => digest}
        sorted={{ by: "pushed", order: "desc" }}
        empty={(isEnd) => <Empty title={t(isEnd ? "noManifests" : "noneOnPage")} />}
        dialog={(rows, deletion) => <DeleteDialog {...deletion} targets={planManifests(rows)} />}
      />
    </RepositoryFrame>
  );
}

function Filters() {
  const { path, query, route } = useLocation();
  const set = (field: string) => (value: string) =>
    route(withQuery(path, { ...query, [field]: value, after: null }));
  return (
    <div class="filters">
      <Choice
        label={t("taggedOrNot")}
        value={query["tagged"] ?? ""}
        options={[
          ["", t("all")],
          ["true", t("tagged")],
          ["false", t("withoutTag")],
        ]}
        onValue={set("tagged")}
      />
      <Choice
        label={t("kind")}
        value={query["kind"] ?? ""}
        options={[["", t("all")], ...KINDS.map((kind) => [kind, kindName(kind)] as const)]}
        onValue={set("kind")}
      />
    </div>
  );
}

/** A row shows the first tags of its manifest. */
const MAX_TAGS = 5;

function columnsOf(name: string): Column<Manifest>[] {
  return [
    {
      key: "digest",
      title: t("digestTitle"),
      isHeading: true,
      cell: ({ digest }) => <Digest value={digest} href={manifestPage(name, digest)} />,
    },
    { key: "kind", title: t("kind"), cell: ({ kind }) => <Badge>{kindName(kind)}</Badge> },
    {
      key: "tags",
      title: t("tags"),
      cell: ({ tags }) =>
        tags.length === 0 ? (
          <span class="quiet">{t("withoutTag")}</span>
        ) : (
          <span class="marks">
            {tags.slice(0, MAX_TAGS).join(", ")}
            {tags.length > MAX_TAGS && (
              <span class="quiet">{t("andMore", { count: tags.length - MAX_TAGS })}</span>
            )}
          </span>
        ),
    },
    {
      key: "platforms",
      title: t("platforms"),
      cell: ({ platforms }) => <Platforms of={platforms} />,
    },
    {
      key: "size",
      title: t("compressedSize"),
      isNumber: true,
      cell: ({ size }) => <Size of={size} />,
    },
    {
      key: "pushed",
      title: t("pushed"),
      sort: { by: "pushed", first: "desc" },
      cell: ({ pushedAt }) => <Time at={pushedAt} />,
    },
    {
      key: "lastPulled",
      title: t("lastPulled"),
      cell: ({ lastPulledAt }) => <Day of={lastPulledAt} />,
    },
  ];
}
