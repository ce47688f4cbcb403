import { may } from "../auth/policy/access.ts";
import { json, none, page, pageWith } from "../api/answer.ts";
import { type Endpoint, endpoint, type QueryField } from "../api/endpoint.ts";
import { PAGE, textField } from "../api/query.ts";
import { Nothing } from "../api/schema/common.ts";
import type { Page } from "../oci/page.ts";
import { RegistryError } from "../oci/errors.ts";
import { invalid } from "../http/input.ts";
import { timestamp } from "../http/resource.ts";
import type { ImageList } from "./image-lists.ts";
import { compareSeverities, SEVERITIES, type Severity } from "./match/severity.ts";
import { purlOf } from "./match/purl.ts";
import type { Distribution } from "./package.ts";
import type { ImageReport, ReportFinding } from "./reports.ts";
import type { LayerPackage } from "./package.ts";
import { OSV_ID } from "./match/osv/record.ts";
import { toCycloneDx } from "./sbom/cyclonedx.ts";
import { toSpdx } from "./sbom/spdx.ts";
import { Finding, listed, Package, scanned, VulnerableImage } from "./schema.ts";

const packages = endpoint(
  "GET /repositories/:name+/-/manifests/:digest/packages",
  {
    id: "listPackages",
    summary: "List the packages of an image of one platform",
    access: "pull",
    query: {
      filter: textField("filter", { description: "A part of the name, in any case." }),
      ...PAGE,
    },
    answer: pageWith(Package, listed),
    refuses: ["MANIFEST_UNKNOWN", "NOT_FOUND"],
  },
  async ({ params: { name, digest }, query, settings, registry }) => {
    const { packages: found, ...list } = listOf(
      await registry.scans.packages(name, digest, settings.scan.takesAttached),
    );
    const { distribution, problems, origin, unscannable } = list;
    const part = query.filter?.toLowerCase() ?? "";
    const shown = sliced(
      query,
      found.filter((pkg) => pkg.name.toLowerCase().includes(part)),
    );
    return {
      items: shown.items.map((pkg) => packageJson(pkg, distribution)),
      next: shown.next,
      distribution,
      problems,
      origin,
      unscannable,
      total: found.length,
    };
  },
);

const FORMATS = { cyclonedx: toCycloneDx, spdx: toSpdx } as const;

const FORMAT: QueryField<keyof typeof FORMATS> = {
  name: "format",
  schema: {
    enum: Object.keys(FORMATS),
    default: "cyclonedx",
    description: "CycloneDX 1.6 or SPDX 2.3.",
  },
  parse: (given) => {
    const format = given ?? "cyclonedx";
    if (format === "cyclonedx" || format === "spdx") return format;
    throw invalid("format", "is cyclonedx or spdx");
  },
};

const sbom = endpoint(
  "GET /repositories/:name+/-/manifests/:digest/sbom",
  {
    id: "readSbom",
    summary: "Read the packages of an image of one platform as an SBOM",
    access: "pull",
    query: { format: FORMAT },
    answer: json("The SBOM", "private, no-cache"),
    refuses: ["MANIFEST_UNKNOWN", "NOT_FOUND", "REQUEST_INVALID"],
  },
  async ({ params: { name, digest }, url, query, settings, registry }) => {
    const { packages: found, distribution } = listOf(
      await registry.scans.packages(name, digest, settings.scan.takesAttached),
    );
    const image = { name: `${url.host}/${name}`, digest, packages: found, distribution };
    return JSON.stringify(FORMATS[query.format]({ ...image, madeAt: new Date() }));
  },
);

const SEVERITY: QueryField<Severity | null> = {
  name: "severity",
  schema: { enum: SEVERITIES, description: "The lowest to be listed." },
  parse: (given) => {
    if (given === null) return null;
    const known = SEVERITIES.find((severity) => severity === given);
    if (known !== undefined) return known;
    throw invalid("severity", `is one of ${SEVERITIES.join(", ")}`);
  },
};

const FIXABLE: QueryField<boolean> = {
  name: "fixable",
  schema: { type: "boolean", description: "Whether only those with a fix are listed." },
  parse: (given) => {
    if (given === null || given === "false") return false;
    if (given === "true") return true;
    throw invalid("fixable", "is true or false");
  },
};

const vulnerabilities = endpoint(
  "GET /repositories/:name+/-/manifests/:digest/vulnerabilities",
  {
    id: "listVulnerabilities",
    summary:
      "List the known vulnerabilities of an image, or of all images of an index, the worst first",
    access: "pull",
    query: { severity: SEVERITY, fixable: FIXABLE, package: textField("package"), ...PAGE },
    answer: pageWith(Finding, scanned),
    refuses: ["MANIFEST_UNKNOWN", "REQUEST_INVALID"],
  },
  async ({ params: { name, digest }, query, registry }) => {
    const { images, counts, findings } = await registry.scans.report(name, digest);
    const { severity, fixable, package: about } = query;
    const chosen = findings
      .filter((one) => severity === null || compareSeverities(one.severity, severity) >= 0)
      .filter((one) => !fixable || one.fixedVersion !== null)
      .filter(({ package: pkg }) => about === undefined || pkg.name === about);
    const { items, next } = sliced(query, chosen);
    return { items: items.map(findingJson), next, images: images.map(imageJson), counts };
  },
);

const rescan = endpoint(
  "POST /repositories/:name+/-/manifests/:digest/scan",
  {
    id: "scanManifest",
    summary: "Scan an image, or all images of an index, again soon",
    access: "push",
    body: Nothing,
    answer: none,
    refuses: ["MANIFEST_UNKNOWN", "REQUEST_INVALID"],
  },
  ({ params: { name, digest }, initiator, registry }) =>
    registry.scans.again(name, digest, initiator),
);

const VULNERABILITY: QueryField<string> = {
  name: "vulnerability",
  schema: { type: "string", description: "Any of its ids. It is required." },
  parse: (given) => {
    if (given !== null && OSV_ID.test(given)) return given;
    throw invalid("vulnerability", 'is the id of a vulnerability, such as "CVE-2024-3094"');
  },
};

/** The images that one request looks at: not all of them may be the caller's to see. */
const MAX_LOOKED_AT = 1_000;

const vulnerable = endpoint(
  "GET /vulnerable-images",
  {
    id: "listVulnerableImages",
    summary:
      "List the images with a vulnerability that the caller may pull; a page may be short before the end",
    access: "login",
    query: { vulnerability: VULNERABILITY, ...PAGE },
    answer: page(VulnerableImage),
  },
  async ({ query: { vulnerability, after, limit }, actor, registry }) => {
    if (!/^\d{0,15}$/.test(after)) throw invalid("after", "is not what the last page ended with");
    const rows = await registry.scans.vulnerable(vulnerability, Number(after), MAX_LOOKED_AT);
    const seen = rows.filter(
      ({ repository, visibility }) => visibility === "public" || may(actor, "pull", repository),
    );
    const items = seen.slice(0, limit);
    const isCut = seen.length > limit;
    const last = isCut ? items.at(-1) : rows.at(-1);
    const isOver = !isCut && rows.length < MAX_LOOKED_AT;
    return {
      items: items.map(({ repository, digest, tags, matchedAt }) => ({
        repository,
        digest,
        tags,
        matchedAt: matchedAt === null ? null : timestamp(matchedAt),
      })),
      next: isOver || last === undefined ? null : String(last.manifestId),
    };
  },
);

export const SCAN: readonly Endpoint[] = [packages, sbom, vulnerabilities, rescan, vulnerable];

/** @throws NOT_FOUND while there is no list */
function listOf(list: ImageList | null): ImageList {
  if (list !== null) return list;
  throw new RegistryError("NOT_FOUND", {
    message: "the layers of this image have not been read yet; try again in a minute",
  });
}

/** A page of a list that is all in memory; its cursor is a number. @throws FIELD_INVALID */
function sliced<T>({ after, limit }: Page, all: readonly T[]) {
  if (!/^\d{0,9}$/.test(after)) throw invalid("after", "is not what the last page ended with");
  const begin = Number(after);
  const end = begin + limit;
  return { items: all.slice(begin, end), next: end < all.length ? String(end) : null };
}

function packageJson(pkg: LayerPackage, distribution: Distribution | null) {
  const { source, ...more } = pkg;
  return {
    ...more,
    sourceName: source?.name ?? null,
    sourceVersion: source?.version ?? null,
    purl: purlOf(pkg, distribution),
  };
}

function findingJson(finding: ReportFinding) {
  const { package: pkg, distribution, firstSeenMs, untilMs, ...more } = finding;
  return {
    ...more,
    package: packageJson({ layer: null, ...pkg }, distribution),
    firstSeenAt: timestamp(firstSeenMs),
    until: untilMs === null ? null : timestamp(untilMs),
  };
}

function imageJson({ listedAt, matchedAt, dueAt, scanners, ...image }: ImageReport) {
  return {
    ...image,
    listedAt: listedAt === null ? null : timestamp(listedAt),
    matchedAt: matchedAt === null ? null : timestamp(matchedAt),
    nextAt: dueAt === null ? null : timestamp(dueAt),
    scanners: Object.entries(scanners).map(([name, result]) => ({
      name,
      matchedAt: timestamp(result.matchedAt),
      dataVersion: result.dataVersion,
    })),
  };
}
