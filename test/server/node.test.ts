/** Which Node is needed is said once, in package.json; an older one that nothing replaces is told so in one line. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
/** What an older Node says of itself, before anything else runs. */
const OLDER = `data:text/javascript,${encodeURIComponent(`
  Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.19.0" } });
  Object.defineProperty(process.features, "typescript", { value: undefined });`)}`;
let project: { engines: { node: string }; scripts: Record<string, string> };
/** A checkout in which nobody ran `npm ci`. */
let bare: string;

beforeAll(async () => {
  project = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as typeof project;
  bare = await mkdtemp(join(tmpdir(), "slipway-bare-"));
  for (const folder of ["scripts", "src/cli"]) await mkdir(join(bare, folder), { recursive: true });
  for (const file of ["package.json", "scripts/check-node.js", "src/cli/slipway.js"]) {
    await copyFile(join(ROOT, file), join(bare, file));
  }
});

afterAll(() => rm(bare, { recursive: true, force: true }));

function runOlder(...args: string[]) {
  return promisify(execFile)(process.execPath, ["--import", OLDER, ...args], { cwd: bare });
}

function refusal() {
  const needed = project.engines.node.replace(">=", "");
  const line = `slipway: Node 20.19.0 is too old: Node ${needed} or newer is needed. `;
  return { code: 1, stdout: "", stderr: expect.stringMatching(new RegExp(`^${line}.+\n$`)) };
}

test("an older Node is refused in one line, before it reads what it cannot", async () => {
  const start = runOlder("--import", "./scripts/check-node.js", "scripts/start.ts");
  await expect(start).rejects.toMatchObject(refusal());
  await expect(runOlder("scripts/check-node.js")).rejects.toMatchObject(refusal());
  await expect(runOlder("src/cli/slipway.js", "whoami")).rejects.toMatchObject(refusal());
});

test("the Node that runs the tests is new enough, and is told nothing", async () => {
  const said = await promisify(execFile)(process.execPath, [join(ROOT, "scripts/check-node.js")]);
  expect(said).toEqual({ stdout: "", stderr: "" });
});

test("npm start and npm test look at their Node first", () => {
  expect(project.scripts).toMatchObject({
    start: "exec node --import ./scripts/check-node.js scripts/start.ts",
    test: expect.stringMatching(/^node scripts\/check-node\.js && /),
  });
});

test("npm start ends with the signal that npm gets, so a supervisor of npm leaves no server behind", async ({
  onTestFinished,
}) => {
  const data = join(bare, "data");
  const env = { ...process.env, HOST: "127.0.0.1", PORT: "0", SLIPWAY_DATA: data };
  const npm = spawn("npm", ["start"], { cwd: ROOT, env, stdio: ["ignore", "pipe", "ignore"] });
  const closed = once(npm, "close");
  for await (const line of createInterface({ input: npm.stdout })) {
    if (!line.startsWith("ready ")) continue;
    const { pid } = JSON.parse(await readFile(join(data, "server.json"), "utf8")) as Holder;
    onTestFinished(() => endIfThere(pid));
    npm.kill("SIGTERM");
  }
  // The server holds the other end of this output as long as it runs.
  await closed;
});

interface Holder {
  readonly pid: number;
}

function endIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
