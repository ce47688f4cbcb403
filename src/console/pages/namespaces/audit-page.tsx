import { ApiNote } from "../../components/api-note.tsx";
import type { PageProps } from "../../routes.ts";
import { AuditLog } from "../audit/log.tsx";
import { NamespaceFrame } from "./frame.tsx";

/** The audit log of a namespace. */
export function NamespaceAuditPage({ name }: PageProps) {
  return (
    <NamespaceFrame name={name} part="/audit">
      <AuditLog namespace={name} />
      <ApiNote
        calls={[`GET /namespaces/${name}/audit`]}
        commands={[`audit --namespace ${name} --since 7d`]}
      />
    </NamespaceFrame>
  );
}
