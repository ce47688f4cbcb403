import * as v from "valibot";
import type { Distribution, Package } from "../../package.ts";
import { answerOf } from "../answer.ts";
import { type Ask, exchange, originOf, ScannerUnavailable, type Transport } from "../exchange.ts";
import type { Finding } from "../finding.ts";
import { MAX_VERSION_LENGTH } from "../version/order.ts";
import { subjectsOf } from "./ecosystem.ts";
import { findingsOf, namesOf } from "./findings.ts";
import { OsvId, type OsvRecord, parseRecord } from "./record.ts";

/** An id with the time of its last change, by which a record is cached: all images share it. */
export interface OsvKey {
  readonly id: string;
  /** As the server wrote it; null for a record that only another one names. */
  readonly modified: string | null;
}

/** A record as it is kept; null where the server has none by this id. */
export interface KeptRecord extends OsvKey {
  readonly record: OsvRecord | null;
}

/** Where records are kept between matches. */
export interface OsvStore {
  /** Returns, by id, the records that were put under these keys. One that only others name is returned for some days. */
  get(keys: readonly OsvKey[]): Promise<ReadonlyMap<string, OsvRecord | null>>;
  put(records: readonly KeptRecord[]): Promise<void>;
}

export interface OsvOptions extends Transport {
  /** The server's address without a path: https://api.osv.dev. */
  readonly baseUrl: string;
  readonly store: OsvStore;
  /** The most requests of one match; each may be repeated twice. */
  readonly maxRequests: number;
}

/** osv.dev takes at most so many queries in a batch. */
const MAX_QUERIES = 1_000;
/** The server gives up after 35 s on a batch and 20 s on a query. */
const BATCH_TIMEOUT_MS = 40_000;
const RECORD_TIMEOUT_MS = 20_000;
const MAX_BATCH_BYTES = 16 * 1024 ** 2;
const MAX_RECORD_BYTES = 8 * 1024 ** 2;
/** A Worker has six connections open at a time (developers.cloudflare.com/workers/platform/limits). */
const CONNECTIONS = 6;

const Found = v.object({ id: OsvId, modified: v.pipe(v.string(), v.maxLength(64)) });
const Batch = v.object({
  results: v.array(
    answerOf({
      vulns: v.optional(v.array(Found), []),
      next_page_token: v.optional(v.pipe(v.string(), v.maxLength(4_096))),
    }),
  ),
});

type OsvQuery = {
  readonly package: { readonly name: string; readonly ecosystem: string };
  readonly version: string;
  readonly page_token?: string;
};

/**
 * Matches packages with OSV.
 * @returns the findings; null where the requests did not suffice: the store holds what was fetched, so a further call gets on
 * @throws ScannerUnavailable
 */
export async function matchByOsv(
  packages: readonly Package[],
  distribution: Distribution | null,
  options: OsvOptions,
): Promise<readonly Finding[] | null> {
  const session = new OsvSession(options);
  const keys = await session.query(packages, distribution);
  if (keys === null) return null;
  const all = new Map([...keys.values()].flat().map((key) => [key.id, key]));
  const records = await session.records([...all.values()]);
  if (records === null) return null;
  // A record without a severity has it from the CVE that it comes from.
  const named = [...records.values()]
    .filter(isUnrated)
    .flatMap((record) => [...namesOf(record), ...record.upstream.slice(0, 1)]);
  const missing = [...new Set(named)].filter((id) => id.startsWith("CVE-") && !records.has(id));
  const more = await session.records(missing.map((id) => ({ id, modified: null })));
  if (more === null) return null;
  const known = new Map([...records, ...more]);
  return packages.flatMap((pkg) => {
    const ids = subjectsOf(pkg, distribution).flatMap((subject) => keys.get(keyOf(subject)) ?? []);
    const own = [...new Set(ids.map(({ id }) => id))].flatMap((id) => records.get(id) ?? []);
    return findingsOf(pkg, distribution, own, known);
  });
}

function isUnrated({ severity, affected, database_specific: specific }: OsvRecord): boolean {
  const isRated = severity.length > 0 || affected.some((one) => one.severity.length > 0);
  return !isRated && specific?.["severity"] === undefined;
}

function keyOf(subject: { ecosystem: string; name: string; version: string }): string {
  return JSON.stringify([subject.ecosystem, subject.name, subject.version]);
}

/** The requests of one match, which are counted. */
class OsvSession {
  readonly #options: OsvOptions;
  #left: number;

  constructor(options: OsvOptions) {
    this.#options = options;
    this.#left = options.maxRequests;
  }

  /** Returns the records that the server has for each subject, by its key; null where the requests did not suffice. */
  async query(
    packages: readonly Package[],
    distribution: Distribution | null,
  ): Promise<ReadonlyMap<string, readonly OsvKey[]> | null> {
    const subjects = new Map(
      packages
        .flatMap((pkg) => subjectsOf(pkg, distribution))
        .filter(({ name, version }) => name !== "" && version.length <= MAX_VERSION_LENGTH)
        .map((subject) => [keyOf(subject), subject]),
    );
    const found = new Map<string, OsvKey[]>();
    let asked = [...subjects].map(([key, { ecosystem, name, version }]): [string, OsvQuery] => [
      key,
      { package: { name, ecosystem }, version },
    ]);
    while (asked.length > 0) {
      if (this.#left-- <= 0) return null;
      const batch = asked.splice(0, MAX_QUERIES);
      const results = await this.#batch(batch.map(([, query]) => query));
      const next = batch.flatMap(([key, query], i): [string, OsvQuery][] => {
        const { vulns = [], next_page_token: token } = results[i] ?? {};
        found.set(key, [...(found.get(key) ?? []), ...vulns]);
        return token === undefined || token === "" ? [] : [[key, { ...query, page_token: token }]];
      });
      asked = [...next, ...asked];
    }
    return found;
  }

  async #batch(queries: readonly OsvQuery[]): Promise<v.InferOutput<typeof Batch>["results"]> {
    const { status, json } = await this.#ask({
      url: "/v1/querybatch",
      body: { queries },
      timeoutMs: BATCH_TIMEOUT_MS,
      maxBytes: MAX_BATCH_BYTES,
    });
    const parsed = v.safeParse(Batch, json);
    if (status === 200 && parsed.success && parsed.output.results.length === queries.length) {
      return parsed.output.results;
    }
    throw this.#refused("/v1/querybatch", status);
  }

  /**
   * Returns records by id, without those that the server does not have; null where the requests did not suffice. What was
   * fetched is stored in either case.
   */
  async records(keys: readonly OsvKey[]): Promise<ReadonlyMap<string, OsvRecord> | null> {
    const stored = await this.#options.store.get(keys);
    const missing = keys.filter(({ id }) => !stored.has(id));
    const allowed = missing.slice(0, Math.max(this.#left, 0));
    this.#left -= allowed.length;
    const fetched = await this.#fetchAll(allowed);
    if (allowed.length < missing.length) return null;
    const all = [...stored, ...fetched.map(({ id, record }) => [id, record] as const)];
    return new Map(all.flatMap(([id, record]) => (record === null ? [] : [[id, record]])));
  }

  async #fetchAll(keys: readonly OsvKey[]): Promise<readonly KeptRecord[]> {
    const fetched: KeptRecord[] = [];
    const left = keys.values();
    let hasFailed = false;
    const work = async () => {
      for (const key of left) {
        if (hasFailed) return;
        fetched.push({ ...key, record: await this.#fetchRecord(key) });
      }
    };
    // A failure ends the others too, and what was fetched until then is kept.
    const stop = (error: unknown) => {
      hasFailed = true;
      throw error;
    };
    const results = await Promise.allSettled(
      Array.from({ length: CONNECTIONS }, () => work().catch(stop)),
    );
    if (fetched.length > 0) await this.#options.store.put(fetched);
    const failure = results.find((result) => result.status === "rejected");
    if (failure !== undefined) throw failure.reason;
    return fetched;
  }

  /** Returns null where the server has no such record. */
  async #fetchRecord({ id }: OsvKey): Promise<OsvRecord | null> {
    const path = `/v1/vulns/${encodeURIComponent(id)}`;
    const { status, json } = await this.#ask({
      url: path,
      timeoutMs: RECORD_TIMEOUT_MS,
      maxBytes: MAX_RECORD_BYTES,
    });
    if (status === 404) return null;
    const record = status === 200 ? parseRecord(json) : null;
    if (record?.id !== id) throw this.#refused(path, status);
    return record;
  }

  #ask(ask: Ask) {
    const { baseUrl } = this.#options;
    return exchange(this.#options, { ...ask, url: baseUrl.replace(/\/$/, "") + ask.url });
  }

  #refused(path: string, status: number): ScannerUnavailable {
    const origin = originOf(this.#options.baseUrl);
    return new ScannerUnavailable(
      status === 200
        ? `${origin} gave an answer to ${path} that is not OSV's`
        : `${origin} answered ${path} with ${status}`,
    );
  }
}
