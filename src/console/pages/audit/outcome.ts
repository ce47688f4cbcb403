import type { AuditEvent } from "../../../events/schema.ts";
import { t } from "../../i18n/i18n.ts";

export function outcomeName(outcome: AuditEvent["outcome"]): string {
  const names = {
    done: t("outcomeDone"),
    denied: t("outcomeDenied"),
    failed: t("outcomeFailed"),
  };
  return names[outcome];
}
