/** Clair as a scanner. */
import {
  clairIndex,
  type ClairIndex,
  type ClairLayer,
  indexByClair,
  matchByClair,
} from "./match/clair/client.ts";
import type { ClairOptions } from "./match/clair/request.ts";
import { originOf, ScannerUnavailable, type Transport } from "./match/exchange.ts";
import type { Matcher, ScannedImage } from "./matcher.ts";
import type { PullingScanners } from "./pulling-settings.ts";
import { type Pullable, pullToken } from "./pull-token.ts";

/** Clair takes tokens of the issuers that its `auth.psk.iss` lists. */
const ISSUER = "slipway";

export function clair(
  { url: baseUrl, key }: NonNullable<PullingScanners["clair"]>,
  registry: Pullable,
  { fetch }: Transport,
): Matcher {
  const auth = key === null ? null : { key, issuer: ISSUER };
  const options: ClairOptions = { fetch, baseUrl, auth };
  const unavailable = (why: string) => new ScannerUnavailable(`${originOf(baseUrl)} ${why}`);
  return {
    name: "clair",
    // Each report is matched with what Clair has at that moment.
    dataVersion: () => Promise.resolve(null),
    async match(image) {
      const index = await indexed(image, await layersOf(image, registry), options);
      if (index.kind === "failed") throw unavailable(`could not index the image: ${index.why}`);
      if (index.kind !== "indexed") throw unavailable("has not indexed the image yet");
      const report = await matchByClair(image.digest, image.packages, options);
      switch (report.kind) {
        case "finished":
          return report.findings;
        case "no-data":
          throw unavailable("has no vulnerabilities yet: its updaters have not run");
        case "unknown":
          throw unavailable("does not know the image that it has indexed");
      }
    },
  };
}

/**
 * Has the image indexed. Of one that it has indexed by its present indexers Clair fetches nothing again, so it is asked each time,
 * and finds more after an update. A long request may be ended on its way though Clair has done the work.
 */
async function indexed(
  { digest }: ScannedImage,
  layers: readonly ClairLayer[],
  options: ClairOptions,
): Promise<ClairIndex> {
  try {
    return await indexByClair(digest, layers, options);
  } catch (error) {
    if (!(error instanceof ScannerUnavailable)) throw error;
    const index = await clairIndex(digest, options);
    if (index.kind === "indexed") return index;
    throw error;
  }
}

async function layersOf(
  { repository, layers }: ScannedImage,
  registry: Pullable,
): Promise<ClairLayer[]> {
  const authorization = `Bearer ${await pullToken(repository, registry)}`;
  return layers.map((digest) => {
    const url = `${registry.url}/v2/${repository}/blobs/${digest}`;
    return { digest, url, authorization };
  });
}
