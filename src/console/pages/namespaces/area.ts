/** The pages of namespaces, and the retention of a repository, which are loaded together. */
export * from "../../shared.ts";
export { NamespaceRetentionPage, RepositoryRetentionPage } from "../retention/pages.tsx";
export { NamespaceAuditPage } from "./audit-page.tsx";
export { NamespacesPage } from "./list.tsx";
export { MembersPage } from "./members.tsx";
export { QuotaPage } from "./quota.tsx";
export { NamespacePage } from "./repositories.tsx";
export { RobotsPage } from "./robots.tsx";
export { NamespaceSettingsPage } from "./settings.tsx";
export { TrustRulesPage } from "../trust/trust-rules.tsx";
