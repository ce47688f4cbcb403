import { VIAS } from "./access.ts";
import { WORKLOAD } from "../oidc/workload.ts";

/** What the registry's own work is called in the audit log and in the table of jobs, and what people may take for it. */
const OWN_WORK = [
  "collection",
  "export",
  "fsck",
  "gc",
  "import",
  "registry",
  "retention",
  "scheduled",
  "system",
] as const;

/**
 * Names that stand for no person: a user of such a name could be taken for it. The built-in administrator is a user, so its
 * name is taken.
 */
const RESERVED: ReadonlySet<string> = new Set([
  WORKLOAD,
  ...VIAS,
  ...OWN_WORK,
  "everyone",
  "nobody",
]);

export function isReserved(name: string): boolean {
  return RESERVED.has(name);
}
