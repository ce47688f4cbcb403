import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { Manifest } from "../../../api/schema/contents.ts";
import { type Page, path as apiPath, withQuery } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { Choice } from "../../components/form.tsx";
import { Badge, Digest, Empty, Size, Time } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { type Column, Pager, Table } from "../../components/table.tsx";
import { hasRole, useSession } from "../../frame/session.tsx";
import { t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { DeleteDialog } from "./delete-dialog.tsx";
import { planManifests } from "./deletion.ts";
import { manifestPage, RepositoryFrame } from "./frame.tsx";
import { Day, kindName, KINDS, Platforms } from "./parts.tsx";
import { selectColumn, SelectionBar, useSelection } from "./selection.tsx";

const PAGE_ROWS = 50;

/** All manifests by digest, the last pushed first: also those that no tag points to. */
export function VersionsPage({ name }: PageProps) {
  const { query } = useLocation();
  const { me } = useSession();
  const { tagged = "", kind = "", order = "desc", after = "" } = query;
  const list = apiPath`/repositories/${name}/-/manifests`;
  const asked = { tagged, kind, sort: "pushed", order };
  const manifests = useApi<Page<Manifest>>(withQuery(list, { ...asked, limit: PAGE_ROWS, after }));
  const selection = useSelection<Manifest>(({ digest }) => digest);
  const [isDeleting, setDeleting] = useState(false);
  const mayDelete = hasRole(me, "maintainer", name);
  return (
    <RepositoryFrame name={name} view={t("versions")}>
      <Filters />
      <Shown of={manifests} rows={8}>
        {({ items, next }) => (
          <>
            {mayDelete && (
              <SelectionBar
                selection={selection}
                shown={items}
                list={list}
                query={asked}
                onDelete={() => setDeleting(true)}
              />
            )}
            {items.length === 0 ? (
              <Empty title={t(next === null ? "noManifests" : "noneOnPage")} />
            ) : (
              <Table
                caption={t("versions")}
                columns={[
                  ...(mayDelete ? [selectColumn<Manifest>(selection, ({ digest }) => digest)] : []),
                  ...columnsOf(name),
                ]}
                rows={items}
                keyOf={({ digest }) => digest}
                sorted={{ by: "pushed", order: "desc" }}
              />
            )}
            <Pager next={next} />
          </>
        )}
      </Shown>
      {isDeleting && (
        <DeleteDialog
          name={name}
          targets={planManifests(selection.rows)}
          onClose={() => setDeleting(false)}
          onChange={() => {
            selection.clear();
            void manifests.reload();
          }}
        />
      )}
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
