/** Isolates of one location: each has its own memory, and all share the edge cache, the database and the bucket. */
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { idOf } from "../../src/db/digests.ts";
import type { Env } from "../../src/settings.ts";
import { RegistryClient } from "../support/client.ts";
import { Counter } from "../support/counting.ts";
import { digestOf } from "../support/images.ts";
import { intercept, type Method, wrapEnv } from "../support/wrapped-env.ts";

export const KIB = 1024;
export const MIB = 1024 * KIB;

export interface Isolate {
  readonly counter: Counter;
  readonly client: RegistryClient;
}

/** @param bindings that are others than the real ones */
export async function newIsolate(
  { repository, authorization }: { repository: string; authorization?: string | null },
  bindings: Partial<Env> = {},
): Promise<Isolate> {
  const counter = new Counter({ ...env, ...bindings });
  const anyone = new RegistryClient({ repository, send: counter.send });
  // The first request of each half minute reads the revocations, so that one comes before.
  await anyone.startUpload();
  const names = [repository, `${repository}/other`];
  const token = () => anyone.token(...names.map((name) => `repository:${name}:*`));
  const client = anyone.as(authorization === undefined ? await token() : authorization);
  return { counter, client };
}

/** A read of the database. */
export interface Read {
  /** Whether it goes through a session that a replica may answer. */
  readonly nearest: boolean;
  /** Its statements with their parameters. */
  readonly text: string;
  /** The answer when there is nothing. */
  readonly nothing: unknown;
}

/** The database, with every read put through `around`. */
export function database(
  around: (read: Read, run: () => Promise<unknown>) => Promise<unknown>,
): D1Database {
  const { DB } = wrapEnv(env, {
    d1: ({ name, statements, session }, next) => {
      if (session !== null) expect(session).toBe("first-unconstrained");
      const text = statements
        .map(({ text: sql, values }) => sql + JSON.stringify(values))
        .join(";");
      const empty = statements.map(() => ({ success: true, results: [], meta: {} }));
      const nothing = name === "batch" ? empty : null;
      return around({ nearest: session !== null, text, nothing }, () => next());
    },
  });
  return DB;
}

/** A replica of the database. */
export class Replica {
  /** "empty": the replica has no rows yet; "old": it repeats its first answers. */
  lag: "none" | "empty" | "old" = "none";
  /** The number of reads that it answered, and that the primary answered. */
  asked = 0;
  primary = 0;
  readonly #answers = new Map<string, unknown>();

  readonly DB = database(async ({ nearest, text, nothing }, run) => {
    if (!nearest) {
      this.primary++;
      return run();
    }
    this.asked++;
    if (this.lag === "empty") return nothing;
    if (this.lag === "old" && this.#answers.has(text)) return asOfNow(this.#answers.get(text));
    const answer = await run();
    this.#answers.set(text, answer);
    return answer;
  });

  /** The reads of this work alone. */
  async during(work: () => Promise<unknown>): Promise<{ replica: number; primary: number }> {
    this.asked = 0;
    this.primary = 0;
    await work();
    return { replica: this.asked, primary: this.primary };
  }
}

/** Moves the times of the rows to now: a replica that lags has a correct clock. */
function asOfNow(answer: unknown): unknown {
  return JSON.parse(JSON.stringify(answer), (key: string, value: unknown): unknown =>
    key === "readAt" ? Date.now() : value,
  );
}

/** A gate that holds answers back: they are read, and arrive later. */
export class Gate {
  #closed: Promise<void> | null = null;
  #open = () => {};
  #arrived = () => {};

  readonly DB = database((_, run) => this.pass(run));

  async pass<T>(run: () => Promise<T>): Promise<T> {
    const closed = this.#closed;
    this.#closed = null;
    const answer = await run();
    if (closed !== null) {
      this.#arrived();
      await closed;
    }
    return answer;
  }

  /** Starts work, and does something else while the first answer that it asks for is on its way. */
  async during<T>(work: () => Promise<T>, meanwhile: () => Promise<unknown>): Promise<T> {
    this.#closed = new Promise((resolve) => (this.#open = resolve));
    const arrived = new Promise<void>((resolve) => (this.#arrived = resolve));
    const working = work();
    await arrived;
    await meanwhile();
    this.#open();
    return working;
  }
}

/** Puts something between the Worker and the edge, until the globals are unstubbed. */
export function interceptEdge(replace: (name: string, call: Method) => Method): void {
  const real = caches;
  const open = async (name: string) => intercept(await real.open(name), replace);
  vi.stubGlobal("caches", { open });
}

/** Reads an answer to its end. @returns its status */
export async function statusOf(answer: Promise<Response>): Promise<number> {
  const response = await answer;
  await response.arrayBuffer();
  return response.status;
}

/** Pulls a blob, and checks it by its digest: comparing large ones byte by byte takes seconds. */
export async function pullBlob(client: RegistryClient, digest: string): Promise<void> {
  const bytes = await client.pullBlob(digest);
  const algorithm = digest.startsWith("sha512:") ? "sha512" : "sha256";
  expect(digestOf(bytes, algorithm)).toBe(digest);
}

/** The key of a blob's object. */
export async function keyOf(digest: string): Promise<string> {
  const row = await env.DB.prepare(`SELECT key FROM blobs WHERE digest_id = ${idOf("?1")}`)
    .bind(digest)
    .first<{ key: string }>();
  if (row === null) throw new Error(`there is no blob ${digest}`);
  return row.key;
}
