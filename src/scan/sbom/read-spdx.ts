import * as v from "valibot";
import { UnreadableFile } from "../layer/list.ts";
import type { Package } from "../package.ts";
import { gather, type Entry, type Sbom, type System } from "./gather.ts";
import { MAX_ENTRIES, Text, tooMany, unreadEntries } from "./limits.ts";

const MAX_REFERENCES = 1_000;

/** Where Syft read a package may be a long list of files. */
const MAX_SOURCE_INFO_CHARS = 4_096;

const SpdxPackage = v.object({
  SPDXID: Text,
  name: Text,
  versionInfo: v.optional(Text, ""),
  primaryPackagePurpose: v.optional(Text, ""),
  summary: v.optional(v.string(), ""),
  sourceInfo: v.optional(v.string(), ""),
  externalRefs: v.optional(
    v.pipe(
      v.array(v.object({ referenceType: v.string(), referenceLocator: v.string() })),
      v.maxLength(MAX_REFERENCES),
    ),
    [],
  ),
  annotations: v.optional(
    v.pipe(v.array(v.object({ comment: v.string() })), v.maxLength(MAX_REFERENCES)),
    [],
  ),
  attributionTexts: v.optional(v.pipe(v.array(v.string()), v.maxLength(MAX_REFERENCES)), []),
});

type SpdxPackage = v.InferOutput<typeof SpdxPackage>;

const Document = v.object({
  spdxVersion: v.string(),
  packages: v.optional(v.array(v.unknown()), []),
});

/**
 * Reads an SPDX document.
 * @returns null for what is none
 * @throws UnreadableFile for one of another version, or of too many packages
 */
export function readSpdx(json: unknown): Sbom | null {
  const parsed = v.safeParse(Document, json);
  if (!parsed.success) return null;
  const { spdxVersion, packages } = parsed.output;
  if (!/^SPDX-2\.[23]$/.test(spdxVersion)) {
    throw new UnreadableFile(
      `it is ${spdxVersion.slice(0, 20)}, and SPDX-2.2 and SPDX-2.3 are read`,
    );
  }
  if (packages.length > MAX_ENTRIES) throw tooMany();
  const entries: Entry[] = [];
  const systems: System[] = [];
  const bad: string[] = [];
  for (const one of packages) {
    const read = v.safeParse(SpdxPackage, one, { abortEarly: true });
    if (!read.success) {
      bad.push(v.getDotPath(read.issues[0]) ?? "");
      continue;
    }
    const pkg = read.output;
    const purl = pkg.externalRefs.find(({ referenceType }) => referenceType === "purl");
    if (isSystemPackage(pkg)) systems.push(systemOf(pkg));
    // The document's own subject has none, and files that are listed as packages.
    else if (purl !== undefined) entries.push(entryOf(pkg, purl.referenceLocator));
  }
  const sbom = gather(entries, systems);
  return { ...sbom, problems: [...unreadEntries("Packages", bad), ...sbom.problems] };
}

/** SPDX 2.2 has no purposes; Trivy's ids say it. */
function isSystemPackage({ SPDXID, primaryPackagePurpose }: SpdxPackage): boolean {
  return (
    primaryPackagePurpose === "OPERATING-SYSTEM" || SPDXID.startsWith("SPDXRef-OperatingSystem")
  );
}

function systemOf({ name, versionInfo, summary }: SpdxPackage): System {
  return { id: "", name, version: versionInfo, description: summary };
}

function entryOf(pkg: SpdxPackage, purl: string): Entry {
  const { name, versionInfo, sourceInfo } = pkg;
  const info = sourceInfo.slice(0, MAX_SOURCE_INFO_CHARS);
  return { name, version: versionInfo, purl, source: sourceOf(info), path: pathOf(pkg, info) };
}

/** Trivy writes "built package from: bash 5.2.15-2". */
function sourceOf(info: string): Package["source"] {
  const [, name = "", version = ""] = /^built package from: (\S+) (\S+)$/.exec(info) ?? [];
  return name === "" ? null : { name, version };
}

/**
 * Trivy has the file among the annotations, once the attribution texts; Syft in `sourceInfo`: "acquired package info from
 * DPKG DB: /var/lib/dpkg/status, /usr/share/doc/…".
 */
function pathOf({ annotations, attributionTexts }: SpdxPackage, info: string): string {
  const key = "FilePath: ";
  const notes = [...annotations.map(({ comment }) => comment), ...attributionTexts];
  const noted = notes.find((note) => note.startsWith(key));
  if (noted !== undefined) return noted.slice(key.length);
  return /^acquired package info from [^:]*: ([^,]+)/.exec(info)?.[1] ?? "";
}
