/** One client's requests, over a slow network: steps one after the other, each of one request or of many at once. */
import { setTimeout as sleep } from "node:timers/promises";
import { basic, type SlowRegistry } from "./registry.ts";

export interface Network {
  /** Milliseconds of a round trip between the client and its edge. */
  readonly roundTrip: number;
  /** Round trips of a new connection before its first request. */
  readonly setUpRoundTrips: number;
}

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Whether the body is sent without a Content-Length. */
  readonly chunked?: boolean;
  /** The only right status. */
  readonly expect: number;
}

export interface Answer {
  readonly headers: Headers;
  readonly body: Buffer;
}

export type Send = (request: Request) => Promise<Answer>;
/** Requests one after the other. */
export type Task = (send: Send) => Promise<unknown>;

/** A request with its answer, and its position in the flow. */
export interface Sent {
  readonly id: string;
  readonly step: number;
  /** Requests of a step that belong to different tasks do not wait for one another. */
  readonly task: number;
  readonly name: string;
  /** When the answer had arrived, without the network's time, in milliseconds since 1970. */
  readonly answered: number;
}

const CHUNK_SIZE = 32 * 1024;

let flows = 0;

export class Flow {
  readonly sent: Sent[] = [];
  readonly #registry: SlowRegistry;
  readonly #network: Network;
  /** Whether connections are kept for the requests that follow. */
  readonly #keeps: boolean;
  readonly #id = ++flows;
  #idle = 0;
  #steps = 0;
  #token: string | null = null;

  constructor(registry: SlowRegistry, network: Network, keepsConnections: boolean) {
    this.#registry = registry;
    this.#network = network;
    this.#keeps = keepsConnections;
  }

  /** A step of one request. */
  async one(request: Request): Promise<Answer> {
    return this.#send(request, ++this.#steps, 0);
  }

  /** Runs a step of tasks, at most `limit` at once. @param beside further ones that the limit does not count */
  async parallel(limit: number, tasks: readonly Task[], beside: readonly Task[] = []) {
    const step = ++this.#steps;
    const left = [...tasks.entries()];
    const run = (task: Task, place: number) => task((request) => this.#send(request, step, place));
    const worker = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        await run(next[1], next[0]);
      }
    };
    await Promise.all([
      ...Array.from({ length: limit }, worker),
      ...beside.map((task, i) => run(task, tasks.length + i)),
    ]);
  }

  /** Docker's token request by GET, or OAuth's by POST. */
  async logIn(method: "GET" | "POST", scopes: readonly string[]): Promise<void> {
    const { username, password } = this.#registry.credentials;
    const query = new URLSearchParams({ service: this.#registry.host });
    for (const scope of method === "GET" ? scopes : [scopes.join(" ")])
      query.append("scope", scope);
    let request: Request;
    if (method === "GET") {
      const headers = { authorization: basic(`${username}:${password}`) };
      request = { method, path: `/token?${query.toString()}`, headers, expect: 200 };
    } else {
      for (const [name, value] of Object.entries({ grant_type: "password", username, password })) {
        query.set(name, value);
      }
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      request = {
        method,
        path: "/token",
        headers,
        body: Buffer.from(query.toString()),
        expect: 200,
      };
    }
    const { body } = await this.one(request);
    this.#token = (JSON.parse(body.toString()) as { token: string }).token;
  }

  async #send(request: Request, step: number, task: number): Promise<Answer> {
    const { roundTrip, setUpRoundTrips } = this.#network;
    const isNew = this.#idle === 0;
    if (!isNew) this.#idle--;
    await sleep((isNew ? setUpRoundTrips * roundTrip : 0) + roundTrip / 2);
    const id = `${this.#id}-${this.sent.length}-${step}-${task}`;
    const answer = await this.#exchange(request, id);
    const name = `${request.method} ${request.path.split("?")[0]}`;
    this.sent.push({ id, step, task, name, answered: Date.now() });
    await sleep(roundTrip / 2);
    if (this.#keeps) this.#idle++;
    return answer;
  }

  async #exchange(request: Request, id: string): Promise<Answer> {
    const { method, path, body, chunked, expect } = request;
    const headers = new Headers(request.headers);
    headers.set("x-model-request", id);
    if (this.#token !== null) headers.set("authorization", `Bearer ${this.#token}`);
    const bytes = body === undefined ? null : new Uint8Array(body);
    const response = await fetch(new URL(path, this.#registry.url), {
      method,
      headers,
      body: bytes !== null && chunked ? slices(bytes) : bytes,
      ...(chunked ? { duplex: "half" } : {}),
    });
    const answer = { headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
    if (response.status === expect) return answer;
    throw new Error(`${method} ${path}: ${response.status} ${answer.body.toString()}`);
  }
}

/** Makes a stream, so that no header can state a length. */
function slices(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.slice(at, at + CHUNK_SIZE));
      else controller.close();
      at += CHUNK_SIZE;
    },
  });
}
