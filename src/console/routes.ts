/** The pages by their paths. A repository's name has slashes, so "/-/" ends it, as in the API's paths. */
import type { ComponentType } from "preact";
import { AccountPage } from "./pages/account.tsx";
import { HomePage } from "./pages/home.tsx";
import { LoginPage } from "./pages/login.tsx";
import { NotFoundPage } from "./pages/not-found.tsx";
import { ManifestPage } from "./pages/repository/manifest.tsx";
import { OverviewPage } from "./pages/repository/overview.tsx";
import { SettingsPage } from "./pages/repository/settings.tsx";
import { TagsPage } from "./pages/repository/tags.tsx";
import { TrashPage } from "./pages/repository/trash.tsx";
import { VersionsPage } from "./pages/repository/versions.tsx";

/** What a page gets from its path, decoded; "" for what the path has not. */
export interface PageProps {
  readonly name: string;
  /** The part after the name, such as the digest of a manifest. */
  readonly rest: string;
}

interface PageRoute {
  readonly pattern: RegExp;
  readonly page: ComponentType<PageProps>;
}

const NAME = "(?<name>[^?#]+?)";

const ROUTES: readonly PageRoute[] = [
  { pattern: /^\/$/, page: HomePage },
  { pattern: /^\/login$/, page: LoginPage },
  { pattern: /^\/account$/, page: AccountPage },
  { pattern: new RegExp(`^/repositories/${NAME}/-/tags$`), page: TagsPage },
  { pattern: new RegExp(`^/repositories/${NAME}/-/versions$`), page: VersionsPage },
  { pattern: new RegExp(`^/repositories/${NAME}/-/manifests/(?<rest>[^/]+)$`), page: ManifestPage },
  { pattern: new RegExp(`^/repositories/${NAME}/-/trash$`), page: TrashPage },
  { pattern: new RegExp(`^/repositories/${NAME}/-/settings$`), page: SettingsPage },
  // After those below a repository: what has "/-/" is no name.
  { pattern: new RegExp(`^/repositories/(?<name>(?:(?!/-(?:/|$))[^?#])+)$`), page: OverviewPage },
];

/** Finds the page of a path; the first pattern that fits counts. */
export function pageOf(path: string): { page: ComponentType<PageProps>; props: PageProps } {
  const plain = path.length > 1 ? path.replace(/\/+$/, "") : path;
  for (const { pattern, page } of ROUTES) {
    const match = pattern.exec(plain);
    if (match === null) continue;
    const { name = "", rest = "" } = match.groups ?? {};
    return { page, props: { name: decode(name), rest: decode(rest) } };
  }
  return { page: NotFoundPage, props: { name: "", rest: "" } };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
