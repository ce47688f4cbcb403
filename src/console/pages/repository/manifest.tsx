import { useState } from "preact/hooks";
import type { ManifestDetails } from "../../../api/schema/contents.ts";
import { path, withQuery } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { useLead } from "../../components/lead.ts";
import { Badge, Copy, shortDigest, Size, Time } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { hasRole, useSession } from "../../frame/session.tsx";
import { t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { Children } from "./children.tsx";
import { Config } from "./config.tsx";
import { DeleteDialog } from "./delete-dialog.tsx";
import { planManifests } from "./deletion.ts";
import { manifestPage, RepositoryFrame } from "./frame.tsx";
import { History } from "./history.tsx";
import { Layers } from "./layers.tsx";
import { ManifestTabs } from "./manifest-tabs.tsx";
import { Day, Evidence, kindName, Pairs, Platforms } from "./parts.tsx";
import { PullCommand } from "./pull-command.tsx";
import { Pulls } from "./pulls.tsx";
import { Referrers } from "./referrers.tsx";

/** All that is known of one manifest, by one call. */
export function ManifestPage({ name, rest: digest }: PageProps) {
  const details = useApi<ManifestDetails>(
    path`/repositories/${name}/-/manifests/${digest}/details`,
  );
  return (
    <RepositoryFrame
      name={name}
      view={shortDigest(digest)}
      beside={details.value !== null && <Delete name={name} of={details.value} />}
    >
      <Shown of={details} rows={8}>
        {(found) => <Details name={name} of={found} />}
      </Shown>
    </RepositoryFrame>
  );
}

function Details({ name, of }: { name: string; of: ManifestDetails }) {
  const { kind, digest, tags, annotations, config } = of;
  return (
    <>
      <ManifestTabs name={name} digest={digest} kind={kind} />
      <p class="marks">
        <Badge>{kindName(kind)}</Badge>
        <Evidence of={of} />
        {tags.length === 0 && <Badge>{t("withoutTag")}</Badge>}
        <a href={withQuery(`/repositories/${name}/-/compare`, { from: digest })}>
          {t("compareWith")}
        </a>
      </p>
      <PullCommand name={name} tag={tags[0] ?? null} digest={digest} isChart={kind === "chart"} />
      <Facts name={name} of={of} />
      <Children name={name} of={of} />
      <Layers of={of} />
      {config?.image && <Config of={config.image} />}
      {Object.keys(annotations).length > 0 && (
        <section>
          <h2>{t("annotations")}</h2>
          <Pairs of={annotations} />
        </section>
      )}
      <Referrers name={name} of={of} />
      <Pulls of={of.pulls} />
      <History name={name} of={of.history} />
    </>
  );
}

function Facts({ name, of }: { name: string; of: ManifestDetails }) {
  return (
    <dl class="facts">
      <div>
        <dt>{t("digestTitle")}</dt>
        <dd>
          <code>{of.digest}</code> <Copy text={of.digest} what={t("digest")} />
        </dd>
      </div>
      {of.tags.length > 0 && (
        <div>
          <dt>{t("tags")}</dt>
          <dd>{of.tags.join(", ")}</dd>
        </div>
      )}
      {of.platforms.length > 0 && (
        <div>
          <dt>{t("platforms")}</dt>
          <dd>
            <Platforms of={of.platforms} />
          </dd>
        </div>
      )}
      <div>
        <dt>{t("compressedSize")}</dt>
        <dd>
          <Size of={of.size} />
        </dd>
      </div>
      <div>
        <dt>{t("pushed")}</dt>
        <dd>
          <Time at={of.pushedAt} />
        </dd>
      </div>
      <div>
        <dt>{t("lastPulled")}</dt>
        <dd>
          <Day of={of.lastPulledAt} />
        </dd>
      </div>
      <Origin name={name} of={of} />
    </dl>
  );
}

/** What the manifest says of itself. */
function Origin({ name, of }: { name: string; of: ManifestDetails }) {
  return (
    <>
      {of.subject !== null && (
        <div>
          <dt>{t("belongsTo")}</dt>
          <dd>
            <a href={manifestPage(name, of.subject)}>
              <code>{of.subject}</code>
            </a>
          </dd>
        </div>
      )}
      <div>
        <dt>{t("mediaType")}</dt>
        <dd>
          <code>{of.mediaType}</code>
        </dd>
      </div>
      {of.artifactType !== null && (
        <div>
          <dt>{t("artifactType")}</dt>
          <dd>
            <code>{of.artifactType}</code>
          </dd>
        </div>
      )}
      <div>
        <dt>{t("manifest")}</dt>
        <dd>
          <a href={`/api/v1/repositories/${name}/-/manifests/${of.digest}/raw`}>
            {t("rawManifest")}
          </a>{" "}
          <span class="quiet">
            <Size of={of.manifestSize} />
          </span>
        </dd>
      </div>
    </>
  );
}

function Delete({ name, of }: { name: string; of: ManifestDetails }) {
  const { me } = useSession();
  const lead = useLead();
  const [isOpen, setOpen] = useState(false);
  if (!hasRole(me, "maintainer", name)) return null;
  return (
    <>
      <button type="button" class="danger" onClick={() => setOpen(true)}>
        {t("delete")}
      </button>
      {isOpen && (
        <DeleteDialog
          name={name}
          targets={planManifests([of])}
          onClose={() => setOpen(false)}
          onChange={(isThere) => {
            const pages = [manifestPage(name, of.digest), `/repositories/${name}/-/versions`];
            const [from = "", to = ""] = isThere ? pages.toReversed() : pages;
            lead(from, to);
          }}
        />
      )}
    </>
  );
}
