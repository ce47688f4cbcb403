/** Runs the measuring Worker on a world's data, and calls it. */
import { join } from "node:path";
import { ROOT, startLocal } from "../local.ts";

export const VARS = {
  ADMIN_PASSWORD: "the password of a world of its own",
  TOKEN_KEY: "a key that only this world knows, longer than thirty-two bytes",
};

/** A statement as scripts/scale/worker/index.ts answers it. */
export interface Statement {
  readonly sql: string;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly milliseconds: number;
}

export interface Cost {
  readonly statements: readonly Statement[];
  readonly milliseconds: number;
}

export interface Operation {
  readonly name: string;
  readonly most: number;
  readonly counts: "bounded" | "unbounded" | null;
}

export interface Collection extends Cost {
  readonly collected: Readonly<Record<string, number | boolean>>;
}

export interface Measuring {
  /** @throws Error with what went wrong in the Worker */
  ask<T>(task: object): Promise<T>;
  stop(): Promise<void>;
}

export async function startMeasuring(data: string): Promise<Measuring> {
  const entry = join(ROOT, "scripts", "scale", "worker", "index.ts");
  const local = await startLocal({ data, vars: VARS, entry });
  const url = await local.miniflare.ready;
  return {
    async ask<T>(task: object): Promise<T> {
      const response = await fetch(url, { method: "POST", body: JSON.stringify(task) });
      if (!response.ok) throw new Error(await response.text());
      return (await response.json()) as T;
    },
    stop: () => local.dispose(),
  };
}
