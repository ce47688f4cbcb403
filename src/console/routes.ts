/** The pages by their paths. A repository's name has slashes, so "/-/" ends it, as in the API's paths. */
import type { ComponentType } from "preact";
import { lazy } from "./components/lazy.tsx";
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

/** Areas of pages, which are loaded when the first page of them is opened. */
const AREAS = {
  account: () => import("./pages/account/area.ts"),
  namespaces: () => import("./pages/namespaces/area.ts"),
  admin: () => import("./pages/admin/area.ts"),
  compare: () => import("./pages/compare/area.ts"),
  scanning: () => import("./pages/scanning/area.ts"),
} as const;

type Areas = { readonly [Name in keyof typeof AREAS]: Awaited<ReturnType<(typeof AREAS)[Name]>> };

/** Makes the page of an area that has this name there. */
function pageIn<Name extends keyof Areas>(area: Name) {
  return (page: keyof Areas[Name]) =>
    lazy<PageProps>(async () => {
      const pages = (await AREAS[area]()) as Areas[Name];
      return pages[page] as ComponentType<PageProps>;
    });
}

const account = pageIn("account");
const namespaces = pageIn("namespaces");
const admin = pageIn("admin");
const compare = pageIn("compare");
const scanning = pageIn("scanning");

/** The pages of a namespace, by what follows its name in their paths. */
const namespace = (end: string) => new RegExp(`^/namespaces/(?<name>[^/]+)${end}$`);

/** The pages of a manifest. */
const manifest = (end: string) =>
  new RegExp(`^/repositories/${NAME}/-/manifests/(?<rest>[^/]+)${end}$`);

const ROUTES: readonly PageRoute[] = [
  { pattern: /^\/$/, page: HomePage },
  { pattern: /^\/login$/, page: LoginPage },
  { pattern: /^\/account$/, page: account("AccountPage") },
  { pattern: /^\/account\/tokens$/, page: account("TokensPage") },
  { pattern: /^\/account\/sessions$/, page: account("SessionsPage") },
  { pattern: /^\/vulnerable-images$/, page: scanning("VulnerableImagesPage") },
  { pattern: /^\/namespaces$/, page: namespaces("NamespacesPage") },
  { pattern: namespace(""), page: namespaces("NamespacePage") },
  { pattern: namespace("/members"), page: namespaces("MembersPage") },
  { pattern: namespace("/robots"), page: namespaces("RobotsPage") },
  { pattern: namespace("/trust-rules"), page: namespaces("TrustRulesPage") },
  { pattern: namespace("/retention"), page: namespaces("NamespaceRetentionPage") },
  { pattern: namespace("/scanning"), page: scanning("NamespaceScanningPage") },
  { pattern: namespace("/quota"), page: namespaces("QuotaPage") },
  { pattern: namespace("/audit"), page: namespaces("NamespaceAuditPage") },
  { pattern: namespace("/settings"), page: namespaces("NamespaceSettingsPage") },
  { pattern: /^\/admin$/, page: admin("HealthPage") },
  { pattern: /^\/admin\/users$/, page: admin("UsersPage") },
  { pattern: /^\/admin\/namespaces$/, page: admin("AdminNamespacesPage") },
  { pattern: /^\/admin\/trash$/, page: admin("TrashPage") },
  { pattern: /^\/admin\/gc$/, page: admin("GcPage") },
  { pattern: /^\/admin\/fsck$/, page: admin("FsckPage") },
  { pattern: /^\/admin\/backups$/, page: admin("BackupsPage") },
  { pattern: /^\/admin\/events$/, page: admin("EventsPage") },
  { pattern: /^\/admin\/audit$/, page: admin("AdminAuditPage") },
  {
    pattern: new RegExp(`^/repositories/${NAME}/-/retention$`),
    page: namespaces("RepositoryRetentionPage"),
  },
  { pattern: new RegExp(`^/repositories/${NAME}/-/tags$`), page: TagsPage },
  { pattern: new RegExp(`^/repositories/${NAME}/-/versions$`), page: VersionsPage },
  { pattern: manifest(""), page: ManifestPage },
  {
    pattern: new RegExp(`^/repositories/${NAME}/-/scanning$`),
    page: scanning("RepositoryScanningPage"),
  },
  { pattern: manifest("/vulnerabilities"), page: scanning("VulnerabilitiesPage") },
  { pattern: manifest("/packages"), page: scanning("PackagesPage") },
  { pattern: new RegExp(`^/repositories/${NAME}/-/compare$`), page: compare("ComparePage") },
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
