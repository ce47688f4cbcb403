/** The pages of administrators, which are loaded together. */
export * from "../../shared.ts";
export { AdminAuditPage, AdminNamespacesPage, TrashPage } from "./lists.tsx";
export { BackupsPage } from "./backups.tsx";
export { EventsPage } from "./events.tsx";
export { FsckPage } from "./fsck.tsx";
export { GcPage } from "./gc.tsx";
export { HealthPage } from "./health.tsx";
export { UsersPage } from "./users.tsx";
