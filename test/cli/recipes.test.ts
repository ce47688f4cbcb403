/** The recipes of README and docs, line by line, in a shell without a terminal, against a registry of their own. */
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { page, pages, ROOT, section, shellLines } from "../support/pages.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const EMPTY = "application/vnd.oci.empty.v1+json";
const IMAGE = "acme/app";
/** Lines that cannot run here: how they look → why. */
const NOT_RUN: readonly (readonly [RegExp, string])[] = [
  [/\b(docker|podman|skopeo) /, "the suite with real clients runs these"],
  [/^aws /, "it needs an account at Amazon"],
  [/^npm run pack-cli/, "the test of the package runs this"],
  [/^npm ci$/, "it downloads packages; CI begins with it"],
  [/^npm start$/, "each server of these tests is started so"],
  [/^HOST=0\.0\.0\.0 .*SLIPWAY_DATA=\/srv\//, "only root may write there"],
  [/^npx wrangler (login$|secret |d1 time-travel )/, "it needs an account at Cloudflare"],
  [/^npm run deploy$/, "it needs an account at Cloudflare"],
  [/^npx wrangler dev$/, "it is a server that stays, with ports that another one may have"],
];
let server: Server;
let home: string;
/** The digest that `sha256:…` stands for. */
let digest = "";

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "slipway-recipes-"));
  server = await startServer();
  const [, policy = ""] = /```json\n([^]*?)```/.exec(page("docs/retention.md").text) ?? [];
  await writeFile(join(home, "policy.json"), policy);
});

afterAll(async () => {
  await server.stop();
  await rm(home, { recursive: true, force: true });
});

/** What a page's names stand for, where a test has another's already: "acme" → "another". */
type Names = Readonly<Record<string, string>>;

/** Types a line as a page shows it. What would be asked at a terminal, or of a forge, is answered by an option. */
async function type(line: string, names: Names = {}): Promise<string> {
  const shown = line
    .replaceAll(/\b(?:acme|alice|ID)\b/g, (name) => names[name] ?? name)
    .replaceAll(/\b(https:\/\/)?registry\.example\.com/g, server.url)
    .replaceAll("sha256:…", digest)
    .replace(
      /(slipway (?:trash purge|retention (?:set|remove)|member remove|trust delete) \S+)/,
      "$1 --yes",
    )
    .replace(/(slipway trust add github \S+)/, "$1 --repository-id 1 --owner-id 2");
  const script = `slipway() { "$NODE" "$LAUNCHER" "$@"; }\n${shown}\n`;
  const env = {
    PATH: process.env["PATH"],
    NODE: process.execPath,
    LAUNCHER: join(ROOT, "src/cli/slipway.js"),
    XDG_CONFIG_HOME: home,
    PASSWORD: server.password,
    ALICE_PASSWORD: "a password that alice chose",
    NEW_PASSWORD: "a password that bob chose",
  };
  const running = promisify(execFile)("bash", ["--norc", "-euo", "pipefail", "-c", script], {
    cwd: home,
    env,
  });
  running.child.stdin?.end();
  try {
    return (await running).stdout;
  } catch (error) {
    throw new Error(`${line}\n${(error as { stderr: string }).stderr}`, { cause: error });
  }
}

function isNotRun(line: string): boolean {
  const [command = ""] = line.split(" #");
  return NOT_RUN.some(([pattern]) => pattern.test(command.trim()));
}

interface Circumstances {
  /** What has to happen first, by how a line begins. */
  readonly before?: Readonly<Record<string, () => Promise<unknown>>>;
  readonly names?: Names;
}

/** Types all lines that can run here. */
async function follow(
  lines: readonly string[],
  { before = {}, names = {} }: Circumstances = {},
): Promise<void> {
  const own = lines.filter((line) => !isNotRun(line));
  expect(own.length).toBeGreaterThan(0);
  for (const line of own) {
    const start = Object.keys(before).find((key) => line.startsWith(key));
    await before[start ?? ""]?.();
    await type(line, names);
  }
}

const logIn = () =>
  type(
    `printf %s "$PASSWORD" | slipway login https://registry.example.com -u admin --password-stdin --expires never`,
  );

async function call(method: string, path: string, mediaType = "", body = ""): Promise<void> {
  const authorization = `Basic ${btoa(`admin:${server.password}`)}`;
  const sent = body === "" ? {} : { body };
  const headers = { authorization, "content-type": mediaType };
  const response = await fetch(`${server.url}/v2/${path}`, { method, headers, ...sent });
  expect(response.ok).toBe(true);
}

const digestOf = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}`;

/** An image unlike all others. */
async function push(tag: string): Promise<void> {
  await call(
    "POST",
    `${IMAGE}/blobs/uploads/?digest=${digestOf("{}")}`,
    "application/octet-stream",
    "{}",
  );
  const config = { mediaType: EMPTY, digest: digestOf("{}"), size: 2 };
  const annotations = { unique: randomUUID() };
  const manifest = { schemaVersion: 2, mediaType: MANIFEST, config, layers: [], annotations };
  const body = JSON.stringify(manifest);
  digest = digestOf(body);
  await call("PUT", `${IMAGE}/manifests/${tag}`, MANIFEST, body);
}

test("README's recipe for people runs without a terminal, and gives alice what it says", async () => {
  await follow(shellLines(section(page("README.md").text, "People")));
  // The last of them logged in as alice.
  const me = JSON.parse(await type("slipway whoami --json")) as object;
  expect(me).toMatchObject({
    name: "alice",
    roles: [{ repositories: "acme/app*", role: "writer" }],
  });
});

test("a login that ends makes nothing that lasts, and says what to do in a script", async () => {
  await type(
    `printf %s "$PASSWORD" | slipway login https://registry.example.com -u admin --password-stdin`,
  );
  await expect(type("slipway namespace set acme --visibility public")).rejects.toThrow(
    /lasts longer than your login/,
  );
  await follow(
    shellLines(section(page("docs/cli.md").text, "Commands that ask for the password again")),
  );
});

test("README's recipe for upkeep runs", async () => {
  await logIn();
  await push("v1");
  await push("v1");
  await follow(shellLines(section(page("README.md").text, "Upkeep")));
});

test.each(["immutable-tags", "retention", "quotas", "gc", "fsck", "audit", "ci", "backup"])(
  "the recipes of docs/%s.md run",
  async (name) => {
    await follow(shellLines(page(`docs/${name}.md`).text));
  },
);

test("the recipes of docs/restore.md run", async () => {
  await push("v1");
  const old = digest;
  await push("v1");
  digest = old;
  await follow(shellLines(page("docs/restore.md").text), {
    before: {
      "slipway trash restore acme/app@": () => call("DELETE", `${IMAGE}/manifests/${digest}`),
      "slipway trash list  ": () => type("slipway repo delete acme/app --yes"),
    },
  });
});

test("the recipes of docs/access.md run", async () => {
  const names: Record<string, string> = { acme: "access", alice: "carol" };
  const secretOf = async (line: string) => {
    const { items, tokens } = JSON.parse(await type(line)) as Record<string, { id: string }[]>;
    names["ID"] = (items ?? tokens)?.[0]?.id ?? "";
  };
  await follow(shellLines(page("docs/access.md").text), {
    names,
    before: {
      "slipway token set": async () => {
        // The login's own token must not end before the others do.
        const line = "slipway token create --pull 'access/*' --json";
        names["ID"] = (JSON.parse(await type(line)) as { id: string }).id;
      },
      "slipway session revoke": async () => {
        const signIn = {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ name: "admin", password: server.password }),
        };
        const answer = await fetch(`${server.url}/api/v1/sessions`, signIn);
        names["ID"] = (await answer.json<{ id: string }>()).id;
      },
      "slipway robot set": () => secretOf("slipway robot show access+ci --json"),
    },
  });
});

test("what docs/cli.md says of tables runs", async () => {
  await push("v1");
  await follow(shellLines(section(page("docs/cli.md").text, "What it prints")));
});

test("the recipe of docs/deploy.md for the Worker's own database runs", async () => {
  const checkout = await mkdtemp(join(tmpdir(), "slipway-checkout-"));
  const lines = shellLines(page("docs/deploy.md").text).filter((line) => !isNotRun(line));
  expect(lines).toEqual(["npx wrangler d1 migrations apply slipway --local"]);
  await cp(join(ROOT, "wrangler.toml"), join(checkout, "wrangler.toml"));
  for (const name of ["src", "node_modules", "package.json"]) {
    await symlink(join(ROOT, name), join(checkout, name));
  }
  const [command = "", ...args] = lines[0]?.split(" ") ?? [];
  const { stdout } = await promisify(execFile)(command, args, { cwd: checkout });
  await rm(checkout, { recursive: true });
  expect(stdout).toContain("0001_init.sql");
});

test("each kind of line that is not run is on some page", () => {
  const lines = pages()
    .filter(({ path }) => path === "README.md" || path.startsWith("docs/"))
    .flatMap(({ text }) => shellLines(text));
  const unused = NOT_RUN.filter(([pattern]) => !lines.some((line) => pattern.test(line)));
  expect(unused).toEqual([]);
});
