/** `slipway events` as it is used: a process, against a registry in whose database events lie that were not received. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { CommandLine } from "./harness.ts";

const commandLine = new CommandLine();
const { ok, slipway } = commandLine;
let server: Server;

beforeAll(async () => {
  server = await startServer();
  await commandLine.logIn(server);
});

afterAll(() => server.stop());

/** The registry's own database file, which is open in the server as well. */
function database(): DatabaseSync {
  const files = readdirSync(server.data, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".sqlite"))
    .map(({ parentPath, name }) => new DatabaseSync(join(parentPath, name)));
  const found = files.find(
    (file) =>
      file.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'dead_events'`).get() !== undefined,
  );
  for (const file of files) if (file !== found) file.close();
  if (found === undefined) throw new Error("no file has the table of dead events");
  return found;
}

function die(...orders: readonly number[]): void {
  const file = database();
  for (const order of orders) {
    const event = {
      id: `${order}`,
      time: 1_795_438_800_000,
      actor: "alice",
      subject: null,
      via: "password",
      action: "manifest.purge",
      namespace: "acme",
      repository: "acme/app",
      address: null,
      agent: null,
      requestId: "r",
      outcome: "done",
      order,
    };
    file
      .prepare(
        `INSERT INTO dead_events VALUES ('jobs', ?, ?, 'Error: the queue is away', 1795438860000)`,
      )
      .run(order, JSON.stringify(event));
  }
  file.close();
}

test("lists what was not received, sends it again, and drops it", async () => {
  expect(await ok("events dead")).toBe("Every event was received.\n");
  expect(await ok("events retry --all")).toBe("Every event was received.\n");
  die(7, 8, 9, 10);
  const table = await ok("events dead");
  expect(table.split("\n")[0]).toMatch(/^ID +ACTION +OF +SINCE \(UTC\) +ERROR$/);
  expect(table).toMatch(
    /^jobs-7 +manifest\.purge +acme\/app +2026-\S+ .*Error: the queue is away$/m,
  );
  const { items } = JSON.parse(await ok("events dead --json")) as { items: { id: string }[] };
  expect(items.map(({ id }) => id)).toEqual(["jobs-7", "jobs-8", "jobs-9", "jobs-10"]);

  expect(await ok("events retry jobs-8")).toBe("jobs-8 is sent again.\n");
  expect(await ok("events drop jobs-7 --yes")).toBe("jobs-7 is dropped.\n");
  const again = await slipway("events drop jobs-7 --yes");
  expect(again).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("there is no dead event jobs-7"),
  });
  expect(await ok("events retry --all")).toBe("jobs-9 is sent again.\njobs-10 is sent again.\n");
  expect(await ok("events dead")).toBe("Every event was received.\n");
});

test("asks before it drops, and wants one event or all", async () => {
  expect(await slipway("events drop jobs-1")).toMatchObject({ code: 2 });
  for (const line of ["events retry", "events retry jobs-1 --all"]) {
    const refused = await slipway(line);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("name one event") });
  }
});
