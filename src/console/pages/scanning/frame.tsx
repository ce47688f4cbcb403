import type { ComponentChildren } from "preact";
import type { ManifestDetails } from "../../../api/schema/contents.ts";
import { path } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { shortDigest } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { t } from "../../i18n/i18n.ts";
import { RepositoryFrame } from "../repository/frame.tsx";
import { ManifestTabs } from "../repository/manifest-tabs.tsx";

interface ImageFrameProps {
  readonly name: string;
  readonly digest: string;
  readonly part: "vulnerabilities" | "packages";
  readonly children: (details: ManifestDetails) => ComponentChildren;
}

/** What the pages of an image have in common; they are shown when it is known what it is. */
export function ImageFrame({ name, digest, part, children }: ImageFrameProps) {
  const details = useApi<ManifestDetails>(
    path`/repositories/${name}/-/manifests/${digest}/details`,
  );
  return (
    <RepositoryFrame name={name} view={`${shortDigest(digest)} · ${t(part)}`}>
      <Shown of={details} rows={8}>
        {(found) => (
          <>
            <ManifestTabs name={name} digest={digest} kind={found.kind} />
            {found.tags.length > 0 && (
              <p class="quiet">
                {t("tags")}: {found.tags.join(", ")}
              </p>
            )}
            {children(found)}
          </>
        )}
      </Shown>
    </RepositoryFrame>
  );
}
