import type { Distribution, Package } from "../../package.ts";
import { type Finding, summaryOf } from "../finding.ts";
import { compareVersions } from "../version/order.ts";
import { affects, type Effect } from "./affects.ts";
import type { OsvRecord } from "./record.ts";
import { rate } from "./severity.ts";

interface Holding extends Effect {
  readonly record: OsvRecord;
}

/**
 * Returns the findings of one package: one for each vulnerability, however many databases have a record of it.
 * @param records those that may hold for it
 * @param known records by id, of which those of aliases and upstreams are asked for a severity
 */
export function findingsOf(
  pkg: Package,
  distribution: Distribution | null,
  records: readonly OsvRecord[],
  known: ReadonlyMap<string, OsvRecord>,
): readonly Finding[] {
  const holding = records.flatMap((record): Holding[] => {
    const effect = affects(record, pkg, distribution);
    return effect === null ? [] : [{ ...effect, record }];
  });
  return groups(holding).map((group) => merge(pkg, group, known));
}

/**
 * Returns the other ids of a record's vulnerability. A distribution's record of one CVE has it as upstream; an advisory of
 * several has them all there, and is not the same as each of them.
 */
export function namesOf({ id, aliases, upstream }: OsvRecord): readonly string[] {
  return [id, ...aliases, ...(upstream.length === 1 ? upstream : [])];
}

/** Puts records together that share an id, also by way of a third. */
function groups(holding: readonly Holding[]): readonly (readonly Holding[])[] {
  const found = new Map<string, { names: string[]; members: Holding[] }>();
  for (const one of holding) {
    const group = { names: [...namesOf(one.record)], members: [one] };
    for (const other of new Set(group.names.flatMap((name) => found.get(name) ?? []))) {
      group.names.push(...other.names);
      group.members.unshift(...other.members);
    }
    for (const name of group.names) found.set(name, group);
  }
  return [...new Set(found.values())].map(({ members }) => members);
}

function merge(
  pkg: Package,
  group: readonly Holding[],
  known: ReadonlyMap<string, OsvRecord>,
): Finding {
  const ids = new Set(group.flatMap(({ record }) => [...namesOf(record), ...record.upstream]));
  const id = preferred([...ids].toSorted(), group);
  const others = [...ids].flatMap((name) => known.get(name) ?? []);
  const { severity, source } = rate(group, others);
  const fixes = group.flatMap(({ fixedVersion }) => fixedVersion ?? []);
  const summary = [...group.map(({ record }) => record), ...others].find(
    (record) => record.summary !== "",
  );
  return {
    id,
    aliases: [...ids].filter((name) => name !== id).toSorted(),
    package: pkg,
    // All of the databases call the highest one fixed.
    fixedVersion: fixes.toSorted((a, b) => compareVersions(pkg.type, b, a))[0] ?? null,
    severity,
    severitySource: source,
    url: `https://osv.dev/vulnerability/${id}`,
    summary: summaryOf(summary?.summary ?? ""),
  };
}

/** The only CVE, else the GHSA, else the record's own id. */
function preferred(ids: readonly string[], group: readonly Holding[]): string {
  const cves = ids.filter((id) => id.startsWith("CVE-"));
  const [cve] = cves;
  if (cve !== undefined && cves.length === 1) return cve;
  const own = group.map(({ record }) => record.id).toSorted();
  return own.find((id) => id.startsWith("GHSA-")) ?? own[0] ?? "";
}
