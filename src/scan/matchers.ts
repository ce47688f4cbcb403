/** The scanners that the settings name. */
import type { Settings } from "../settings.ts";
import { clair } from "./clair-matcher.ts";
import { harbor } from "./harbor-matcher.ts";
import type { Transport } from "./match/exchange.ts";
import { matchByOsv, type OsvStore } from "./match/osv/client.ts";
import { matchByTrivy, trivyDatabaseTime } from "./match/trivy/client.ts";
import type { Matcher } from "./matcher.ts";
import type { Pullable } from "./pull-token.ts";

/** A new image of a distribution has some hundred records that no other image had. */
const MAX_OSV_REQUESTS = 300;

const TRANSPORT: Transport = {
  fetch: (url, init) => fetch(url, init),
  wait: (ms) => scheduler.wait(ms),
};

/** @param records where OSV's records are kept */
export function matchersOf(
  {
    scan,
    tokenKey: key,
    nextTokenKey: nextKey,
  }: Pick<Settings, "scan" | "tokenKey" | "nextTokenKey">,
  records: OsvStore,
  transport = TRANSPORT,
): readonly Matcher[] {
  const { osvUrl, trivyUrl, trivyToken, registryUrl } = scan;
  const matchers: Matcher[] = [];
  if (osvUrl !== null) matchers.push(osv(osvUrl, records, transport));
  if (trivyUrl !== null) matchers.push(trivy(trivyUrl, trivyToken, transport));
  if (registryUrl === null) return matchers;
  const registry: Pullable = { url: registryUrl, key, nextKey };
  if (scan.harbor !== null) matchers.push(harbor(scan.harbor, registry, transport));
  if (scan.clair !== null) matchers.push(clair(scan.clair, registry, transport));
  return matchers;
}

function osv(baseUrl: string, store: OsvStore, transport: Transport): Matcher {
  const options = { ...transport, baseUrl, store, maxRequests: MAX_OSV_REQUESTS };
  return {
    name: "osv",
    dataVersion: () => Promise.resolve(null),
    match: async ({ packages, distribution }) =>
      (await matchByOsv(packages, distribution, options)) ?? { waitMs: 0, state: null },
  };
}

function trivy(baseUrl: string, token: string | null, transport: Transport): Matcher {
  const options = { ...transport, baseUrl, token };
  return {
    name: "trivy",
    dataVersion: () => trivyDatabaseTime(options),
    match: ({ repository, digest, listId, packages, distribution }) =>
      matchByTrivy({ target: `${repository}@${digest}`, listId, packages, distribution }, options),
  };
}
