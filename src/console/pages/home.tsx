import { useLocation } from "preact-iso/router";
import type { FoundRepository } from "../../api/schema/repositories.ts";
import { type Page, withQuery } from "../api/client.ts";
import { useApi } from "../api/use-api.ts";
import { moveAmongFound } from "../components/arrows.ts";
import { Choice } from "../components/form.tsx";
import { Badge, Empty, Time } from "../components/parts.tsx";
import { Shown } from "../components/resource.tsx";
import { Pager } from "../components/table.tsx";
import { PageFrame } from "../frame/page.tsx";
import { useSession } from "../frame/session.tsx";
import { t } from "../i18n/i18n.ts";

/** All repositories that the caller may see, or those that fit the words of the search. */
export function HomePage() {
  const { path, query, route } = useLocation();
  const { me } = useSession();
  const { q = "", visibility = "", sort = "", after = "" } = query;
  const asked = withQuery("/search", { q, visibility, sort, after, limit: 50 });
  const found = useApi<Page<FoundRepository>>(me === undefined ? null : asked);
  const set = (field: string) => (value: string) =>
    route(withQuery(path, { ...query, [field]: value, after: null }));
  return (
    <PageFrame title={q === "" ? t("repositories") : t("searchFor", { words: q })}>
      <div class="filters">
        {me && (
          <Choice
            label={t("visibility")}
            value={visibility}
            options={[
              ["", t("all")],
              ["public", t("public")],
              ["private", t("private")],
            ]}
            onValue={set("visibility")}
          />
        )}
        <Choice
          label={t("sortBy")}
          // Without words nothing is relevant: the registry sorts by the last push then.
          value={sort === "" && q === "" ? "updated" : sort}
          options={[
            ...(q === "" ? [] : ([["", t("sortRelevance")]] as const)),
            ["updated", t("sortUpdated")],
            ["name", t("sortName")],
          ]}
          onValue={set("sort")}
        />
        {me && <a href="/vulnerable-images">{t("whichImages")}</a>}
      </div>
      <Shown of={found} rows={8}>
        {({ items, next }) =>
          items.length === 0 ? (
            <NothingFound words={q} />
          ) : (
            <>
              <ul class="repositories" onKeyDown={moveAmongFound}>
                {items.map((repository) => (
                  <Row key={repository.name} repository={repository} />
                ))}
              </ul>
              <Pager next={next} />
            </>
          )
        }
      </Shown>
    </PageFrame>
  );
}

function Row({ repository }: { repository: FoundRepository }) {
  const { name, description, visibility, labels, updatedAt } = repository;
  return (
    <li>
      <div class="row-head">
        <a class="row-name" href={`/repositories/${name}`}>
          {name}
        </a>
        {visibility === "private" && <Badge>{t("private")}</Badge>}
      </div>
      {description !== "" && <p>{description}</p>}
      <p class="quiet">
        {updatedAt !== null && (
          <span>
            {t("lastPush")} <Time at={updatedAt} />
          </span>
        )}
        {Object.entries<string>(labels)
          .slice(0, MAX_LABELS)
          .map(([key, value]) => (
            <Badge key={key}>{value === "" ? key : `${key}: ${value}`}</Badge>
          ))}
      </p>
    </li>
  );
}

/** A list shows the first labels; the repository's page shows all. */
const MAX_LABELS = 4;

function NothingFound({ words }: { words: string }) {
  const { me } = useSession();
  if (words !== "") {
    return (
      <Empty title={t("nothingFound", { words })}>
        <p>{t("nothingFoundHint")}</p>
      </Empty>
    );
  }
  return (
    <Empty title={t("noRepositories")}>
      {me ? (
        <>
          <p>{t("noRepositoriesHint")}</p>
          <pre tabIndex={0} aria-label={t("pushCommands")}>
            <code>{`docker login ${location.host} -u ${me.name}\ndocker tag hello-world ${location.host}/demo/hello-world\ndocker push ${location.host}/demo/hello-world`}</code>
          </pre>
        </>
      ) : (
        <p>
          <a href="/login">{t("signIn")}</a> {t("toSeeMore")}
        </p>
      )}
    </Empty>
  );
}
