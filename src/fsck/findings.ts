import type { Digest } from "../oci/digest.ts";
import type { ManifestReference, ReferenceKind } from "../oci/manifest.ts";
import { type Kind, KINDS, type Outcome } from "./kinds.ts";
import type { TrashedRow, LinkRow, ReferenceRow, TagRow, UsageRow, CountRow } from "./row.ts";
import type { Named } from "./manifest-store.ts";

export interface Finding {
  readonly kind: Kind;
  /** The repository's name; null for a finding outside any. */
  readonly repository: string | null;
  /** The digest, tag, namespace or key that is wrong. */
  readonly subject: string;
  readonly outcome: Outcome;
  /** The fault, and what to do about it. */
  readonly message: string;
  /** Images that cannot be pulled because of it: `repository:tag` or `repository@digest`, only the first few. */
  readonly affected: readonly string[];
}

export interface Fault {
  readonly kind: Kind;
  readonly repository?: string;
  readonly subject: string;
  /** Details, such as the digests concerned. */
  readonly detail?: string;
  readonly affected?: readonly string[];
}

export function finding(fault: Fault, outcome: Outcome = "found"): Finding {
  const { kind, repository = null, subject, detail, affected = [] } = fault;
  const [meaning, advice] = KINDS[kind];
  const todo = advice === "" ? "--repair puts it right" : advice;
  const message = [
    detail === undefined ? meaning : `${meaning} (${detail})`,
    outcome === "repaired" ? [] : todo,
  ].flat();
  return { kind, repository, subject, outcome, message: message.join("; "), affected };
}

/** The difference between the references in the manifest's bytes and its rows. */
export interface Difference {
  /** References without a row, or with a row of a kind that they cannot have. */
  readonly wrong: readonly Named[];
  /** Rows of digests that the bytes do not name. */
  readonly extra: readonly Digest[];
}

/** The kinds that a reference can have in the index. Where sparse indexes are or were allowed, more may be optional. */
const POSSIBLE: Readonly<Record<ReferenceKind, readonly ReferenceRow["kind"][]>> = {
  config: ["config"],
  layer: ["blob", "optional"],
  foreign: ["blob", "optional"],
  child: ["manifest", "blob", "optional"],
};

export function compareReferences(
  named: readonly ManifestReference[],
  rows: readonly ReferenceRow[],
): Difference {
  const possible = new Map<Digest, Named>();
  for (const { digest, kind, platform } of named) {
    const before = possible.get(digest) ?? { digest, kinds: [], foreign: true, platform };
    const kinds = [...new Set([...before.kinds, ...POSSIBLE[kind]])];
    possible.set(digest, { ...before, kinds, foreign: before.foreign && kind === "foreign" });
  }
  const actual = new Map(rows.map(({ digest, kind }) => [digest, kind]));
  const wrong = [...possible.values()].filter(({ digest, kinds }) => {
    const kind = actual.get(digest);
    return kind === undefined || !kinds.includes(kind);
  });
  const extra = rows.map(({ digest }) => digest).filter((digest) => !possible.has(digest));
  return { wrong, extra };
}

/** Returns references to nothing. A deleted manifest may name trashed blobs, and its children may be gone for good. */
export function unresolved(
  parent: "live" | "deleted",
  references: readonly ReferenceRow[],
): ReferenceRow[] {
  return references.filter(({ kind, target }) => {
    if (kind === "optional") return false;
    if (kind === "manifest") return parent === "live" && target !== "live";
    return target !== "linked" && (parent === "live" || target !== "trashed");
  });
}

export function tagFaults({ repository, name, digest, target }: TagRow): Fault[] {
  if (target === "live") return [];
  const what = target === "deleted" ? "was deleted" : "is not there";
  return [{ kind: "tag.unresolved", repository, subject: name, detail: `${digest} ${what}` }];
}

export function linkFaults(row: LinkRow): Fault[] {
  const { repository, namespace, digest, stored, named, listed, counted } = row;
  const faults: Fault[] = [];
  if (stored === 0) faults.push({ kind: "link.unresolved", repository, subject: digest });
  if (named === 1 && listed === 1) {
    faults.push({ kind: "unreferenced.wrong", repository, subject: digest });
  }
  if (named === 0 && listed === 0) {
    faults.push({ kind: "unreferenced.missing", repository, subject: digest });
  }
  if (stored === 1 && counted === 0) {
    faults.push({ kind: "usage.blob", subject: digest, detail: `${namespace} does not have it` });
  }
  return faults;
}

export function trashedFaults({ repository, digest, stored, named, linked }: TrashedRow): Fault[] {
  if (stored === 0) return [{ kind: "trashed.unresolved", repository, subject: digest }];
  if (named === 1 && linked === 0) return [];
  return [{ kind: "trashed.unneeded", repository, subject: digest }];
}

export function countFaults(row: CountRow): Fault[] {
  const { namespace, digest, size, links, actualSize, actualLinks } = row;
  if (links === actualLinks && (actualSize === null || size === actualSize)) return [];
  const detail = `${namespace} counts ${links} links and ${size} bytes, but has ${actualLinks} and ${actualSize ?? 0}`;
  return [{ kind: "usage.blob", subject: digest, detail }];
}

export function usageFaults(row: UsageRow): Fault[] {
  const counted = [row.bytes, row.waiting, row.repositories, row.allRepositories];
  const actual = [
    row.actualBytes,
    row.actualWaiting,
    row.actualRepositories,
    row.actualAllRepositories,
  ];
  if (counted.every((sum, i) => (sum ?? 0) === actual[i])) return [];
  const detail = `${sums(counted)}; but it has ${sums(actual)}`;
  return [{ kind: "usage.namespace", subject: row.namespace, detail }];
}

function sums([bytes, waiting, repositories, all]: readonly (number | null)[]): string {
  return `${bytes ?? 0} bytes, ${waiting ?? 0} that wait, ${repositories ?? 0} repositories, ${all ?? 0} with the deleted ones`;
}
