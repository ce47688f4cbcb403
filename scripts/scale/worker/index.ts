/** The Worker that `npm run scale` runs: the registry's own, which measures itself on request. */
import worker from "../../../src/worker.ts";
import { type Env, readSettings } from "../../../src/settings.ts";
import type { EventMessage } from "../../../src/events/message.ts";
import { createRegistry } from "../../../src/compose.ts";
import type { Metered } from "./meter.ts";
import { OPERATIONS } from "./operations.ts";
import { type Cost, Trial } from "./trial.ts";
import { scheduledKey, type World } from "./world.ts";

export { UploadSession } from "../../../src/worker.ts";

/** A task, as JSON. */
export type Task =
  | { readonly kind: "operations" }
  /** Writes small objects that wait for deletion, numbered from `from` on. */
  | { readonly kind: "objects"; readonly from: number; readonly to: number }
  | { readonly kind: "operation"; readonly name: string; readonly world: World }
  /** Runs garbage collection once. */
  | { readonly kind: "gc"; readonly world: World };

// Nobody reads the line that each request logs.
console.log = () => undefined;

/** Started once: the login is not part of the measurement. */
let trial: Promise<Trial> | null = null;

async function perform(task: Task, env: Env): Promise<unknown> {
  switch (task.kind) {
    case "operations":
      return OPERATIONS.map(({ name, most, counts = null }) => ({ name, most, counts }));
    case "objects": {
      const numbers = Array.from({ length: task.to - task.from }, (_, i) => task.from + i);
      await Promise.all(numbers.map((n) => env.BLOBS.put(scheduledKey(n), "doomed")));
      return null;
    }
    case "operation": {
      trial ??= Trial.begin(task.world, env);
      const on = await trial;
      const operation = OPERATIONS.find(({ name }) => name === task.name);
      if (operation === undefined) throw new Error(`no operation is called ${task.name}`);
      return brief(await on.cost(await operation.ready(on)));
    }
    case "gc": {
      trial ??= Trial.begin(task.world, env);
      const on = await trial;
      const { gc } = createRegistry(on.env, readSettings(env));
      let collected = {};
      const cost = await on.cost(async () => {
        collected = await gc.run();
      });
      return { ...brief(cost), collected };
    }
  }
}

/** Cuts off the ends of long statements. */
function brief({ statements, milliseconds }: Cost): Cost {
  const short = statements.map((one): Metered => ({
    ...one,
    sql: one.sql.replaceAll(/\s+/g, " ").slice(0, 100),
  }));
  return { statements: short, milliseconds };
}

export default {
  ...worker,
  async fetch(request, env) {
    try {
      return Response.json(await perform(await request.json<Task>(), env));
    } catch (error) {
      return new Response(error instanceof Error ? error.stack : String(error), { status: 500 });
    }
  },
} satisfies ExportedHandler<Env, EventMessage>;
