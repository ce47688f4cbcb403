/** An adapter of Harbor's scanner API as a scanner. */
import type { PullingScanners } from "./pulling-settings.ts";
import { ScannerUnavailable, originOf, type Transport } from "./match/exchange.ts";
import {
  adapterMetadata,
  type AdapterOptions,
  adapterReport,
  type AdapterScan,
  submitScan,
} from "./match/harbor/client.ts";
import type { AdapterMetadata } from "./match/harbor/metadata.ts";
import type { Matcher, ScannedImage, Unfinished } from "./matcher.ts";
import { type Pullable, pullToken } from "./pull-token.ts";

/** The first look for a report. */
const FIRST_WAIT_MS = 10_000;
/** How often one image is submitted until there is a report: an adapter forgets its scans when it is started anew. */
const MAX_SUBMISSIONS = 3;
/** Adapters start a scanner to describe themselves, so one description serves the images of a step. */
const METADATA_MS = 60_000;

/** What is kept between two calls. */
interface State {
  readonly scan: AdapterScan;
  readonly submissions: number;
}

export function harbor(
  { url: baseUrl, auth }: NonNullable<PullingScanners["harbor"]>,
  registry: Pullable,
  { fetch }: Transport,
): Matcher {
  const options: AdapterOptions = { fetch, baseUrl, auth };
  let known: { readonly metadata: AdapterMetadata; readonly untilMs: number } | null = null;
  const metadata = async () => {
    if (known !== null && Date.now() < known.untilMs) return known.metadata;
    const fresh = await adapterMetadata(options);
    known = { metadata: fresh, untilMs: Date.now() + METADATA_MS };
    return fresh;
  };
  const submit = async (image: ScannedImage, submissions: number): Promise<Unfinished> => {
    const { capability } = await metadata();
    requireConsumed(image, capability.manifestTypes, baseUrl);
    const { repository, digest, mediaType } = image;
    const authorization = `Bearer ${await pullToken(repository, registry)}`;
    const asked = { registryUrl: registry.url, authorization, repository, digest, mediaType };
    const scan = await submitScan({ ...asked, tag: null }, capability, options);
    return { waitMs: FIRST_WAIT_MS, state: { scan, submissions } satisfies State };
  };
  return {
    name: "harbor",
    isPulling: true,
    dataVersion: async () => (await metadata()).databaseTime,
    async match(image, state) {
      if (state === null) return submit(image, 1);
      const { scan, submissions } = state as State;
      const report = await adapterReport(scan, image.packages, options);
      if (report.kind === "finished") return report.findings;
      if (report.kind === "pending") return { waitMs: report.waitMs, state };
      if (submissions < MAX_SUBMISSIONS) return submit(image, submissions + 1);
      throw new ScannerUnavailable(`${originOf(baseUrl)} lost the scan ${MAX_SUBMISSIONS} times`);
    },
  };
}

function requireConsumed(
  { mediaType }: ScannedImage,
  types: readonly string[],
  baseUrl: string,
): void {
  if (types.includes(mediaType)) return;
  throw new ScannerUnavailable(`${originOf(baseUrl)} scans no images of the type ${mediaType}`);
}
