import type { Child, ManifestDetails } from "../../../api/schema/contents.ts";
import { Badge, Digest, Size } from "../../components/parts.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { t } from "../../i18n/i18n.ts";
import { manifestPage } from "./frame.tsx";
import { kindName } from "./parts.tsx";

/** What an index names: an image for each platform, with what the builder attached to it. */
export function Children({ name, of }: { name: string; of: ManifestDetails }) {
  if (of.children.length === 0 && !of.moreChildren) return null;
  return (
    <section>
      <h2>{t("platformsOfIndex")}</h2>
      <Table
        caption={t("platformsOfIndex")}
        columns={columnsOf(name)}
        rows={of.children}
        keyOf={({ digest, platform }) => `${digest} ${platform ?? ""}`}
      />
      {of.moreChildren && <p class="quiet">{t("moreInManifest")}</p>}
    </section>
  );
}

function columnsOf(name: string): Column<Child>[] {
  return [
    {
      key: "platform",
      title: t("platform"),
      isHeading: true,
      cell: ({ platform, digest, kind }) => {
        const text = platform ?? t("noPlatform");
        return kind === null ? text : <a href={manifestPage(name, digest)}>{text}</a>;
      },
    },
    {
      key: "kind",
      title: t("kind"),
      cell: ({ kind }) =>
        kind === null ? (
          <Badge kind="warn" title={t("notHereHint")}>
            {t("notHere")}
          </Badge>
        ) : (
          <Badge>{kindName(kind)}</Badge>
        ),
    },
    {
      key: "size",
      title: t("compressedSize"),
      isNumber: true,
      cell: ({ size }) => <Size of={size} />,
    },
    {
      key: "attestations",
      title: t("attached"),
      cell: ({ attestations }) => (
        <span class="marks">
          {attestations.map(({ digest, sbom, provenance }) => (
            <a key={digest} class="badge" href={manifestPage(name, digest)}>
              {attestationName(sbom, provenance)}
            </a>
          ))}
        </span>
      ),
    },
    { key: "digest", title: t("digestTitle"), cell: ({ digest }) => <Digest value={digest} /> },
  ];
}

function attestationName(sbom: boolean, provenance: boolean): string {
  const parts = [...(sbom ? [t("sbom")] : []), ...(provenance ? [t("provenance")] : [])];
  return parts.length === 0 ? t("kindAttestation") : parts.join(", ");
}
