import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { ManifestDetails } from "../../../api/schema/contents.ts";
import type { Counts, Finding, ImageScan } from "../../../scan/schema.ts";
import { call, type Page, path as apiPath, withQuery } from "../../api/client.ts";
import { useAction, useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Check } from "../../components/check.tsx";
import { Choice } from "../../components/form.tsx";
import { Empty, Failure } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { CountBadges, severityName, WORST_FIRST } from "../../components/severity.tsx";
import { Pager, Table } from "../../components/table.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { hasRole, useSession } from "../../frame/session.tsx";
import { t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { AcceptDialog } from "./accept.tsx";
import { columnsOf } from "./finding-columns.tsx";
import { ImageFrame } from "./frame.tsx";
import { ScanStates } from "./scan-states.tsx";

const PAGE_ROWS = 50;

/** What the API answers of the vulnerabilities of an image or an index. */
interface Scanned extends Page<Finding> {
  readonly images: readonly ImageScan[];
  readonly counts: Counts | null;
}

/** The known vulnerabilities of an image, or of all images of an index. The server filters. */
export function VulnerabilitiesPage({ name, rest: digest }: PageProps) {
  const to = `/repositories/${name}/-/manifests/${digest}`;
  return (
    <ImageFrame name={name} digest={digest} part="vulnerabilities">
      {(details) => (
        <>
          <Vulnerabilities name={name} of={details} />
          <ApiNote
            calls={[`GET ${to}/vulnerabilities?severity=high&fixable=true`, `POST ${to}/scan`]}
          />
        </>
      )}
    </ImageFrame>
  );
}

function Vulnerabilities({ name, of }: { name: string; of: ManifestDetails }) {
  const { severity = "", fixable = "", after = "" } = useLocation().query;
  const to = apiPath`/repositories/${name}/-/manifests/${of.digest}`;
  const query = { severity, fixable, limit: PAGE_ROWS, after };
  const scanned = useApi<Scanned>(withQuery(`${to}/vulnerabilities`, query));
  return (
    <Shown of={scanned} rows={8}>
      {({ items, next, images, counts }) => (
        <>
          {counts !== null && (
            <p>
              <CountBadges of={counts} isWhole={isWhole(images)} />
            </p>
          )}
          <ScanStates of={images} isIndex={of.kind === "index"} />
          <ScanNow name={name} to={to} reload={scanned.reload} />
          {counts !== null && (
            <>
              <Filters />
              <Findings
                name={name}
                details={of}
                items={items}
                none={t(isWhole(images) ? "noVulnerabilities" : "noneInWhatIsKnown")}
                reload={scanned.reload}
              />
              <Pager next={next} />
            </>
          )}
        </>
      )}
    </Shown>
  );
}

/** Whether all packages of all images are known. */
function isWhole(images: readonly ImageScan[]): boolean {
  return images.every(({ unscannable }) => unscannable === null);
}

interface FindingsProps {
  readonly name: string;
  readonly details: ManifestDetails;
  readonly items: readonly Finding[];
  /** What is said where an image has none. */
  readonly none: string;
  readonly reload: () => Promise<void>;
}

function Findings({ name, details, items, none, reload }: FindingsProps) {
  const { me } = useSession();
  const { severity = "", fixable = "" } = useLocation().query;
  const [accepted, setAccepted] = useState<Finding | null>(null);
  if (items.length === 0) {
    const isFiltered = severity !== "" || fixable !== "";
    return <Empty title={isFiltered ? t("noSuchVulnerabilities") : none} />;
  }
  const owns = hasRole(me, "owner", name);
  return (
    <>
      <Table
        caption={t("vulnerabilities")}
        columns={columnsOf(details, owns ? setAccepted : null)}
        rows={items.map((finding, at) => ({ ...finding, at }))}
        keyOf={({ at, id }) => `${at} ${id}`}
      />
      {accepted !== null && (
        <AcceptDialog
          name={name}
          finding={accepted}
          onClose={() => setAccepted(null)}
          onDone={reload}
        />
      )}
    </>
  );
}

function Filters() {
  const { path, query, route } = useLocation();
  const set = (field: string, value: string) =>
    route(withQuery(path, { ...query, [field]: value, after: null }));
  return (
    <div class="filters above-space">
      <Choice
        label={t("severity")}
        value={query["severity"] ?? ""}
        options={[
          ["", t("all")],
          ...WORST_FIRST.map((one, at) => {
            const name = severityName(one);
            return [one, at === 0 ? name : t("severityFrom", { severity: name })] as const;
          }),
        ]}
        onValue={(value) => set("severity", value)}
      />
      <Check
        label={t("fixableOnly")}
        value={query["fixable"] === "true"}
        onValue={(value) => set("fixable", value ? "true" : "")}
      />
    </div>
  );
}

interface ScanNowProps {
  readonly name: string;
  /** The image's path below /api/v1. */
  readonly to: string;
  readonly reload: () => Promise<void>;
}

function ScanNow({ name, to, reload }: ScanNowProps) {
  const { me } = useSession();
  const announce = useAnnounce();
  const action = useAction(async () => {
    await call(`${to}/scan`, { method: "POST", body: {} });
    announce({ text: t("scanAsked") });
    await reload();
  });
  if (!hasRole(me, "writer", name)) return null;
  return (
    <>
      {action.error !== null && <Failure error={action.error} />}
      <p class="above-space">
        <button type="button" disabled={action.isBusy} onClick={() => void action.run()}>
          {t("scanNow")}
        </button>
      </p>
    </>
  );
}
