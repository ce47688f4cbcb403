/** Runs a step's programs as GitHub's runner does: inputs and state in the environment, outputs in files. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { buildAction } from "../../scripts/build-action.ts";

type Variables = Readonly<Record<string, string>>;

/** Replaces Docker: keeps its arguments and its input, and fails as it is told to. */
const DOCKER = `#!${process.execPath}
const { appendFileSync, readFileSync } = require("node:fs");
const args = process.argv.slice(2);
const input = args.includes("--password-stdin") ? readFileSync(0, "utf8") : "";
appendFileSync(process.env.DOCKER_SAW, JSON.stringify({ args, input }) + "\\n");
if (args[0] === process.env.DOCKER_FAILS) {
  console.error("Error response from daemon: no");
  process.exit(1);
}
`;

export interface Call {
  readonly args: readonly string[];
  readonly input: string;
}

export interface Stage {
  readonly code: number;
  readonly log: string;
  readonly outputs: Variables;
}

/** A runner with the action on it, as its sources are now. */
export class Runner {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(): Promise<Runner> {
    const folder = await mkdtemp(join(tmpdir(), "slipway-action-"));
    await buildAction(join(folder, "dist"));
    await mkdir(join(folder, "bin"));
    await writeFile(join(folder, "bin", "docker"), DOCKER);
    await chmod(join(folder, "bin", "docker"), 0o755);
    return new Runner(folder);
  }

  /** A step of a job. @param variables of the job, and the step's inputs as INPUT_… */
  async step(variables: Variables): Promise<Step> {
    return new Step(this.#folder, await mkdtemp(join(this.#folder, "step-")), variables);
  }

  async stop(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

export class Step {
  readonly #runner: string;
  readonly #folder: string;
  readonly #variables: Variables;

  constructor(runner: string, folder: string, variables: Variables) {
    this.#runner = runner;
    this.#folder = folder;
    this.#variables = variables;
  }

  main(): Promise<Stage> {
    return this.#run("main", {});
  }

  /** Runs with what `main` saved, whether it succeeded or not. */
  async post(variables: Variables = {}): Promise<Stage> {
    const saved = Object.entries(await this.state());
    const state = Object.fromEntries(saved.map(([name, value]) => [`STATE_${name}`, value]));
    return this.#run("post", { ...state, ...variables });
  }

  async state(): Promise<Variables> {
    return variablesIn(await this.#read("state"));
  }

  /** The calls of Docker so far. */
  async docker(): Promise<Call[]> {
    const lines = (await this.#read("docker")).split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as Call);
  }

  /** Returns whether a file of this name is there: Docker's configuration, where it is the real one. */
  dockerConfig(): Promise<string> {
    return this.#read("docker-config/config.json");
  }

  async #run(program: "main" | "post", variables: Variables): Promise<Stage> {
    const files = { GITHUB_OUTPUT: "output", GITHUB_STATE: "state" };
    const paths = Object.entries(files).map(([name, file]) => [name, join(this.#folder, file)]);
    for (const [, path = ""] of paths) await appendFile(path, "");
    const child = spawn(process.execPath, [join(this.#runner, "dist", `${program}.mjs`)], {
      env: {
        PATH: `${join(this.#runner, "bin")}:${dirname(process.execPath)}:/usr/bin:/bin`,
        HOME: this.#folder,
        RUNNER_TEMP: this.#folder,
        DOCKER_SAW: join(this.#folder, "docker"),
        DOCKER_CONFIG: join(this.#folder, "docker-config"),
        GITHUB_ACTIONS: "true",
        ...Object.fromEntries(paths),
        ...this.#variables,
        ...variables,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "close") as Promise<[number]>,
    ]);
    const outputs = variablesIn(await this.#read("output"));
    return { code, log: stdout + stderr, outputs };
  }

  #read(name: string): Promise<string> {
    return readFile(join(this.#folder, name), "utf8").catch(() => "");
  }
}

/** Reads variables as the runner does: `name<<delimiter`, the lines, the delimiter. The last one of a name counts. */
function variablesIn(file: string): Variables {
  const found = file.matchAll(/^(\w+)<<(.+)\n([^]*?)\n\2$/gm);
  return Object.fromEntries([...found].map(([, name = "", , value = ""]) => [name, value]));
}
