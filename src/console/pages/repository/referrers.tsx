import type { ManifestDetails, Referrer } from "../../../api/schema/contents.ts";
import { Digest, Size, Time } from "../../components/parts.tsx";
import { t } from "../../i18n/i18n.ts";
import { manifestPage } from "./frame.tsx";
import { kindName, KINDS, Pairs } from "./parts.tsx";

/** What refers to the manifest, by its kind: signatures, SBOMs, attestations, and anything else. */
export function Referrers({ name, of }: { name: string; of: ManifestDetails }) {
  if (of.referrers.length === 0) return null;
  const kinds = KINDS.filter((kind) => of.referrers.some((referrer) => referrer.kind === kind));
  return (
    <section>
      <h2>{t("referrers")}</h2>
      <p class="quiet">{t("referrersHint")}</p>
      <ul class="tree">
        {kinds.map((kind) => {
          const found = of.referrers.filter((referrer) => referrer.kind === kind);
          return (
            <li key={kind}>
              <strong>{kindName(kind)}</strong>
              <ul>
                {found.map((referrer) => (
                  <Row key={referrer.digest} name={name} of={referrer} />
                ))}
              </ul>
            </li>
          );
        })}
      </ul>
      {of.moreReferrers && <p class="quiet">{t("moreReferrers")}</p>}
    </section>
  );
}

function Row({ name, of }: { name: string; of: Referrer }) {
  const { digest, artifactType, mediaType, size, createdAt, annotations } = of;
  const count = Object.keys(annotations).length;
  return (
    <li>
      <span class="marks">
        <Digest value={digest} href={manifestPage(name, digest)} />
        <code>{artifactType ?? mediaType}</code>
        <span class="quiet">
          <Time at={createdAt} />
          {", "}
          <Size of={size} />
        </span>
      </span>
      {count > 0 && (
        <details>
          <summary>{t("annotationCount", { count })}</summary>
          <Pairs of={annotations} />
        </details>
      )}
    </li>
  );
}
