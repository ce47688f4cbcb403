/** The scanners that the settings name. */
import type { ScanSettings } from "../settings.ts";
import type { ImageList } from "./image-lists.ts";
import type { Transport } from "./match/exchange.ts";
import type { Finding } from "./match/finding.ts";
import { matchByOsv, type OsvStore } from "./match/osv/client.ts";
import { matchByTrivy, trivyDatabaseTime } from "./match/trivy/client.ts";

/** An image as scanners get it. */
export interface ScannedImage extends ImageList {
  readonly repository: string;
  readonly digest: string;
  /** One text for each list of packages. */
  readonly listId: string;
}

/** What matches packages with known vulnerabilities. */
export interface Matcher {
  /** As results have it. */
  readonly name: string;
  /** Which data it matches with; null if it does not say. @throws ScannerUnavailable */
  readonly dataVersion: () => Promise<string | null>;
  /**
   * @returns null where its requests did not suffice: a further call gets on
   * @throws ScannerUnavailable
   */
  readonly match: (image: ScannedImage) => Promise<readonly Finding[] | null>;
}

/** A new image of a distribution has some hundred records that no other image had. */
const MAX_OSV_REQUESTS = 300;

const TRANSPORT: Transport = {
  fetch: (url, init) => fetch(url, init),
  wait: (ms) => scheduler.wait(ms),
};

/** @param records where OSV's records are kept */
export function matchersOf(
  { osvUrl, trivyUrl, trivyToken }: ScanSettings,
  records: OsvStore,
): readonly Matcher[] {
  return [
    ...(osvUrl === null ? [] : [osv(osvUrl, records)]),
    ...(trivyUrl === null ? [] : [trivy(trivyUrl, trivyToken)]),
  ];
}

function osv(baseUrl: string, store: OsvStore): Matcher {
  const options = { ...TRANSPORT, baseUrl, store, maxRequests: MAX_OSV_REQUESTS };
  return {
    name: "osv",
    dataVersion: () => Promise.resolve(null),
    match: ({ packages, distribution }) => matchByOsv(packages, distribution, options),
  };
}

function trivy(baseUrl: string, token: string | null): Matcher {
  const options = { ...TRANSPORT, baseUrl, token };
  return {
    name: "trivy",
    dataVersion: () => trivyDatabaseTime(options),
    match: ({ repository, digest, listId, packages, distribution }) =>
      matchByTrivy({ target: `${repository}@${digest}`, listId, packages, distribution }, options),
  };
}
