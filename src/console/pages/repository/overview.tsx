import type { Tag } from "../../../api/schema/contents.ts";
import type { RepositoryDetail } from "../../../api/schema/repositories.ts";
import { LINK_LABELS } from "../../../oci/link.ts";
import { type Page, path, withQuery } from "../../api/client.ts";
import { type Resource, useApi } from "../../api/use-api.ts";
import { Badge, Empty, Size, Time } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { hasRole, useSession } from "../../frame/session.tsx";
import { number, t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { manifestPage, RepositoryFrame } from "./frame.tsx";
import { MaybeLink } from "./parts.tsx";
import { PullCommand } from "./pull-command.tsx";
import { Readme } from "./readme.tsx";

/** How many of the newest tags stand beside the readme. */
const NEWEST = 5;

/** What a repository is: its readme, how to pull it, and what it has. */
export function OverviewPage({ name }: PageProps) {
  const repository = useApi<RepositoryDetail>(path`/repositories/${name}`);
  const newest = useApi<Page<Tag>>(
    withQuery(path`/repositories/${name}/-/tags`, {
      sort: "updated",
      order: "desc",
      limit: NEWEST,
    }),
  );
  return (
    <RepositoryFrame name={name}>
      <Shown of={repository} rows={6}>
        {(found) => (
          <>
            <Badge>{t(found.visibility === "public" ? "public" : "private")}</Badge>
            {found.description !== "" && <p class="lead">{found.description}</p>}
            <div class="columns">
              <div class="column-main">
                <Pull name={name} newest={newest} />
                <section aria-label={t("readme")}>
                  {found.readme === "" ? <NoReadme name={name} /> : <Readme text={found.readme} />}
                </section>
              </div>
              <aside aria-label={t("about")} class="column-side">
                <About of={found} />
                <Newest name={name} newest={newest} />
              </aside>
            </div>
          </>
        )}
      </Shown>
    </RepositoryFrame>
  );
}

function Pull({ name, newest }: { name: string; newest: Resource<Page<Tag>> }) {
  const items = newest.value?.items ?? [];
  const tag = items.find((one) => one.name === "latest") ?? items[0];
  if (tag === undefined) return null;
  return (
    <PullCommand
      key={tag.kind}
      name={name}
      tag={tag.name}
      digest={tag.digest}
      isChart={tag.kind === "chart"}
    />
  );
}

function About({ of }: { of: RepositoryDetail }) {
  const labels = Object.entries<string>(of.labels).filter(([key]) => !LINK_LABELS.includes(key));
  return (
    <>
      <h2>{t("about")}</h2>
      <dl class="facts">
        {LINK_LABELS.map((key) => [key, of.labels[key] ?? ""] as const)
          .filter(([, link]) => link !== "")
          .map(([key, link]) => (
            <div key={key}>
              <dt>{t(LINK_NAMES[key] ?? "linkUrl")}</dt>
              <dd>
                <MaybeLink text={link} isShort />
              </dd>
            </div>
          ))}
        <div>
          <dt>{t("tags")}</dt>
          <dd>{counted(of.tags)}</dd>
        </div>
        <div>
          <dt>{t("manifests")}</dt>
          <dd>{counted(of.manifests)}</dd>
        </div>
        <div>
          <dt>{t("size")}</dt>
          <dd>
            <Size of={of.size} />
          </dd>
        </div>
        <div>
          <dt>{t("created")}</dt>
          <dd>
            <Time at={of.createdAt} />
          </dd>
        </div>
      </dl>
      {labels.length > 0 && (
        <>
          <h2>{t("labels")}</h2>
          <p class="marks">
            {labels.map(([key, value]) => (
              <Badge key={key}>{value === "" ? key : `${key}: ${value}`}</Badge>
            ))}
          </p>
        </>
      )}
    </>
  );
}

function counted(count: number | null): string {
  return count === null ? t("notCounted") : number(count);
}

const LINK_NAMES: Readonly<Record<string, "linkSource" | "linkUrl" | "linkDocumentation">> = {
  "org.opencontainers.image.source": "linkSource",
  "org.opencontainers.image.url": "linkUrl",
  "org.opencontainers.image.documentation": "linkDocumentation",
};

function Newest({ name, newest }: { name: string; newest: Resource<Page<Tag>> }) {
  return (
    <>
      <h2>{t("newestTags")}</h2>
      <Shown of={newest} rows={2}>
        {({ items, next }) =>
          items.length === 0 ? (
            <p class="quiet">{t("noTags")}</p>
          ) : (
            <ul class="bare">
              {items.map((tag) => (
                <li key={tag.name}>
                  <a href={manifestPage(name, tag.digest)}>{tag.name}</a>{" "}
                  <span class="quiet">
                    <Time at={tag.updatedAt} />
                  </span>
                </li>
              ))}
              {next !== null && (
                <li>
                  <a href={`/repositories/${name}/-/tags`}>{t("allTags")}</a>
                </li>
              )}
            </ul>
          )
        }
      </Shown>
    </>
  );
}

function NoReadme({ name }: { name: string }) {
  const { me } = useSession();
  return (
    <Empty title={t("noReadme")}>
      {hasRole(me, "maintainer", name) && (
        <p>
          <a href={`/repositories/${name}/-/settings`}>{t("writeReadme")}</a>
        </p>
      )}
    </Empty>
  );
}
