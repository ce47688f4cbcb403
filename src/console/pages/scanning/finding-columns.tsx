import type { ManifestDetails } from "../../../api/schema/contents.ts";
import { isWebLink } from "../../../oci/link.ts";
import type { Finding } from "../../../scan/schema.ts";
import { withQuery } from "../../api/client.ts";
import { Badge, Digest, Time } from "../../components/parts.tsx";
import { SeverityBadge } from "../../components/severity.tsx";
import type { Column } from "../../components/table.tsx";
import { useSession } from "../../frame/session.tsx";
import { day, type MessageKey, t } from "../../i18n/i18n.ts";
import { shortCommand } from "../repository/layers.tsx";

/**
 * The columns of a list of findings.
 * @param image the image that has them, or the index
 * @param accept asks why a finding is accepted; null for those who may not
 */
export function columnsOf(
  image: ManifestDetails,
  accept: ((finding: Finding) => void) | null,
): Column<Finding>[] {
  return [
    {
      key: "severity",
      title: t("severity"),
      cell: ({ severity, severitySource }) => (
        <SeverityBadge
          of={severity}
          {...(severitySource === null
            ? {}
            : { title: t("severitySaidBy", { name: severitySource }) })}
        />
      ),
    },
    {
      key: "id",
      title: t("vulnerability"),
      isHeading: true,
      cell: (finding) => <Vulnerability of={finding} />,
    },
    { key: "package", title: t("package"), cell: (finding) => <PackageCell of={finding} /> },
    {
      key: "fixed",
      title: t("fixedVersion"),
      cell: ({ fixedVersion }) =>
        fixedVersion === null ? (
          <span class="quiet">{t("noFix")}</span>
        ) : (
          <code>{fixedVersion}</code>
        ),
    },
    whereColumn(image),
    {
      key: "status",
      title: t("findingStatus"),
      cell: (finding) => <Status of={finding} accept={accept} />,
    },
  ];
}

/** An image's finding is in a layer; an index's in images of some platforms. */
function whereColumn({ kind, layers, children }: ManifestDetails): Column<Finding> {
  if (kind === "index") {
    const platforms = new Map(children.map((child) => [child.digest, child.platform]));
    return {
      key: "images",
      title: t("platforms"),
      cell: ({ images }) => (
        <span class="marks">
          {images.map((digest) => (
            <code key={digest}>{platforms.get(digest) ?? t("noPlatform")}</code>
          ))}
        </span>
      ),
    };
  }
  const commands = new Map(layers.map(({ digest, command }) => [digest, command]));
  return {
    key: "layer",
    title: t("layer"),
    cell: ({ package: { layer } }) => {
      if (layer === null) return <span class="quiet">{t("layerUnknown")}</span>;
      const command = commands.get(layer) ?? null;
      return (
        <div class="step">
          <Digest value={layer} />
          {command !== null && (
            <code class="clamped" title={command}>
              {shortCommand(command)}
            </code>
          )}
        </div>
      );
    },
  };
}

function Vulnerability({ of }: { of: Finding }) {
  const { me } = useSession();
  const { id, aliases, url, summary, scanners, firstSeenAt } = of;
  return (
    <div class="step">
      <span>
        {isWebLink(url) ? (
          <a href={url} rel="nofollow noopener noreferrer">
            {id}
          </a>
        ) : (
          id
        )}
      </span>
      {summary !== "" && <span>{summary}</span>}
      {aliases.length > 0 && <span class="quiet">{aliases.join(", ")}</span>}
      <span class="quiet">
        {t("foundBy", { names: scanners.join(", ") })} <Time at={firstSeenAt} />
      </span>
      {me && (
        <a href={withQuery("/vulnerable-images", { vulnerability: id })}>
          {t("imagesWithIt")}
          <span class="hidden"> ({id})</span>
        </a>
      )}
    </div>
  );
}

function PackageCell({ of: { package: pkg } }: { of: Finding }) {
  return (
    <div class="step">
      <span>
        <strong>{pkg.name}</strong> <code>{pkg.version}</code>
      </span>
      <span class="quiet">
        {pkg.type}
        {pkg.path !== "" && `: ${pkg.path}`}
      </span>
    </div>
  );
}

const STATUSES: Readonly<Record<Finding["status"], MessageKey>> = {
  open: "statusOpen",
  accepted: "statusAccepted",
  not_affected: "statusNotAffected",
  fixed: "statusFixed",
};

function Status({ of, accept }: { of: Finding; accept: ((finding: Finding) => void) | null }) {
  const { status, reason, author, until } = of;
  if (status === "open") {
    return accept === null ? (
      <>{t("statusOpen")}</>
    ) : (
      <button
        type="button"
        aria-label={t("acceptOne", { what: `${of.id}, ${of.package.name}` })}
        onClick={() => accept(of)}
      >
        {t("accept")}
      </button>
    );
  }
  return (
    <div class="step">
      <span>
        <Badge>{t(STATUSES[status])}</Badge>
      </span>
      {reason !== "" && <span>{reason}</span>}
      <span class="quiet">
        {author !== "" && t("decidedBy", { name: author })}{" "}
        {until !== null && t("untilWhen", { day: day(until) })}
      </span>
    </div>
  );
}
