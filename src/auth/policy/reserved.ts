import { VIAS } from "./access.ts";
import { WORKLOAD } from "../oidc/workload.ts";

/** Names of the registry's own work in the audit log and in the table of jobs, and names that look like these. */
const OWN_WORK = [
  "bounds",
  "events",
  "export",
  "fsck",
  "gc",
  "import",
  "prune",
  "pulls",
  "registry",
  "retention",
  "scan",
  "scheduled",
  "system",
] as const;

/**
 * Names that no user may have: it could be mistaken for a part of the registry. The built-in administrator is a user,
 * so its name is taken anyway.
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
