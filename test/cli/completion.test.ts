/** Examples in helps and completion, both derived from the tree of commands. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { pathOf } from "../../src/cli/command.ts";
import { completionScript } from "../../src/cli/completion.ts";
import { EXAMPLES } from "../../src/cli/examples.ts";
import { makeProgram } from "../../src/cli/program.ts";

function leavesOf(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf);
}

const leaves = leavesOf(makeProgram()).map((leaf) => pathOf(leaf).replace("slipway ", ""));

/** Splits a line as a shell does, up to a redirection. */
function argumentsOf(line: string): string[] {
  const words = line.split(/ [<>] /)[0]?.match(/(?:[^\s']|'[^']*')+/g) ?? [];
  return words.map((word) => word.replaceAll("'", ""));
}

describe("examples", () => {
  test("are there for each command, and for nothing else", () => {
    expect(Object.keys(EXAMPLES).toSorted()).toEqual(leaves.toSorted());
  });

  const lines = Object.entries(EXAMPLES).flatMap(([path, examples]) =>
    examples.map((rest) => [path, `${path} ${rest}`.trim()]),
  );

  test.each(lines)("of %s can be run: slipway %s", async (path, line) => {
    const program = makeProgram();
    let run = "";
    for (const leaf of leavesOf(program)) {
      leaf.action(() => {
        run = pathOf(leaf);
      });
    }
    await program.parseAsync(argumentsOf(line ?? ""), { from: "user" });
    expect(run).toBe(`slipway ${path}`);
  });

  test("fit a terminal", () => {
    expect(lines.filter(([, line]) => `  slipway ${line}`.length > 80)).toEqual([]);
  });

  test("are at the end of the help", () => {
    const robot = makeProgram().commands.find((command) => command.name() === "robot");
    const create = robot?.commands.find((command) => command.name() === "create");
    let help = "";
    create?.configureOutput({ writeOut: (text) => (help += text) });
    create?.outputHelp();
    expect(help).toMatch(/\nExamples:\n {2}slipway robot create acme\+ci --push 'acme\/\*'\n/);
  });
});

test("--version is the package's", () => {
  expect(makeProgram().version()).toBe(manifest.version);
});

test("no text of the command line calls garbage collection anything else", () => {
  const texts = (command: Command): string[] => [
    command.description(),
    ...command.options.map(({ description }) => description),
    ...command.commands.flatMap(texts),
  ];
  for (const text of texts(makeProgram())) {
    expect(text).not.toMatch(/(?<!garbage )collect|lifecycle|\bundo\b/i);
  }
});

describe("completion", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-completion-"));
    await writeFile(join(folder, "slipway.bash"), completionScript(makeProgram(), "bash"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Asks bash what it offers for the last of the words. */
  async function offered(...words: string[]): Promise<string[]> {
    const ask = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _slipway
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const args = ["-c", ask, "bash", join(folder, "slipway.bash"), "slipway", ...words];
    const { stdout } = await promisify(execFile)("bash", args);
    return stdout.split("\n").filter((word) => word !== "");
  }

  test.each([
    [["ro"], ["robot"]],
    [["robot", "cr"], ["create"]],
    [["robot", "create", "acme+ci", "--ex"], ["--expires"]],
    [["--json", "ta"], ["tag"]],
    [
      ["trust", "add", ""],
      ["github", "gitlab", "oidc", "help"],
    ],
    [
      ["repo", "set", "acme/app", "--visibility", ""],
      ["public", "private"],
    ],
    [
      ["member", "set", "acme", "alice", ""],
      ["reader", "writer", "maintainer", "owner"],
    ],
    [
      ["completion", ""],
      ["bash", "zsh", "fish"],
    ],
    [["robot", "create", "acme+ci", "--description", ""], []],
  ])("bash offers after %j: %j", async (words, candidates) => {
    expect(await offered(...words)).toEqual(candidates);
  });

  test.each(["bash", "zsh", "fish"] as const)("for %s knows every command", (shell) => {
    const script = completionScript(makeProgram(), shell);
    for (const leaf of leaves) expect(script).toContain(leaf);
  });
});
