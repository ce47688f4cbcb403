import type { Layer, ManifestDetails } from "../../../api/schema/contents.ts";
import { Badge, Digest, Size } from "../../components/parts.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { t } from "../../i18n/i18n.ts";
import { ClaimedTime, Pairs } from "./parts.tsx";

/** The API counts no further. */
const MAX_SHARING = 20;

interface Step extends Layer {
  readonly position: number;
}

/** The steps that made an image, with their layers; of other artifacts their files. */
export function Layers({ of }: { of: ManifestDetails }) {
  if (of.layers.length === 0) return null;
  const isImage = of.layers.some(({ command }) => command !== null);
  const title = isImage || of.kind === "image" ? t("layers") : t("contents");
  const size = of.layers.reduce((sum, layer) => sum + (layer.size ?? 0), 0);
  const steps = of.layers.map((layer, index) => ({ ...layer, position: index + 1 }));
  return (
    <section>
      <h2>{title}</h2>
      <p class="quiet">
        {t("layerCount", { count: of.layers.filter(({ digest }) => digest !== null).length })}
        {", "}
        <Size of={size} />
      </p>
      <Table
        caption={title}
        columns={columnsOf(isImage)}
        rows={steps}
        keyOf={({ position }) => String(position)}
      />
      {of.moreLayers && <p class="quiet">{t("moreInManifest")}</p>}
    </section>
  );
}

function columnsOf(isImage: boolean): Column<Step>[] {
  return [
    { key: "position", title: t("step"), isNumber: true, cell: ({ position }) => position },
    {
      key: "what",
      title: isImage ? t("command") : t("mediaType"),
      isHeading: true,
      cell: (step) => <What of={step} isImage={isImage} />,
    },
    {
      key: "size",
      title: t("compressedSize"),
      isNumber: true,
      cell: ({ digest, size }) =>
        digest === null ? <span class="quiet">{t("noLayer")}</span> : <Size of={size} />,
    },
    {
      key: "digest",
      title: t("digestTitle"),
      cell: ({ digest }) => (digest === null ? null : <Digest value={digest} />),
    },
  ];
}

function What({ of, isImage }: { of: Step; isImage: boolean }) {
  const { command, mediaType, comment, createdAt, annotations, sharedBy } = of;
  return (
    <div class="step">
      <code>{isImage && command !== null ? shortCommand(command) : (mediaType ?? "")}</code>
      {sharedBy !== null && sharedBy > 0 && (
        <Badge>
          {t(sharedBy < MAX_SHARING ? "sharedBy" : "sharedByMany", { count: sharedBy })}
        </Badge>
      )}
      {(comment !== null || createdAt !== null) && (
        <span class="quiet">
          <ClaimedTime at={createdAt} /> {comment}
        </span>
      )}
      {Object.keys(annotations).length > 0 && <Pairs of={annotations} />}
    </div>
  );
}

/** Leaves out what docker's older builder puts before each instruction. */
export function shortCommand(command: string): string {
  return command.replace(/^\/bin\/sh -c #\(nop\)\s+/, "").replace(/^\/bin\/sh -c /, "RUN ");
}
