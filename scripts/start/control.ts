/** What the control Worker (control-worker.js) is asked, over its socket. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { StartError } from "./error.ts";

export interface Migration {
  readonly name: string;
  readonly statements: readonly string[];
}

/** What a database says of itself. */
export interface Applied {
  /** The migrations that were applied to it. */
  readonly names: readonly string[];
  /** The statement that made its view `schema_version`; null if it has none. */
  readonly version: string | null;
}

export class Control {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /**
   * Applies the migrations that the database does not have yet, in their order.
   * @throws StartError where it has others, or had them in another form: another version made it, and this one would
   *   read only half of it
   */
  async migrate(migrations: readonly Migration[]): Promise<void> {
    const applied = (await this.#ask({ task: "applied" })) as Applied;
    const foreign = foreignIn(applied, migrations);
    if (foreign !== undefined) {
      throw new StartError(
        `the data folder is of another version of Slipway, which made its database with ${foreign}: start that version, or choose a new folder with SLIPWAY_DATA`,
      );
    }
    for (const migration of migrations) {
      if (!applied.names.includes(migration.name))
        await this.#ask({ task: "migrate", ...migration });
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

/**
 * Finds what another version of Slipway made a database with.
 * @returns a migration that this version does not have, or has in another form; undefined if it is of this version
 */
export function foreignIn(
  { names, version }: Applied,
  migrations: readonly Migration[],
): string | undefined {
  const foreign = names.find((name) => migrations.every((migration) => migration.name !== name));
  if (foreign !== undefined) return foreign;
  const own = migrations
    .flatMap(({ statements }) => VERSION.exec(statements.join("\n")) ?? [])
    .at(-1);
  return version === (own ?? null) ? undefined : names.map((name) => `another ${name}`)[0];
}

/** The statement that makes the view, which changes with the schema. */
const VERSION = /CREATE VIEW schema_version AS SELECT \d+ AS version/;
