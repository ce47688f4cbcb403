/** What README and docs name is there: links, commands, options, and the messages of the troubleshooting page. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { Command } from "commander";
import { expect, test, vi } from "vitest";
import { commandsIn, page, pages, ROOT, shellLines } from "../support/pages.ts";

const PAGES = pages();
/** The clients, which a suite of their own runs, and what every shell has. */
const OTHERS = new Set(["docker", "podman", "skopeo", "printf", "awk", "source"]);
/** What takes an account at Cloudflare or Amazon cannot run here. */
const REMOTE = [
  "npx wrangler login",
  "npx wrangler dev",
  "npx wrangler secret",
  "npx wrangler d1",
  "aws ecr get-lifecycle-policy",
];

test("the pages and their commands are found", () => {
  expect(PAGES.map(({ path }) => path)).toEqual(
    expect.arrayContaining(["README.md", "docs/README.md", "docs/internals/gc.md"]),
  );
  const line = `A=1 printf '%s\\n' "$B" | slipway purge 'a|b' --yes > file   # for good`;
  expect(commandsIn(line)).toEqual([
    ["printf", "%s\\n", "$B"],
    ["slipway", "purge", "a|b", "--yes"],
  ]);
  expect(commandsIn("source <(slipway whoami)")).toEqual([["source"], ["slipway", "whoami"]]);
});

test.each(PAGES.map(({ path, text }) => [path, text]))(
  "the links of %s lead somewhere",
  (path, text) => {
    const targets = [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(
      ([, target = ""]) => target,
    );
    const broken = targets.filter((target) => {
      const [file = "", anchor] = target.split("#");
      const to = file === "" ? path : relative(ROOT, join(ROOT, dirname(path), file));
      if (!existsSync(join(ROOT, to))) return true;
      return anchor !== undefined && !anchors(page(to).text).includes(anchor);
    });
    expect(broken).toEqual([]);
  },
);

/** As GitHub makes them of headings. */
function anchors(text: string): string[] {
  const headings = text.replaceAll(/^```[^]*?^```$/gm, "").matchAll(/^#+ (.*)$/gm);
  return Array.from(headings, ([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

test("every page of docs is in its index", () => {
  const index = page("docs/README.md").text;
  const listed = PAGES.map(({ path }) => path).filter((path) => /^docs\/(?!README)/.test(path));
  expect(listed.filter((path) => !index.includes(`(${relative("docs", path)})`))).toEqual([]);
});

const lines = PAGES.flatMap(({ path, text }) => shellLines(text).map((line) => [path, line]));
const commands = lines.flatMap(([path = "", line = ""]) =>
  commandsIn(line).map((words) => [path, words.join(" "), words] as const),
);

test("every command of the pages is one that is known", async () => {
  const program = await theCommandLine();
  const wrong = await Promise.all(
    commands.map(async ([path, line, words]) => {
      const fault = await faultOf(words, program);
      return fault === null ? [] : `${path}: ${line}: ${fault}`;
    }),
  );
  expect(wrong.flat()).toEqual([]);
  expect(commands.length).toBeGreaterThan(100);
});

async function faultOf(words: readonly string[], program: Command): Promise<string | null> {
  const line = words.join(" ");
  const [name = "", ...rest] = words;
  if (name === "slipway") return faultOfSlipway(rest, program);
  if (line.startsWith("npm run -s slipway -- ")) return faultOfSlipway(words.slice(5), program);
  if (name === "npm") return faultOfNpm(rest);
  if (line.startsWith("npx vitest run ")) return faultOfVitest(words.slice(3));
  if (OTHERS.has(name) || REMOTE.some((known) => line.startsWith(known))) return null;
  return "nobody knows whether this runs";
}

function faultOfNpm([command = "", name = "", ...rest]: readonly string[]): string | null {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  if (command === "ci") return null;
  // Tried by test/cli/package.test.ts.
  if (command === "install") return rest[0] === "./build/slipway-cli.tgz" ? null : "installs what?";
  const script = command === "run" ? name : command;
  return scripts[script] === undefined ? "package.json has no such script" : null;
}

function faultOfVitest(args: readonly string[]): string | null {
  const missing = args.filter((arg) => arg.includes("/") && !beginsFile(arg));
  return missing.length === 0 ? null : `there is no ${missing.join(", ")}`;
}

/** vitest takes the beginning of a file's name as well. */
function beginsFile(path: string): boolean {
  return readdirSync(join(ROOT, dirname(path))).some((name) => name.startsWith(basename(path)));
}

/** The command line's own tree of commands, with nothing behind it: what main.ts would run is only parsed. */
async function theCommandLine(): Promise<Command> {
  const run = vi.spyOn(Command.prototype, "parseAsync").mockResolvedValue(new Command());
  await import("../../src/cli/main.ts");
  const [program] = run.mock.contexts;
  run.mockRestore();
  if (!(program instanceof Command)) throw new Error("main.ts parsed nothing");
  emptied(program.configureOutput({ writeErr: () => {} }));
  return program;
}

function emptied(command: Command): void {
  if (command.commands.length === 0) command.action(() => {});
  for (const sub of command.commands) emptied(sub.configureOutput({ writeErr: () => {} }));
}

/** Commands are parsed one after another: they share one tree. */
let parsing: Promise<unknown> = Promise.resolve();

function faultOfSlipway(args: readonly string[], program: Command): Promise<string | null> {
  // `…` says that a command of one's own follows, and `--help` ends in help.
  if (args.includes("…") || args.includes("--help")) return Promise.resolve(null);
  const next = parsing.then(async () => {
    try {
      const digest = `sha256:${"0".repeat(64)}`;
      const given = args.map((arg) => arg.replace("sha256:…", digest));
      await program.parseAsync(given, { from: "user" });
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  });
  parsing = next;
  return next;
}

test("the messages of the troubleshooting page are those of the source", () => {
  const { text } = page("docs/troubleshooting.md");
  const foreign = text.slice(text.indexOf("These texts are"), text.indexOf("## The command line"));
  const rows = text.replace(foreign, "").matchAll(/^\| `(.*?)` \|/gm);
  const source = sources()
    .map((file) => readFileSync(join(ROOT, file), "utf8"))
    .join("\n")
    .replaceAll("\\'", "'");
  const messages = Array.from(rows, ([, message = ""]) => message);
  // What differs is `…` there and an expression here.
  const unknown = messages.filter((message) =>
    message.split("…").some((part) => !source.includes(part.trim())),
  );
  expect(unknown).toEqual([]);
  expect(messages.length).toBeGreaterThan(40);
});

function sources(): string[] {
  return ["src", "scripts"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(ts|js)$/.test(name))
      .map((name) => join(folder, name)),
  );
}

test.each([
  ["ci", ".ci/run"],
  ["nightly", ".ci/nightly"],
])("the workflow %s runs %s, by pinned actions that may only read", (name, script) => {
  const { text } = page(`.github/workflows/${name}.yml`);
  expect(text).toContain(`      - run: ${script}\n`);
  expect(text.match(/^ *permissions:.*$/gm)).toEqual(["permissions: { contents: read }"]);
  const actions = [...text.matchAll(/uses: (.*)$/gm)].map(([, action]) => action);
  expect(actions.length).toBeGreaterThan(0);
  for (const action of actions) expect(action).toMatch(/@[0-9a-f]{40} # v\d/);
});
