import { useLocation } from "preact-iso/router";
import { useEffect, useState } from "preact/hooks";
import type { VulnerableImage } from "../../../scan/schema.ts";
import { type Page, withQuery } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Field } from "../../components/form.tsx";
import { Gate } from "../../components/gate.tsx";
import { List } from "../../components/list.tsx";
import { Digest, Empty, Time } from "../../components/parts.tsx";
import type { Column } from "../../components/table.tsx";
import { PageFrame } from "../../frame/page.tsx";
import { t } from "../../i18n/i18n.ts";
import { manifestPage } from "../repository/frame.tsx";

/** Which images have a vulnerability, `?vulnerability=`, by any of its ids. */
export function VulnerableImagesPage() {
  const { vulnerability = "" } = useLocation().query;
  const title =
    vulnerability === "" ? t("whichImages") : t("whichImagesHave", { what: vulnerability });
  return (
    <PageFrame title={title} above={<a href="/">{t("repositories")}</a>}>
      <Gate need="user">
        <Search asked={vulnerability} />
        {vulnerability !== "" && <Images vulnerability={vulnerability} />}
        <ApiNote calls={["GET /vulnerable-images?vulnerability=CVE-2024-3094"]} />
      </Gate>
    </PageFrame>
  );
}

function Search({ asked }: { asked: string }) {
  const { path, route } = useLocation();
  const [text, setText] = useState(asked);
  useEffect(() => setText(asked), [asked]);
  return (
    <form
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        route(withQuery(path, { vulnerability: text.trim() }));
      }}
    >
      <Field
        label={t("vulnerability")}
        name="vulnerability"
        type="search"
        value={text}
        onValue={setText}
        hint={t("vulnerabilityHint")}
        isRequired
      />
      <button type="submit" class="primary">
        {t("searchImages")}
      </button>
    </form>
  );
}

function Images({ vulnerability }: { vulnerability: string }) {
  const { after = "" } = useLocation().query;
  const images = useApi<Page<VulnerableImage>>(
    withQuery("/vulnerable-images", { vulnerability, limit: 50, after }),
  );
  const isEnd = images.value?.next === null;
  return (
    <List
      of={images}
      empty={<Empty title={t(isEnd ? "noVulnerableImages" : "noneOnPage")} />}
      caption={t("whichImages")}
      columns={columnsOf()}
      keyOf={({ repository, digest }) => `${repository} ${digest}`}
    />
  );
}

function columnsOf(): Column<VulnerableImage>[] {
  return [
    {
      key: "repository",
      title: t("repository"),
      isHeading: true,
      cell: ({ repository }) => <a href={`/repositories/${repository}`}>{repository}</a>,
    },
    {
      key: "tags",
      title: t("tags"),
      cell: ({ tags }) =>
        tags.length === 0 ? <span class="quiet">{t("withoutTag")}</span> : tags.join(", "),
    },
    {
      key: "digest",
      title: t("image"),
      cell: ({ repository, digest }) => (
        <Digest value={digest} href={`${manifestPage(repository, digest)}/vulnerabilities`} />
      ),
    },
    { key: "matched", title: t("lastScan"), cell: ({ matchedAt }) => <Time at={matchedAt} /> },
  ];
}
