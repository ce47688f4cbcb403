import { useLocation } from "preact-iso/router";
import type { ManifestDetails, Referrer } from "../../../api/schema/contents.ts";
import { type Page, path, withQuery } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { Digest, Size, Time } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { Pager } from "../../components/table.tsx";
import { t } from "../../i18n/i18n.ts";
import { manifestPage } from "./frame.tsx";
import { kindName, KINDS, Pairs } from "./parts.tsx";

/** What refers to the manifest: the details have the first page, and the address says where a later one begins. */
export function Referrers({ name, of }: { name: string; of: ManifestDetails }) {
  const { after = "" } = useLocation().query;
  if (of.referrers.length === 0) return null;
  const next = of.moreReferrers ? (of.referrers.at(-1)?.digest ?? null) : null;
  return (
    <section>
      <h2>{t("referrers")}</h2>
      <p class="quiet">{t("referrersHint")}</p>
      {after === "" ? (
        <List name={name} of={{ items: of.referrers, next }} />
      ) : (
        <Later name={name} digest={of.digest} after={after} />
      )}
    </section>
  );
}

function Later({ name, digest, after }: { name: string; digest: string; after: string }) {
  const list = path`/repositories/${name}/-/manifests/${digest}/referrers`;
  const found = useApi<Page<Referrer>>(withQuery(list, { after, limit: 100 }));
  return <Shown of={found}>{(page) => <List name={name} of={page} />}</Shown>;
}

/** A page of referrers by their kinds: signatures, SBOMs, attestations, and anything else. */
function List({ name, of: { items, next } }: { name: string; of: Page<Referrer> }) {
  const kinds = KINDS.filter((kind) => items.some((referrer) => referrer.kind === kind));
  return (
    <>
      <ul class="tree">
        {kinds.map((kind) => (
          <li key={kind}>
            <strong>{kindName(kind)}</strong>
            <ul>
              {items
                .filter((referrer) => referrer.kind === kind)
                .map((referrer) => (
                  <Row key={referrer.digest} name={name} of={referrer} />
                ))}
            </ul>
          </li>
        ))}
      </ul>
      <Pager next={next} />
    </>
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
