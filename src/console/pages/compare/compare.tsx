import { useLocation } from "preact-iso/router";
import type { ManifestDetails, Tag } from "../../../api/schema/contents.ts";
import { type Page, path as apiPath, withQuery } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { Choice } from "../../components/form.tsx";
import { Empty, shortDigest } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { RepositoryFrame } from "../repository/frame.tsx";
import { Differences } from "./differences.tsx";
import { FindingDifferences } from "./findings.tsx";

/** Tags that the choices offer, the last pushed first. */
const MAX_TAGS = 100;

/** What differs between two images of a repository, `?from=` and `?to=`, which are digests. */
export function ComparePage({ name }: PageProps) {
  const { from = "", to = "" } = useLocation().query;
  const list = apiPath`/repositories/${name}/-/tags`;
  const query = { sort: "updated", order: "desc", attachments: "hide", limit: MAX_TAGS };
  const tags = useApi<Page<Tag>>(withQuery(list, query));
  return (
    <RepositoryFrame name={name} view={t("compare")}>
      <Shown of={tags} rows={1}>
        {({ items }) => (
          <div class="filters">
            <ImageChoice field="from" label={t("compareFrom")} digest={from} tags={items} />
            <ImageChoice field="to" label={t("compareTo")} digest={to} tags={items} />
          </div>
        )}
      </Shown>
      {from === "" || to === "" ? (
        <Empty title={t("compareChoose")} />
      ) : (
        <Compared name={name} from={from} to={to} />
      )}
    </RepositoryFrame>
  );
}

interface ImageChoiceProps {
  readonly field: "from" | "to";
  readonly label: string;
  readonly digest: string;
  readonly tags: readonly Tag[];
}

/** Chooses an image by one of its tags; the digest is in the address, so that a link keeps its meaning. */
function ImageChoice({ field, label, digest, tags }: ImageChoiceProps) {
  const { path, query, route } = useLocation();
  const names = new Map<string, string[]>([["", [t("choose")]]]);
  for (const tag of tags) names.set(tag.digest, [...(names.get(tag.digest) ?? []), tag.name]);
  if (!names.has(digest)) names.set(digest, [shortDigest(digest)]);
  return (
    <Choice
      label={label}
      value={digest}
      options={[...names].map(([value, all]) => [value, all.join(", ")])}
      onValue={(value) => route(withQuery(path, { ...query, [field]: value }))}
    />
  );
}

function Compared({ name, from, to }: { name: string; from: string; to: string }) {
  const before = useApi<ManifestDetails>(
    apiPath`/repositories/${name}/-/manifests/${from}/details`,
  );
  const after = useApi<ManifestDetails>(apiPath`/repositories/${name}/-/manifests/${to}/details`);
  return (
    <Shown of={before} rows={6}>
      {(one) => (
        <Shown of={after} rows={6}>
          {(other) => (
            <>
              <Differences from={one} to={other} />
              {[one, other].every(({ kind }) => kind === "image" || kind === "index") && (
                <FindingDifferences name={name} from={from} to={to} />
              )}
            </>
          )}
        </Shown>
      )}
    </Shown>
  );
}
