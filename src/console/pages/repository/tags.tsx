import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { Tag } from "../../../api/schema/contents.ts";
import { path as apiPath, withQuery } from "../../api/client.ts";
import { Choice } from "../../components/form.tsx";
import { Badge, Digest, Empty, Size, Time } from "../../components/parts.tsx";
import { CountBadges } from "../../components/severity.tsx";
import type { Column } from "../../components/table.tsx";
import { number, t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { ContentList, type Deletion } from "./content-list.tsx";
import { DeleteDialog } from "./delete-dialog.tsx";
import { planTags } from "./deletion.ts";
import { Filter } from "./filter.tsx";
import { manifestPage, RepositoryFrame } from "./frame.tsx";
import { Day, Evidence, kindName, Platforms } from "./parts.tsx";

const FIRST = { by: "updated", order: "desc" } as const;

/** The tags, the last pushed first unless the reader sorts them otherwise; the server sorts. */
export function TagsPage({ name }: PageProps) {
  const { sort = FIRST.by, order = FIRST.order, filter = "" } = useLocation().query;
  return (
    <RepositoryFrame name={name} view={t("tags")}>
      <div class="filters">
        <Filter label={t("filterTags")} />
        <SortChoice />
      </div>
      <ContentList<Tag>
        name={name}
        caption={t("tags")}
        list={apiPath`/repositories/${name}/-/tags`}
        query={{ sort, order, filter, attachments: "hide" }}
        columns={columnsOf(name)}
        keyOf={(tag) => tag.name}
        sorted={FIRST}
        empty={(isEnd) => <NoTags filter={filter} isEnd={isEnd} />}
        dialog={(tags, deletion) => <DeleteTags tags={tags} {...deletion} />}
      />
    </RepositoryFrame>
  );
}

function columnsOf(name: string): Column<Tag>[] {
  return [
    {
      key: "name",
      title: t("tag"),
      isHeading: true,
      sort: { by: "version", first: "desc" },
      cell: (tag) => <TagName name={name} tag={tag} />,
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
      sort: { by: "size", first: "desc" },
      cell: ({ size }) => <Size of={size} />,
    },
    {
      key: "vulnerabilities",
      title: t("vulnerabilities"),
      cell: (tag) => <TagVulnerabilities name={name} tag={tag} />,
    },
    {
      key: "updated",
      title: t("pushed"),
      sort: { by: "updated", first: "desc" },
      cell: ({ updatedAt }) => <Time at={updatedAt} />,
    },
    {
      key: "lastPulled",
      title: t("lastPulled"),
      cell: ({ lastPulledAt }) => <Day of={lastPulledAt} />,
    },
    {
      key: "pulls",
      title: t("pulls"),
      isNumber: true,
      sort: { by: "pulls", first: "desc" },
      cell: ({ pulls }) => number(pulls),
    },
  ];
}

function TagName({ name, tag }: { name: string; tag: Tag }) {
  const { kind, digest, aliases } = tag;
  return (
    <div class="tag-name">
      <span class="marks">
        <a href={manifestPage(name, digest)}>{tag.name}</a>
        {kind !== "image" && kind !== "index" && <Badge>{kindName(kind)}</Badge>}
        <Evidence of={tag} />
      </span>
      {aliases.length > 0 && <span class="quiet">{t("sameAs", { tags: aliases.join(", ") })}</span>}
      <Digest value={digest} />
    </div>
  );
}

/** The worst two severities, which lead to all that is known; what is no image has none. */
function TagVulnerabilities({ name, tag }: { name: string; tag: Tag }) {
  if (tag.vulnerabilities === null) return null;
  const { state, counts } = tag.vulnerabilities;
  return (
    <a class="marks" href={`${manifestPage(name, tag.digest)}/vulnerabilities`}>
      {state === "unscannable" && <Badge kind="warn">{t("unscannable")}</Badge>}
      {state === "waiting" && counts === null && <Badge>{t("notScanned")}</Badge>}
      {counts !== null && <CountBadges of={counts} most={2} isWhole={state !== "unscannable"} />}
    </a>
  );
}

/** The sorting for narrow screens, where the table has no head. */
function SortChoice() {
  const { path, query, route } = useLocation();
  const { sort = FIRST.by, order = FIRST.order } = query;
  return (
    <div class="narrow-only">
      <Choice
        label={t("sortBy")}
        value={`${sort} ${order}`}
        options={[
          ["updated desc", t("sortUpdated")],
          ["updated asc", t("sortOldest")],
          ["version desc", t("sortVersion")],
          ["version asc", t("sortVersionUp")],
          ["size desc", t("sortSize")],
          ["size asc", t("sortSizeUp")],
          ["pulls desc", t("sortPulls")],
          ["pulls asc", t("sortPullsUp")],
        ]}
        onValue={(value) => {
          const [by, to] = value.split(" ");
          route(withQuery(path, { ...query, sort: by, order: to, after: null }));
        }}
      />
    </div>
  );
}

function NoTags({ filter, isEnd }: { filter: string; isEnd: boolean }) {
  if (!isEnd) return <Empty title={t("noneOnPage")} />;
  return filter === "" ? (
    <Empty title={t("noTags")}>
      <p>{t("noTagsHint")}</p>
    </Empty>
  ) : (
    <Empty title={t("noneMatch", { words: filter })} />
  );
}

function DeleteTags({ tags, ...deletion }: Deletion & { readonly tags: readonly Tag[] }) {
  const [withImages, setWithImages] = useState(false);
  return (
    <DeleteDialog
      {...deletion}
      targets={planTags(tags, withImages)}
      immutable={tags.filter(({ immutable }) => immutable).length}
    >
      <p>
        <label>
          <input
            type="checkbox"
            checked={withImages}
            onChange={(event) => setWithImages(event.currentTarget.checked)}
          />{" "}
          {t("deleteImagesToo")}
        </label>
      </p>
    </DeleteDialog>
  );
}
