/** Parts that several of a repository's pages use. */
import type { Manifest, Tag } from "../../../api/schema/contents.ts";
import { isWebLink } from "../../../oci/link.ts";
import { Badge, Time } from "../../components/parts.tsx";
import { day, type MessageKey, t } from "../../i18n/i18n.ts";

export type Kind = Manifest["kind"];

const KIND_NAMES: Readonly<Record<Kind, MessageKey>> = {
  image: "kindImage",
  index: "kindIndex",
  chart: "kindChart",
  signature: "kindSignature",
  sbom: "kindSbom",
  attestation: "kindAttestation",
  model: "kindModel",
  cache: "kindCache",
  other: "kindOther",
};
export const KINDS = Object.keys(KIND_NAMES) as Kind[];

export function kindName(kind: Kind): string {
  return t(KIND_NAMES[kind]);
}

/** A day in UTC; null for never. */
export function Day({ of }: { of: string | null }) {
  if (of === null) return <span class="quiet">{t("never")}</span>;
  return <time dateTime={of}>{day(of)}</time>;
}

/** A time that a pusher wrote: it may be no time at all. */
export function ClaimedTime({ at }: { at: string | null }) {
  if (at === null) return null;
  return Number.isNaN(Date.parse(at)) ? <span>{at}</span> : <Time at={at} />;
}

/** Platforms, the first of them in sight. */
export function Platforms({ of }: { of: readonly string[] }) {
  const rest = of.slice(MAX_PLATFORMS);
  return (
    <span class="marks">
      {of.slice(0, MAX_PLATFORMS).map((platform) => (
        <code key={platform}>{platform}</code>
      ))}
      {rest.length > 0 && (
        <span class="quiet" title={rest.join(", ")}>
          {t("andMore", { count: rest.length })}
        </span>
      )}
    </span>
  );
}

const MAX_PLATFORMS = 4;

/** What is attached to an image. The registry does not verify it, which the badge says on hover. */
export function Evidence({
  of,
}: {
  of: Pick<Tag, "signed" | "sbom" | "provenance"> & { readonly immutable?: boolean };
}) {
  return (
    <>
      {of.signed && (
        <Badge kind="good" title={t("signedHint")}>
          {t("signed")}
        </Badge>
      )}
      {of.sbom && <Badge title={t("sbomHint")}>{t("sbom")}</Badge>}
      {of.provenance && <Badge title={t("provenanceHint")}>{t("provenance")}</Badge>}
      {of.immutable === true && <Badge title={t("immutableHint")}>{t("immutable")}</Badge>}
    </>
  );
}

/** A link to another site, if the text is one; else the text. @param isShort whether "https://" is left out */
export function MaybeLink({ text, isShort = false }: { text: string; isShort?: boolean }) {
  if (!isWebLink(text)) return <>{text}</>;
  return (
    <a href={text} rel="nofollow noopener ugc">
      {isShort ? text.replace(/^https:\/\/|\/$/g, "") : text}
    </a>
  );
}

/** Names and values that a pusher wrote, such as labels. */
export function Pairs({ of }: { of: Readonly<Record<string, string>> }) {
  return (
    <dl class="facts wide">
      {Object.entries(of).map(([key, value]) => (
        <div key={key}>
          <dt>
            <code>{key}</code>
          </dt>
          <dd>
            <MaybeLink text={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
