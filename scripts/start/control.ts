/** What the control Worker (control-worker.js) is asked, over its socket. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { StartError } from "./error.ts";

export interface Migration {
  readonly name: string;
  readonly statements: readonly string[];
}

export class Control {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /**
   * Applies the migrations that the database does not have yet, in their order.
   * @throws StartError where it has others: another version made it, and this one would read only half of it
   */
  async migrate(migrations: readonly Migration[]): Promise<void> {
    const applied = new Set((await this.#ask({ task: "applied" })) as string[]);
    const foreign = foreignAmong([...applied], migrations);
    if (foreign !== undefined) {
      throw new StartError(
        `the data folder is of another version of Slipway, which made its database with ${foreign}: start that version, or choose a new folder with SLIPWAY_DATA`,
      );
    }
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

/** @returns the first of the applied migrations that this version does not have */
export function foreignAmong(
  applied: readonly string[],
  migrations: readonly Pick<Migration, "name">[],
): string | undefined {
  return applied.find((name) => migrations.every((migration) => migration.name !== name));
}
