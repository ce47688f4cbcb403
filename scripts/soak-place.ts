/** `npm start` as the place of the history checker's runs: over HTTP, killed and restarted at any moment. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, Asked } from "../test/properties/history/client.ts";
import type { Recorder } from "../test/properties/history/history.ts";
import type { Stores } from "../test/properties/history/leftovers.ts";
import type { Ages } from "../test/properties/history/model.ts";
import type { Place } from "../test/properties/history/run.ts";
import { processTree } from "./bench/processes.ts";
import { startLocal } from "./local.ts";
import { type Server, startServer } from "./server.ts";
import { freePort } from "./socket.ts";

const PASSWORD = "the password of a registry that is gone soon";
const PATIENCE_MS = 120_000;

export class ServerPlace implements Place {
  readonly isFragile = true;
  readonly data: string;
  readonly #port: number;
  readonly #ages: Ages;
  #server: Server | null = null;
  /** Resolved while the server runs. */
  #up = Promise.withResolvers<void>();
  /** How often the server has been killed. */
  #generation = 0;
  #isCollecting = false;
  kills = 0;

  private constructor(data: string, port: number, ages: Ages) {
    this.data = data;
    this.#port = port;
    this.#ages = ages;
  }

  static async open(ages: Ages): Promise<ServerPlace> {
    const data = await mkdtemp(join(tmpdir(), "slipway-soak-"));
    const place = new ServerPlace(data, await freePort(), ages);
    await place.#start();
    return place;
  }

  async close(): Promise<void> {
    await this.#server?.stop();
    await rm(this.data, { recursive: true, force: true });
  }

  async send(asked: Asked): Promise<Answer | null> {
    await this.ready();
    const generation = this.#generation;
    try {
      return await this.#exchange(asked);
    } catch (error) {
      // A connection that breaks while the server was not killed is a fault.
      if (generation !== this.#generation) return null;
      throw new Error(`${asked.method} ${asked.path} broke off`, { cause: error });
    }
  }

  ready(): Promise<void> {
    return this.#up.promise;
  }

  async pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds);
  }

  /** A session in memory is evicted with the whole server. */
  evict(): Promise<void> {
    return Promise.resolve();
  }

  async collect(): Promise<{ readonly blobs: number; readonly more: boolean }> {
    this.#isCollecting = true;
    const headers = { "content-type": "application/json" };
    const body = new Uint8Array(new TextEncoder().encode("{}"));
    const asked = { method: "POST", path: "/api/v1/gc", headers, body };
    const answer = await this.send(asked).finally(() => (this.#isCollecting = false));
    if (answer !== null && answer.status !== 200) {
      throw new Error(`the collection was answered with ${answer.status}`);
    }
    const { run } = JSON.parse(new TextDecoder().decode(answer?.body) || "{}") as Collected;
    if (run !== null && run !== undefined) return run;
    // The cron's run is still active, or one was killed and counts as dead after a minute.
    await sleep(500);
    return { blobs: 0, more: true };
  }

  /** Uploads expire only after hours, so none can be ended here. */
  expire(uploads: readonly string[]): Promise<readonly string[]> {
    return Promise.resolve(uploads);
  }

  /** No other process can read the stores of a running server. */
  async inspect<T>(look: (stores: Stores) => Promise<T>): Promise<T> {
    await this.ready();
    this.#takeAway();
    await this.#server?.stop();
    const options = { data: this.data, vars: { ...this.#settings() } };
    const local = await startLocal(options);
    try {
      return await look({
        db: await local.miniflare.getD1Database("DB"),
        bucket: await local.miniflare.getR2Bucket("BLOBS"),
      });
    } finally {
      await local.dispose();
      await this.#start();
    }
  }

  /** Kills the server (kill -9) and starts it on the same data; requests in flight get no answer. */
  async kill(recorder: Recorder, mayHitCollection: boolean): Promise<void> {
    // After a killed run of garbage collection the next one is a minute away.
    if (!mayHitCollection) while (this.#isCollecting) await sleep(1);
    const server = this.#server;
    if (server === null) throw new Error("there is no server to kill");
    const pids = processTree(server.pid).map(({ pid }) => pid);
    this.#takeAway();
    for (const pid of pids) signal(pid, "SIGKILL");
    while (pids.some((pid) => signal(pid, 0))) await sleep(10);
    this.kills++;
    await this.#start(recorder);
  }

  #takeAway(): void {
    this.#up = Promise.withResolvers();
    this.#generation++;
  }

  async #start(recorder?: Recorder): Promise<void> {
    this.#server = await startServer({
      port: this.#port,
      data: this.data,
      env: this.#settings(),
    });
    await recorder?.record("the machine", "", { kind: "restart" }, () =>
      Promise.resolve({ status: 200 }),
    );
    this.#up.resolve();
  }

  #settings(): Record<string, string> {
    return {
      ADMIN_PASSWORD: PASSWORD,
      GC_GRACE_HOURS: (this.#ages.grace / 3_600_000).toFixed(12),
      TRASH_DAYS: (this.#ages.trash / 86_400_000).toFixed(12),
    };
  }

  async #exchange({ method, path, headers, body, streamed }: Asked): Promise<Answer> {
    const authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString("base64")}`;
    const response = await fetch(`http://127.0.0.1:${this.#port}${path}`, {
      method,
      headers: { authorization, ...headers },
      body: body === undefined ? null : streamed === true ? streamOf(body) : body,
      ...(streamed === true ? { duplex: "half" } : {}),
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    return {
      status: response.status,
      headers: response.headers,
      body: new Uint8Array(await response.arrayBuffer()),
    };
  }
}

interface Collected {
  readonly run?: { readonly blobs: number; readonly more: boolean } | null;
}

/** Makes a body without a Content-Length, as Docker sends it. */
function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      const middle = Math.floor(bytes.length / 3);
      for (const piece of [bytes.slice(0, middle), bytes.slice(middle)]) {
        if (piece.length > 0) controller.enqueue(piece);
      }
      controller.close();
    },
  });
}

/** @returns false when there is no such process any more */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
