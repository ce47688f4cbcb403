import * as v from "valibot";
import type { Package } from "../../package.ts";
import { answerOf } from "../answer.ts";
import { type Finding, linkOf, summaryOf } from "../finding.ts";
import { severityOfWord } from "../severity.ts";
import { compareVersions } from "../version/order.ts";
import { idOf, type TrivyImage } from "./request.ts";

const Text = v.optional(v.nullable(v.pipe(v.string(), v.maxLength(2_048))), null);
const Ids = v.optional(v.nullable(v.array(v.pipe(v.string(), v.maxLength(128)))), null);

const Vulnerability = v.object({
  vulnerability_id: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
  vendor_ids: Ids,
  pkg_id: Text,
  pkg_name: Text,
  installed_version: Text,
  fixed_version: Text,
  severity: Text,
  severity_source: Text,
  primary_url: Text,
  title: v.optional(v.nullable(v.string()), null),
});

const Result = answerOf({
  vulnerabilities: v.optional(v.nullable(v.array(Vulnerability)), null),
});

const Scanned = answerOf({ results: v.optional(v.nullable(v.array(Result)), null) });

type Found = v.InferOutput<typeof Vulnerability>;

/** Reads the answer of `Scanner/Scan`; null for what is none. Vulnerabilities of packages that were not sent are left out. */
export function readScan(json: unknown, image: TrivyImage): readonly Finding[] | null {
  const parsed = v.safeParse(Scanned, json);
  if (!parsed.success) return null;
  const packages = new Map(image.packages.map((pkg, i) => [idOf(i, pkg), pkg]));
  const named = new Map(image.packages.map((pkg) => [`${pkg.name}@${pkg.version}`, pkg]));
  return (parsed.output.results ?? [])
    .flatMap(({ vulnerabilities }) => vulnerabilities ?? [])
    .flatMap((found) => {
      // Old servers do not give the package's id back.
      const pkg =
        packages.get(found.pkg_id ?? "") ??
        named.get(`${found.pkg_name}@${found.installed_version}`);
      return pkg === undefined ? [] : [findingOf(found, pkg)];
    });
}

function findingOf(found: Found, pkg: Package): Finding {
  const severity = severityOfWord(found.severity ?? "");
  const id = found.vulnerability_id;
  return {
    id,
    aliases: [...new Set(found.vendor_ids)].filter((other) => other !== id).toSorted(),
    package: pkg,
    fixedVersion: fixOf(found.fixed_version ?? "", pkg),
    severity,
    severitySource: severity === "unknown" ? null : found.severity_source || "Trivy",
    url: linkOf([found.primary_url ?? ""], id),
    summary: summaryOf(found.title ?? ""),
  };
}

/** Libraries have a fixed version in each line of releases, "4.17.21, 5.0.1": the next one counts. */
function fixOf(text: string, { type, version }: Package): string | null {
  const fixes = text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "")
    .toSorted((a, b) => compareVersions(type, a, b));
  return fixes.find((fix) => compareVersions(type, fix, version) > 0) ?? fixes.at(-1) ?? null;
}
