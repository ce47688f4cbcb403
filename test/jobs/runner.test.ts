/** What holds for every job: a lease, a turn, errors of its own, and going on soon. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { createRegistry } from "../../src/compose.ts";
import { JobStore } from "../../src/db/jobs.ts";
import { type Job, type Lease, statelessJob, type Step } from "../../src/jobs/job.ts";
import { JobRunner } from "../../src/jobs/runner.ts";
import { readSettings } from "../../src/settings.ts";

const jobs = new JobStore(env.DB);

interface Counted {
  readonly steps: number;
}

/** Makes a job that counts its steps, up to so many. */
function counting(
  most: number,
  {
    maxSteps = 3,
    before,
  }: { maxSteps?: number; before?: (lease: Lease<Counted>) => Promise<void> } = {},
): Job<Counted> {
  return {
    name: "counting",
    leaseMs: 60_000,
    maxSteps,
    async advance(lease): Promise<Step<Counted> | null> {
      const { steps = 0 } = lease.state;
      await before?.(lease);
      return steps === most ? null : { state: { steps: steps + 1 }, more: steps + 1 < most };
    },
  };
}

function broken(name: string): Job {
  return statelessJob(name, () => Promise.reject(new Error(`${name} is broken`)));
}

async function standing(): Promise<unknown> {
  return env.DB.prepare(
    `SELECT json_extract(state, '$.steps') AS steps, lease_until > 0 AS held FROM jobs WHERE name = 'counting'`,
  ).first();
}

beforeEach(() => env.DB.prepare(`DELETE FROM jobs WHERE name = 'counting'`).run());

test("what is about to be deleted is exported first, and retention comes after the others", () => {
  const { runner } = createRegistry(env, readSettings(env));
  const order = [
    "bounds",
    "pulls",
    "prune",
    "import",
    "export",
    "gc",
    "fsck",
    "retention",
    "scan",
    "events",
  ];
  expect(runner.names).toEqual(order);
});

describe("a turn", () => {
  test("takes so many steps, stores each, and the queue has the job go on", async () => {
    const sent: string[] = [];
    const runner = new JobRunner(jobs, [counting(5)], (name) => Promise.resolve(sent.push(name)));
    await runner.run("counting");
    expect(await standing()).toEqual({ steps: 3, held: 0 });
    expect(sent).toEqual(["counting"]);
    await runner.run("counting");
    expect(await standing()).toEqual({ steps: 5, held: 0 });
    await runner.run("counting");
    expect(sent).toHaveLength(1);
  });

  test("is not had while another run holds the job", async () => {
    const held = await jobs.acquire<Counted>("counting", 60_000);
    const runner = new JobRunner(jobs, []);
    expect(await runner.turn(counting(5))).toBeNull();
    if (held !== null) await jobs.release(held, {});
    expect(await runner.turn(counting(2))).toBe(false);
    expect(await standing()).toEqual({ steps: 2, held: 0 });
  });

  test("that is asked for while another run holds the job comes later", async () => {
    const held = await jobs.acquire<Counted>("counting", 60_000);
    const sent: unknown[] = [];
    const runner = new JobRunner(jobs, [counting(1)], (...message) =>
      Promise.resolve(sent.push(message)),
    );
    await runner.run("counting");
    expect(sent).toEqual([["counting", 30]]);
    // The cron comes again by itself.
    await runner.runAll();
    expect(sent).toHaveLength(1);
    if (held !== null) await jobs.release(held, {});
    await runner.run("counting");
    expect(sent).toHaveLength(1);
  });

  test("that fails ends its lease, and keeps what was stored before", async () => {
    const job = counting(5, {
      before: async (lease) => {
        if (lease.stepsBefore === 1) throw new Error("broken");
        await Promise.resolve();
      },
    });
    await expect(new JobRunner(jobs, []).turn(job)).rejects.toThrow("broken");
    expect(await standing()).toEqual({ steps: 1, held: 0 });
  });

  test("that lost its lease leaves the state to the run that took it", async () => {
    const job = counting(5, {
      before: async (lease) => {
        await env.DB.prepare(`UPDATE jobs SET lease_until = 0 WHERE name = 'counting'`).run();
        await jobs.acquire("counting", 60_000);
        await lease.save({ steps: 40 });
      },
    });
    expect(await new JobRunner(jobs, []).turn(job)).toBe(false);
    expect(await standing()).toEqual({ steps: null, held: 1 });
  });

  test("that failed and lost its lease tells of its failure, and leaves the state to the other run", async () => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const job = counting(5, {
      before: async (lease) => {
        await env.DB.prepare(`UPDATE jobs SET lease_until = 0 WHERE name = 'counting'`).run();
        await jobs.acquire("counting", 60_000);
        await lease.fail({ steps: 40 }, new Error("broken"));
      },
    });
    await expect(new JobRunner(jobs, []).turn(job)).rejects.toThrow("broken");
    expect(await standing()).toEqual({ steps: null, held: 1 });
    expect(logged).toHaveBeenCalledOnce();
    logged.mockRestore();
  });

  test("stores a state in the middle of a step, which outlives a crash", async () => {
    const job = counting(5, {
      before: async (lease) => {
        await lease.save({ steps: 40 });
        expect(await standing()).toEqual({ steps: 40, held: 1 });
        throw new Error("killed");
      },
    });
    await expect(new JobRunner(jobs, []).turn(job)).rejects.toThrow("killed");
    expect(await standing()).toEqual({ steps: 40, held: 0 });
  });
});

test("a job that fails keeps no other from its turn", async () => {
  const runner = new JobRunner(jobs, [broken("first"), counting(1), broken("last")]);
  await expect(runner.runAll()).rejects.toThrow(
    "jobs: Error: first is broken; Error: last is broken",
  );
  expect(await standing()).toEqual({ steps: 1, held: 0 });
});

test("a job that nobody knows is named", async () => {
  await expect(new JobRunner(jobs, []).run("nothing")).rejects.toThrow("there is no job nothing");
});
