import { ApiNote } from "../../components/api-note.tsx";
import { t } from "../../i18n/i18n.ts";
import { AuditLog } from "../audit/log.tsx";
import { NamespaceList } from "../namespaces/list.tsx";
import { DeletedRepositories } from "../trash/deleted-repositories.tsx";
import { AdminFrame } from "./frame.tsx";

/** The audit log of the whole registry. */
export function AdminAuditPage() {
  return (
    <AdminFrame part="/audit">
      <AuditLog namespace={null} />
      <ApiNote calls={["GET /audit"]} commands={["audit --since 7d", "audit --outcome denied"]} />
    </AdminFrame>
  );
}

export function AdminNamespacesPage() {
  return (
    <AdminFrame part="/namespaces">
      <NamespaceList />
      <ApiNote
        calls={["GET /namespaces", "POST /namespaces"]}
        commands={["namespace list", "namespace create acme --owner alice"]}
      />
    </AdminFrame>
  );
}

/** Deleted repositories of all namespaces. */
export function TrashPage() {
  return (
    <AdminFrame part="/trash">
      <p>{t("trashIntro")}</p>
      <DeletedRepositories namespace={null} />
      <ApiNote
        calls={["GET /deleted-repositories", "POST /repositories/{name}/-/restore"]}
        commands={["trash list", "trash restore acme/app"]}
      />
    </AdminFrame>
  );
}
