/** `npm start` from start to end: which sockets and files it opens, to whom, and its output. */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { processTree } from "../../scripts/bench/processes.ts";
import { type Server, startServer } from "../../scripts/server.ts";
import { databaseFile } from "../../scripts/scale/seed.ts";
import { Control } from "../../scripts/start/control.ts";
import { sample } from "../support/sample.ts";

const START = join(import.meta.dirname, "../../scripts/start.ts");
const SCHEMA = join(import.meta.dirname, "../../src/db/migrations/0001_init.sql");
const NOBODY = 65_534;
const isLinux = process.platform === "linux";
const isRoot = process.getuid?.() === 0;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-start-"));
  chmodSync(folder, 0o755);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe.runIf(isLinux)("what a running server opens", () => {
  let server: Server;

  beforeAll(async () => {
    // Makes the folder as an older version left it: open to everybody.
    const data = join(folder, "opened");
    mkdirSync(data, { mode: 0o755 });
    chmodSync(data, 0o755);
    const secrets = { ADMIN_PASSWORD: "correct horse", TOKEN_KEY: "k".repeat(32) };
    writeFileSync(join(data, "secrets.json"), JSON.stringify(secrets), { mode: 0o644 });
    server = await startServer({ data });
    const pushed = await fetch(`${server.url}/api/v1/users`, {
      method: "POST",
      headers: { ...authorization(server), "content-type": "application/json" },
      body: JSON.stringify({ name: "alice", password: "a password of alice's own" }),
    });
    expect(pushed.status).toBe(201);
  });

  afterAll(() => server.stop());

  test("workerd is started without a debug port, an inspector, or an entry that others reach", () => {
    const workerd = processTree(server.pid).filter(({ name }) => name.includes("workerd"));
    expect(workerd).toHaveLength(1);
    const line = readFileSync(`/proc/${workerd[0]?.pid}/cmdline`, "utf8").split("\0");
    expect(line.filter((argument) => /debug-port|inspector/.test(argument))).toEqual([]);
    const [entry = ""] = line.filter((argument) => argument.startsWith("--socket-addr="));
    expect(entry).toMatch(/^--socket-addr=entry=unix:\//);
  });

  test("every port that its processes listen at is the registry's own, or refuses everything", async () => {
    const ports = tcpListeners(server.pid);
    const own = Number(new URL(server.url).port);
    expect(ports.map(({ port }) => port)).toContain(own);
    const others = ports.filter(({ port }) => port !== own);
    for (const { address, port } of others) {
      expect(address).toBe("127.0.0.1");
      for (const [path, headers] of PROBES) {
        const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
          headers,
          redirect: "manual",
        });
        expect([path, answer.status, await answer.text()]).toEqual([path, 403, "Forbidden"]);
      }
    }
    // Miniflare's own, to which workerd alone knows the secret.
    expect(others).toHaveLength(1);
  });

  test("every socket file that its processes listen at is in a folder that its owner alone can enter", () => {
    const files = unixListeners(server.pid);
    expect(files.map((file) => file.slice(file.lastIndexOf("/") + 1)).toSorted()).toEqual([
      "control",
      "entry",
    ]);
    for (const file of files) {
      expect(statSync(join(file, "..")).mode & 0o777, file).toBe(0o700);
      expect(statSync(join(file, "..")).uid).toBe(process.getuid?.());
    }
  });

  test.runIf(isRoot)(
    "another user can read nothing of the data, and reach no socket file",
    async () => {
      const files = await everyFile(server.data);
      expect(files.length).toBeGreaterThan(5);
      const script = `
      const { readFileSync } = require("node:fs");
      const { connect } = require("node:net");
      const [files, sockets] = JSON.parse(readFileSync(0, "utf8"));
      const found = files.filter((file) => { try { readFileSync(file); return true; } catch { return false; } });
      let left = sockets.length;
      for (const path of sockets) {
        const end = () => { if (--left === 0) console.log(JSON.stringify(found)); };
        connect({ path }).on("connect", () => { found.push(path); end(); }).on("error", end);
      }`;
      const as = { uid: NOBODY, gid: NOBODY, cwd: "/", env: {} };
      const input = JSON.stringify([files, unixListeners(server.pid)]);
      // A copy, as this user's own Node may be where others can't go.
      const node = join(folder, "node");
      execFileSync("cp", [process.execPath, node]);
      chmodSync(node, 0o755);
      expect(execFileSync(node, ["-e", script], { ...as, input }).toString()).toBe("[]\n");
      // The search has to find an open file: else the empty result before would prove nothing.
      chmodSync(server.data, 0o755);
      const secrets = join(server.data, "secrets.json");
      chmodSync(secrets, 0o644);
      const open = JSON.stringify([[secrets], unixListeners(server.pid)]);
      const read = execFileSync(node, ["-e", script], { ...as, input: open }).toString();
      chmodSync(secrets, 0o600);
      chmodSync(server.data, 0o700);
      expect(JSON.parse(read)).toEqual([secrets]);
    },
  );

  test("the cron is called by a socket file, and a task that fails says why", async () => {
    const { sockets } = await holderOf(server.data);
    const control = new Control(join(sockets, "control"));
    await control.scheduled("*/5 * * * *");
    await expect(
      control.migrate([
        { name: "0001_init.sql", statements: [await readFile(SCHEMA, "utf8")] },
        { name: "9999.sql", statements: ["DROP TABLE tables"] },
      ]),
    ).rejects.toThrow("no such table: tables");
  });

  test("the data folder and every file in it are for its owner alone, those of before too", async () => {
    expect((await stat(server.data)).mode & 0o777).toBe(0o700);
    const modes = await Promise.all((await everyFile(server.data)).map((file) => stat(file)));
    expect(modes.filter(({ mode }) => (mode & 0o077) !== 0)).toEqual([]);
  });
});

describe("a start that can't be", () => {
  const WRONG: readonly [string, Record<string, string>, RegExp][] = [
    [
      "a PORT that is no number",
      { PORT: "abc" },
      /^slipway: PORT is abc: it should be a number from 0 to 65535\n$/,
    ],
    ["a PORT that is too high", { PORT: "65536" }, /^slipway: PORT is 65536: /],
    [
      "a HOST of another machine",
      { HOST: "192.0.2.1" },
      /^slipway: this machine has no address 192\.0\.2\.1: /,
    ],
    [
      "a password that is too short",
      { ADMIN_PASSWORD: "short" },
      /^slipway: setting ADMIN_PASSWORD is missing or wrong: /,
    ],
    [
      "an empty password",
      { ADMIN_PASSWORD: "" },
      /^slipway: setting ADMIN_PASSWORD is missing or wrong: /,
    ],
    [
      "a setting that is wrong",
      { TRASH_DAYS: "many" },
      /^slipway: setting TRASH_DAYS is missing or wrong: /,
    ],
    [
      "a log format that there isn't",
      { LOG_FORMAT: "xml" },
      /^slipway: LOG_FORMAT is xml: it should be json or text\n$/,
    ],
  ];
  test.each(sample("wrong settings of a start", WRONG, { few: 2 }))(
    "says so in one line and writes nothing: %s",
    async (_, env, said) => {
      const data = join(folder, "never");
      const { code, stderr } = await fail({ SLIPWAY_DATA: data, PORT: "0", ...env });
      expect(stderr).toMatch(said);
      expect([code, stderr.split("\n").length]).toEqual([1, 2]);
      await expect(stat(data)).rejects.toThrow("ENOENT");
    },
  );

  test("says that the port is taken, and the next start still shows the password", async () => {
    const data = join(folder, "taken");
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const port = String((other.address() as AddressInfo).port);
    const { code, stderr } = await fail({ SLIPWAY_DATA: data, PORT: port });
    expect(stderr).toBe(
      `slipway: 127.0.0.1:${port} is taken by another program: stop that, or choose another PORT\n`,
    );
    expect(code).toBe(1);
    await expect(stat(data)).rejects.toThrow("ENOENT");
    other.close();
    await once(other, "close");
    const first = await begin({ SLIPWAY_DATA: data, PORT: port });
    const { ADMIN_PASSWORD } = JSON.parse(await readFile(join(data, "secrets.json"), "utf8"));
    expect(first.said).toContain(`Its administrator is admin, with the password ${ADMIN_PASSWORD}`);
    expect(first.said).toContain(join(data, "secrets.json"));
    await first.stop();
    const second = await begin({ SLIPWAY_DATA: data, PORT: port });
    expect(second.said).not.toContain(ADMIN_PASSWORD);
    expect(second.said).not.toContain("building the Worker");
    expect(second.said).toContain(
      `The administrator is admin, with the password in ${join(data, "secrets.json")}.`,
    );
    await second.stop();
  });

  test.each([
    ["is a file", "is not a folder", (path: string) => writeFileSync(path, "")],
    [
      "holds something else",
      "holds something else: choose an empty or a new one with SLIPWAY_DATA",
      (path: string) => {
        mkdirSync(path);
        writeFileSync(join(path, "thesis.txt"), "");
      },
    ],
  ])("says that the data folder %s, and leaves it as it is", async (name, said, make) => {
    const data = join(folder, name.replaceAll(" ", "-"));
    make(data);
    const before = statSync(data).mode;
    const { code, stderr } = await fail({ SLIPWAY_DATA: data, PORT: "0" });
    expect(stderr).toBe(`slipway: the data folder ${data} ${said}\n`);
    expect([code, statSync(data).mode]).toEqual([1, before]);
  });

  test.each([
    ["an earlier form of its migration", `CREATE VIEW schema_version AS SELECT 1 AS version`],
    ["its migration before that had a version", `SELECT 1`],
  ])("says that another version made the data folder, with %s, and leaves it", async (_, made) => {
    const data = await mkdtemp(join(folder, "older-"));
    const first = await begin({ SLIPWAY_DATA: data, PORT: "0" });
    await first.stop();
    const file = await databaseFile(data);
    const change = new DatabaseSync(file);
    change.exec(`DROP VIEW schema_version; ${made}`);
    change.close();
    const before = tablesOf(file);
    const { code, stderr } = await fail({ SLIPWAY_DATA: data, PORT: "0" });
    expect(stderr).toContain(
      "slipway: the data folder is of another version of Slipway, which made its database with another 0001_init.sql: start that version, or choose a new folder with SLIPWAY_DATA\n",
    );
    expect(code).toBe(1);
    expect(tablesOf(file)).toEqual(before);
  });

  test.runIf(isRoot)("says that the data folder is another user's", async () => {
    const data = join(folder, "theirs");
    mkdirSync(data);
    chownSync(data, NOBODY, NOBODY);
    const { code, stderr } = await fail({ SLIPWAY_DATA: data, PORT: "0" });
    expect(stderr).toMatch(/^slipway: the data folder .* belongs to another user \(65534\), .*\n$/);
    expect(code).toBe(1);
  });

  test.runIf(isLinux)("says that the data folder can't be written", async () => {
    // Nobody can make a folder there, root included.
    const { code, stderr } = await fail({ SLIPWAY_DATA: "/sys/slipway", PORT: "0" });
    expect(stderr).toMatch(/^slipway: the data folder \/sys\/slipway cannot be made: .*\n$/);
    expect(code).toBe(1);
  });

  test("says that its secrets are not JSON, and leaves them", async () => {
    const data = join(folder, "broken");
    mkdirSync(data);
    await writeFile(join(data, "secrets.json"), "{");
    const { stderr } = await fail({ SLIPWAY_DATA: data, PORT: "0" });
    expect(stderr).toMatch(/^slipway: .*secrets\.json is not what a start wrote: .*\n$/);
    expect(await readFile(join(data, "secrets.json"), "utf8")).toBe("{");
  });
});

describe("one data folder", () => {
  test("has one server: a second one names the first and leaves it alone", async () => {
    const data = join(folder, "one");
    const server = await startServer({ data });
    const { code, stderr } = await fail({ SLIPWAY_DATA: data, PORT: "0" });
    expect(stderr).toBe(
      `slipway: the data folder ${data} has a server already, which is running as process ${server.pid}: stop it, or choose another SLIPWAY_DATA\n`,
    );
    expect(code).toBe(1);
    const answer = await fetch(`${server.url}/api/v1/me`, { headers: authorization(server) });
    expect(answer.status).toBe(200);
    await server.stop();
  });

  test("has one of four servers that are started at once, the first time and after a kill -9", async () => {
    const data = join(folder, "four");
    for (let round = 0; round < 2; round++) {
      const starts = await Promise.allSettled([0, 1, 2, 3].map(() => startServer({ data })));
      const servers = starts.flatMap((start) => (start.status === "fulfilled" ? start.value : []));
      expect(servers).toHaveLength(1);
      const refused = starts.flatMap((start) =>
        start.status === "rejected" ? String(start.reason) : [],
      );
      for (const reason of refused) expect(reason).toContain("has a server already");
      const [server] = servers;
      if (server === undefined) throw new Error("there is no server");
      process.kill(server.pid, "SIGKILL");
      await server.stop();
    }
  });

  test.runIf(isLinux)(
    "is taken over from a killed server whose workerd and watchdog live on",
    async () => {
      const data = join(folder, "orphan");
      const server = await startServer({ data });
      const tree = processTree(server.pid);
      const watchdog = tree.find(({ name }) => name === "sh");
      const workerd = tree.find(({ name }) => name.includes("workerd"));
      if (watchdog === undefined || workerd === undefined) throw new Error("a process is missing");
      process.kill(watchdog.pid, "SIGKILL");
      process.kill(server.pid, "SIGKILL");
      await server.stop();
      expect(isAlive(workerd.pid)).toBe(true);
      const next = await startServer({ data, port: Number(new URL(server.url).port) });
      expect(isAlive(workerd.pid)).toBe(false);
      await next.stop();
    },
  );

  test.runIf(isLinux)(
    "is taken over without ending a stranger that has got a dead server's process id",
    async () => {
      const data = join(folder, "reused");
      const server = await startServer({ data });
      const { sockets } = await holderOf(data);
      killTree(server.pid);
      await server.stop();
      const stranger = spawn("sleep", ["600"]);
      mkdirSync(sockets, { recursive: true });
      await writeFile(join(sockets, "workerd.pid"), `${stranger.pid}\n`);
      const next = await startServer({ data });
      expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
      stranger.kill();
      await next.stop();
      await expect(stat(join(data, "server.json"))).rejects.toThrow("ENOENT");
    },
  );
});

/** Requests that a miniflare entry would answer: the bucket, its tools, and the Worker under another name. */
const PROBES: readonly (readonly [string, Record<string, string>])[] = [
  ["/", {}],
  ["/v2/", {}],
  ["/cdn-cgi/local/r2/public/slipway/x", {}],
  ["/cdn-cgi/local/r2/s3/slipway", {}],
  ["/cdn-cgi/local/platform-proxy", { "mf-op": "GET" }],
  ["/core/dev-registry", {}],
  ["/x", { "mf-original-url": "http://127.0.0.1/cdn-cgi/local/r2/public/slipway/x" }],
];

function authorization({ password }: Server): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`admin:${password}`).toString("base64")}` };
}

/** Reads what a server writes about itself into its data folder. */
async function holderOf(data: string): Promise<{ readonly sockets: string }> {
  return JSON.parse(await readFile(join(data, "server.json"), "utf8")) as { sockets: string };
}

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

/** A start that is to end by itself. */
async function fail(env: Record<string, string>): Promise<Ended> {
  try {
    await promisify(execFile)(process.execPath, [START], {
      env: { PATH: process.env["PATH"], ...env },
    });
  } catch (error) {
    return error as Ended;
  }
  throw new Error("it ended well");
}

interface Begun {
  readonly said: string;
  stop(): Promise<void>;
}

/** Starts without a password in the environment, as people do. */
async function begin(env: Record<string, string>): Promise<Begun> {
  const child: ChildProcess = spawn(process.execPath, [START], {
    env: { PATH: process.env["PATH"], ...env },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  }
  while (!said.includes("\nready ")) await once(child.stdout ?? child, "data");
  return {
    said,
    async stop() {
      child.kill("SIGTERM");
      expect(await once(child, "exit")).toEqual([0, null]);
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    // A zombie is dead; only its parent has not noticed yet.
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function everyFile(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

/** The inodes of the sockets that the processes have open. */
function socketsOf(root: number): Set<string> {
  const inodes = processTree(root).flatMap(({ pid }) =>
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  return new Set(inodes);
}

function rowsOf(table: string): string[][] {
  const [, ...rows] = readFileSync(`/proc/net/${table}`, "utf8").trim().split("\n");
  return rows.map((row) => row.trim().split(/\s+/));
}

function tcpListeners(root: number): { address: string; port: number }[] {
  const LISTEN = "0A";
  const own = socketsOf(root);
  return ["tcp", "tcp6"].flatMap((table) =>
    rowsOf(table).flatMap(([, local = "", , state, , , , , , inode = ""]) => {
      if (state !== LISTEN || !own.has(inode)) return [];
      const [address = "", port = ""] = local.split(":");
      // The address has four bytes, the last one first.
      const bytes = Buffer.from(address, "hex").toReversed().join(".");
      return [{ address: bytes, port: Number.parseInt(port, 16) }];
    }),
  );
}

function unixListeners(root: number): string[] {
  const ACCEPTS = 0x10_000;
  const own = socketsOf(root);
  return rowsOf("unix").flatMap(([, , , flags = "", , , inode = "", path]) => {
    if ((Number.parseInt(flags, 16) & ACCEPTS) === 0 || !own.has(inode)) return [];
    return [path ?? "(no name)"];
  });
}

/**
 * Kills a process and all below it; processes that end by themselves in the meantime, such as a watchdog without its
 * server, are ignored.
 */
function killTree(root: number): void {
  for (const { pid } of processTree(root).toReversed()) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

test("a data folder of another version is refused with what to do, and left as it is", async () => {
  const data = join(folder, "other-version");
  await (await startServer({ data })).stop();
  const d1 = join(data, "d1", "miniflare-D1DatabaseObject");
  const file = readdirSync(d1).find((name) => /^[0-9a-f]{64}\.sqlite$/.test(name)) ?? "";
  const database = new DatabaseSync(join(d1, file));
  database.exec(`INSERT INTO d1_migrations (name) VALUES ('0002_access.sql')`);
  const before = database.prepare(`SELECT name, applied_at FROM d1_migrations`).all();
  await expect(startServer({ data })).rejects.toThrow(
    /made its database with 0002_access\.sql: start that version, or choose a new folder with SLIPWAY_DATA/,
  );
  expect(database.prepare(`SELECT name, applied_at FROM d1_migrations`).all()).toEqual(before);
  database.close();
});

function tablesOf(file: string): unknown[] {
  const db = new DatabaseSync(file, { readOnly: true });
  const rows = db.prepare(`SELECT name, sql FROM sqlite_master ORDER BY name`).all();
  db.close();
  return rows;
}
