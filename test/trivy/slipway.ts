/** Lists an image's packages as Slipway does. */
import { open } from "node:fs/promises";
import { READERS } from "../../src/scan/file/readers.ts";
import { RPM_READERS } from "../../src/scan/file/rpm/readers.ts";
import { type ImagePackages, mergeLayers } from "../../src/scan/layer/merge.ts";
import { readLayer } from "../../src/scan/layer/walk.ts";
import type { Finding } from "../../src/scan/match/finding.ts";
import { isSystem } from "../../src/scan/match/purl.ts";
import type { Image } from "./image.ts";
import type { Listed, Match } from "./trivy.ts";

export interface SlipwayRun extends ImagePackages {
  readonly cpuSeconds: number;
}

const ALL_READERS = [...READERS, ...RPM_READERS];

export async function listImage({ layers }: Image): Promise<SlipwayRun> {
  const start = process.cpuUsage();
  const lists = [];
  for (const { path, digest } of layers) {
    const file = await open(path);
    try {
      const stream = file.readableWebStream() as unknown as ReadableStream<Uint8Array>;
      const list = await readLayer(stream, ALL_READERS);
      if (list.ended !== null) throw new Error(list.ended);
      lists.push({ ...list, digest });
    } finally {
      await file.close();
    }
  }
  const merged = mergeLayers(lists);
  const { user, system } = process.cpuUsage(start);
  return { ...merged, cpuSeconds: (user + system) / 1e6 };
}

/** Go's own version is written "go1.26" in a program; Trivy writes it as modules' versions are. */
function written({ type, version }: Listed | Finding["package"]): string {
  return type === "golang" ? version.replace(/^go/, "v") : version;
}

export function listed({ packages }: ImagePackages, { layers }: Image): readonly Listed[] {
  return packages.map((pkg) => {
    const { type, name, version, source, path, layer } = pkg;
    return {
      type,
      name,
      version: written(pkg),
      source: isSystem(type) ? `${source?.name ?? name} ${source?.version ?? version}` : "",
      path: isSystem(type) ? "" : path,
      layer: layers.findIndex(({ digest }) => digest === layer),
    };
  });
}

export function matchesOf(findings: readonly Finding[]): readonly Match[] {
  return findings.map(({ id, package: pkg, fixedVersion, severity }) => ({
    type: pkg.type,
    name: pkg.name,
    version: written(pkg),
    id,
    fixed: fixedVersion ?? "",
    severity,
  }));
}
