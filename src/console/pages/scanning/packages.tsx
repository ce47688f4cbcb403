import { useLocation } from "preact-iso/router";
import type { ManifestDetails } from "../../../api/schema/contents.ts";
import type { Package } from "../../../scan/schema.ts";
import { ApiError, type Page, path as apiPath, withQuery } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Badge, Digest, Empty } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { type Column, Pager, Table } from "../../components/table.tsx";
import { t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { Filter } from "../repository/filter.tsx";
import { ImageFrame } from "./frame.tsx";

const PAGE_ROWS = 100;

/** What the API answers of the packages of an image. */
interface Listed extends Page<Package> {
  readonly distribution: { readonly name: string } | null;
  readonly problems: readonly string[];
  readonly unscannable: string | null;
  readonly total: number;
}

/** The packages of an image of one platform, and its SBOM to download. */
export function PackagesPage({ name, rest: digest }: PageProps) {
  const to = `/repositories/${name}/-/manifests/${digest}`;
  return (
    <ImageFrame name={name} digest={digest} part="packages">
      {(details) => (
        <>
          {details.kind === "image" ? (
            <Packages name={name} of={details} />
          ) : (
            <Empty title={t("packagesOfIndex")} />
          )}
          <ApiNote calls={[`GET ${to}/packages`, `GET ${to}/sbom?format=spdx`]} />
        </>
      )}
    </ImageFrame>
  );
}

function Packages({ name, of }: { name: string; of: ManifestDetails }) {
  const { filter = "", after = "" } = useLocation().query;
  const to = apiPath`/repositories/${name}/-/manifests/${of.digest}`;
  const list = useApi<Listed>(withQuery(`${to}/packages`, { filter, limit: PAGE_ROWS, after }));
  if (list.error instanceof ApiError && list.error.code === "NOT_FOUND") {
    return <Empty title={t("notScannedYet")} />;
  }
  return (
    <Shown of={list} rows={8}>
      {(listed) => (
        <>
          <Head of={listed} />
          <Sboms to={to} file={`${name.replaceAll("/", "-")}-${of.digest.slice(7, 19)}`} />
          <div class="filters">
            <Filter label={t("filterPackages")} />
          </div>
          {listed.items.length === 0 ? (
            <Empty title={t(filter === "" ? "noPackages" : "noSuchPackages")} />
          ) : (
            <Table
              caption={t("packages")}
              columns={columnsOf()}
              rows={listed.items.map((pkg, at) => ({ ...pkg, at }))}
              keyOf={({ at, purl }) => `${at} ${purl}`}
            />
          )}
          <Pager next={listed.next} />
        </>
      )}
    </Shown>
  );
}

function Head({ of: { distribution, problems, unscannable, total } }: { of: Listed }) {
  return (
    <>
      <p>
        {t("packageCount", { count: total })}
        {distribution !== null && `, ${distribution.name}`}
      </p>
      {unscannable !== null && (
        <p>
          <Badge kind="warn">{t("unscannable")}</Badge> {unscannable}
        </p>
      )}
      {problems.length > 0 && (
        <details>
          <summary>{t("problemCount", { count: problems.length })}</summary>
          <ul>
            {problems.map((problem, at) => (
              <li key={`${at} ${problem}`}>{problem}</li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

/** @param to the image's path below /api/v1 */
function Sboms({ to, file }: { to: string; file: string }) {
  return (
    <p class="actions">
      <a class="button" href={`/api/v1${to}/sbom?format=cyclonedx`} download={`${file}.cdx.json`}>
        {t("downloadSbom", { format: "CycloneDX" })}
      </a>
      <a class="button" href={`/api/v1${to}/sbom?format=spdx`} download={`${file}.spdx.json`}>
        {t("downloadSbom", { format: "SPDX" })}
      </a>
    </p>
  );
}

function columnsOf(): Column<Package>[] {
  return [
    { key: "name", title: t("package"), isHeading: true, cell: ({ name }) => name },
    { key: "version", title: t("packageVersion"), cell: ({ version }) => <code>{version}</code> },
    { key: "type", title: t("kind"), cell: ({ type }) => <Badge>{type}</Badge> },
    { key: "path", title: t("packagePath"), cell: ({ path }) => <code>{path}</code> },
    {
      key: "layer",
      title: t("layer"),
      cell: ({ layer }) => (layer === null ? null : <Digest value={layer} />),
    },
  ];
}
