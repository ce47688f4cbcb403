import { useLocation } from "preact-iso/router";
import type { ManifestDetails } from "../../../api/schema/contents.ts";
import { withQuery } from "../../api/client.ts";
import { Badge, Digest, Size } from "../../components/parts.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { t } from "../../i18n/i18n.ts";
import {
  bytesOf,
  layersOf,
  type Mark,
  type MarkedLayer,
  type Setting,
  settingsOf,
} from "./difference.ts";

interface DifferencesProps {
  readonly from: ManifestDetails;
  readonly to: ManifestDetails;
}

export function Differences({ from, to }: DifferencesProps) {
  const layers = layersOf(from, to);
  const images = [from.config?.image ?? null, to.config?.image ?? null] as const;
  const settings = settingsOf(...images);
  return (
    <>
      <dl class="facts">
        <Fact name={t("compareFrom")} size={from.size} />
        <Fact name={t("compareTo")} size={to.size} />
        {layers.length > 0 && (
          <>
            <Fact name={t("layersSame")} size={bytesOf(layers, "same")} />
            <Fact name={t("layersAdded")} size={bytesOf(layers, "added")} />
            <Fact name={t("layersRemoved")} size={bytesOf(layers, "removed")} />
          </>
        )}
      </dl>
      <Platforms from={from} to={to} />
      {layers.length > 0 && (
        <section>
          <h2>{t("layers")}</h2>
          <Table
            caption={t("layers")}
            columns={layerColumns()}
            rows={layers.map((layer, at) => ({ ...layer, at }))}
            keyOf={({ at }) => String(at)}
          />
          {(from.moreLayers || to.moreLayers) && <p class="quiet">{t("moreInManifest")}</p>}
        </section>
      )}
      <Settings of={settings} isThere={images.some((image) => image !== null)} />
    </>
  );
}

function Settings({ of, isThere }: { of: readonly Setting[]; isThere: boolean }) {
  if (!isThere) return null;
  return (
    <section>
      <h2>{t("config")}</h2>
      {of.length === 0 ? (
        <p>{t("configSame")}</p>
      ) : (
        <Table
          caption={t("config")}
          columns={settingColumns()}
          rows={of}
          keyOf={({ name }) => name}
        />
      )}
    </section>
  );
}

function Fact({ name, size }: { name: string; size: number | null }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <Size of={size} />
      </dd>
    </div>
  );
}

/** An index has no layers of its own: the images of a platform that both have are compared. */
function Platforms({ from, to }: DifferencesProps) {
  const { path } = useLocation();
  const pairs = from.children.flatMap(({ platform, digest }) => {
    const other = to.children.find((child) => child.platform === platform);
    return platform === null || other === undefined
      ? []
      : [{ platform, from: digest, to: other.digest }];
  });
  if (pairs.length === 0) return null;
  return (
    <section>
      <h2>{t("platformsOfIndex")}</h2>
      <ul>
        {pairs.map(({ platform, ...pair }) => (
          <li key={platform}>
            <a href={withQuery(path, pair)}>{platform}</a>{" "}
            {pair.from === pair.to && <span class="quiet">{t("markSame")}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** @param isBad whether it is bad that it is there, as a vulnerability is */
export function MarkBadge({ mark, isBad = false }: { mark: Mark; isBad?: boolean }) {
  if (mark === "same") return <Badge>{t("markSame")}</Badge>;
  const isGood = (mark === "added") !== isBad;
  return (
    <Badge kind={isGood ? "good" : "bad"}>
      {t(mark === "added" ? "markAdded" : "markRemoved")}
    </Badge>
  );
}

function layerColumns(): Column<MarkedLayer>[] {
  return [
    { key: "mark", title: t("difference"), cell: ({ mark }) => <MarkBadge mark={mark} /> },
    {
      key: "what",
      title: t("command"),
      isHeading: true,
      cell: ({ layer }) => <code>{layer.command ?? layer.mediaType ?? ""}</code>,
    },
    {
      key: "size",
      title: t("compressedSize"),
      isNumber: true,
      cell: ({ layer }) => <Size of={layer.size} />,
    },
    {
      key: "digest",
      title: t("digestTitle"),
      cell: ({ layer: { digest } }) => (digest === null ? null : <Digest value={digest} />),
    },
  ];
}

function settingColumns(): Column<Setting>[] {
  return [
    {
      key: "name",
      title: t("settingName"),
      isHeading: true,
      cell: ({ name }) => <code>{name}</code>,
    },
    { key: "from", title: t("compareFrom"), cell: ({ from }) => valueOf(from) },
    { key: "to", title: t("compareTo"), cell: ({ to }) => valueOf(to) },
  ];
}

function valueOf(value: string | null) {
  return value === null ? <span class="quiet">{t("notSet")}</span> : <code>{value}</code>;
}
