/** The registry with slow bindings (scripts/model/worker), on data of its own that outlives its restarts. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Call, Calls, Waits } from "./worker/call.ts";
import { type Local, ROOT, startLocal } from "../local.ts";

const VARS = {
  ADMIN_PASSWORD: "the password of a model of its own",
  TOKEN_KEY: "a key that only this model knows, longer than thirty-two bytes",
};
const USER = "model";
const PASSWORD = "a password of the model";
const POLL_MS = 25;

export class SlowRegistry {
  readonly #data: string;
  #local: Local | null = null;
  #url = "";
  #secret = "";

  private constructor(data: string) {
    this.#data = data;
  }

  static async create(): Promise<SlowRegistry> {
    const registry = new SlowRegistry(await mkdtemp(join(tmpdir(), "slipway-model-")));
    await registry.restart(null);
    await registry.#post("users", `admin:${VARS.ADMIN_PASSWORD}`, {
      name: USER,
      password: PASSWORD,
      admin: true,
    });
    const made = await registry.#post("tokens", `${USER}:${PASSWORD}`, { description: "model" });
    registry.#secret = String(made["secret"]);
    return registry;
  }

  get url(): string {
    return this.#url;
  }

  get host(): string {
    return new URL(this.#url).host;
  }

  /** A user's token, as scripts and CI have one. */
  get credentials(): { readonly username: string; readonly password: string } {
    return { username: USER, password: this.#secret };
  }

  /** Starts a new isolate with an empty edge cache; R2, D1 and the Durable Objects keep their content. */
  async restart(waits: Waits | null): Promise<void> {
    await this.#local?.dispose();
    const entry = join(ROOT, "scripts", "model", "worker", "index.ts");
    const options = { data: this.#data, vars: VARS, entry };
    this.#local = await startLocal(options);
    this.#url = (await this.#local.miniflare.ready).origin;
    if (waits !== null) await this.#control("waits", JSON.stringify(waits));
  }

  /** Returns all calls once none has ended for a while, also those that no answer waits for. */
  async settle(quietMs: number): Promise<Calls> {
    let last = await this.#calls();
    let since = Date.now();
    while (last.busy > 0 || Date.now() - since < quietMs) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      const now = await this.#calls();
      if (now.ended.length !== last.ended.length || now.busy > 0) since = Date.now();
      last = now;
    }
    return last;
  }

  async forget(): Promise<void> {
    await this.#control("forget", "");
  }

  async stop(): Promise<void> {
    await this.#local?.dispose();
    await rm(this.#data, { recursive: true, force: true });
  }

  async #calls(): Promise<Calls> {
    return (await (await this.#control("calls", null)).json()) as Calls;
  }

  async #control(what: string, body: string | null): Promise<Response> {
    const method = body === null ? "GET" : "POST";
    const answer = await fetch(`${this.#url}/model/${what}`, { method, body });
    if (!answer.ok) throw new Error(`${what}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  async #post(
    path: string,
    credentials: string,
    body: object,
  ): Promise<Readonly<Record<string, unknown>>> {
    const answer = await fetch(`${this.#url}/api/v1/${path}`, {
      method: "POST",
      headers: { authorization: basic(credentials), "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, unknown>;
  }
}

export function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString("base64")}`;
}

export type { Call, Calls, Waits };
