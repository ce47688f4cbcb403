/** Sends requests to the control Worker (control-worker.js), over its socket. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";

export interface Migration {
  readonly name: string;
  readonly statements: readonly string[];
}

export class Control {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Applies the migrations that the database does not have yet, in order. */
  async migrate(migrations: readonly Migration[]): Promise<void> {
    const applied = new Set((await this.#ask({ task: "applied" })) as string[]);
    for (const migration of migrations) {
      if (!applied.has(migration.name)) await this.#ask({ task: "migrate", ...migration });
    }
  }

  /** Calls the Worker's scheduled handler in Cloudflare's place. @throws when it fails */
  async scheduled(cron: string): Promise<void> {
    const outcome = await this.#ask({ task: "scheduled", cron });
    if (outcome !== "ok") throw new Error(`the scheduled handler ended with ${String(outcome)}`);
  }

  async #ask(task: object): Promise<unknown> {
    const asking = request({ socketPath: this.#socketPath, method: "POST", agent: false });
    asking.end(JSON.stringify(task));
    const [response] = (await once(asking, "response")) as [IncomingMessage];
    const answer = await text(response);
    if (response.statusCode !== 200) throw new Error(answer);
    return JSON.parse(answer);
  }
}
