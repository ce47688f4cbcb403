import { Tabs } from "../../components/tabs.tsx";
import { t } from "../../i18n/i18n.ts";
import { manifestPage } from "./frame.tsx";
import type { Kind } from "./parts.tsx";

interface ManifestTabsProps {
  readonly name: string;
  readonly digest: string;
  readonly kind: Kind;
}

/** The pages of an image or an index; other artifacts have one page, and only an image has packages of its own. */
export function ManifestTabs({ name, digest, kind }: ManifestTabsProps) {
  if (kind !== "image" && kind !== "index") return null;
  const to = manifestPage(name, digest);
  return (
    <Tabs
      label={t("imagePages")}
      items={[
        [to, t("imageDetails")],
        [`${to}/vulnerabilities`, t("vulnerabilities")],
        ...(kind === "image" ? ([[`${to}/packages`, t("packages")]] as const) : []),
      ]}
    />
  );
}
