/** `slipway sync`, with files of regsync's and skopeo's. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "../../../scripts/server.ts";
import { versions } from "../../../src/cli/sync/patterns.ts";
import { CommandLine } from "../harness.ts";
import { image, indexOf, partsOf, writeLayout } from "./layouts.ts";

const commandLine = new CommandLine();
const { slipway } = commandLine;
let from: Server;
let to: Server;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-sync-"));
  [from, to] = await Promise.all([startServer(), startServer()]);
  await commandLine.logIn(from);
  const app = image([100]);
  const index = indexOf({ amd64: app, arm64: image([101], "arm64") });
  await writeLayout(join(folder, "app"), [{ manifest: app.manifest, name: "v1" }], partsOf(app));
  expect(index.digest).not.toBe(app.manifest.digest);
  for (const name of [
    "acme/app:1.2.0",
    "acme/app:1.3.0-rc.1",
    "acme/app:v2.0",
    "acme/app:latest",
  ]) {
    await push(`oci:${folder}/app:v1`, name);
  }
  await push(`oci:${folder}/app:v1`, "acme/web:1.0.0");
  await push(`oci:${folder}/app:v1`, "base/os:12");
});

afterAll(async () => {
  await Promise.all([from.stop(), to.stop()]);
  await rm(folder, { recursive: true, force: true });
});

async function push(source: string, name: string): Promise<void> {
  const { code, stderr } = await slipway(`push ${source} ${from.host}/${name}`);
  expect([stderr, code]).toEqual([stderr, 0]);
}

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text.replaceAll("FROM", from.host).replaceAll("TO", to.host));
  return path;
}

interface Line {
  readonly source: string;
  readonly target: string;
  readonly outcome: string;
  readonly error: string | null;
}

async function synced(
  line: string,
  env: Record<string, string> = {},
): Promise<{ code: number; lines: string[]; errors: string[] }> {
  const { code, stdout, stderr } = await slipway(`sync ${line} --json`, { env });
  if (stdout === "") throw new Error(stderr);
  const { items } = JSON.parse(stdout) as { items: Line[] };
  return {
    code,
    lines: items.map(({ source, target, outcome }) =>
      `${outcome}: ${source} ${target}`.replaceAll(from.host, "FROM").replaceAll(to.host, "TO"),
    ),
    errors: items.flatMap(({ error }) => error ?? []),
  };
}

async function tagsAtTarget(repository: string): Promise<string[]> {
  const authorization = `Basic ${Buffer.from(`admin:${to.password}`).toString("base64")}`;
  const response = await fetch(`${to.url}/v2/${repository}/tags/list`, {
    headers: { authorization },
  });
  if (response.status === 404) return [];
  const { tags } = await response.json<{ tags: string[] }>();
  return tags.toSorted();
}

const REGSYNC = `
version: 1
x-comment: &all [".*"]
creds:
  - registry: TO
    user: admin
    pass: '{{env "MIRROR_PASSWORD"}}'
defaults:
  interval: 60m
  parallel: 2
sync:
  - source: FROM/acme/app
    target: TO/regsync/app
    type: repository
    tags:
      allow: ["\\\\d+\\\\.\\\\d+\\\\.\\\\d+.*", "latest"]
      deny: [".*-rc\\\\..*"]
  - source: FROM/acme/nothing:v1
    target: TO/regsync/nothing:v1
    type: image
  - source: FROM/acme/web:1.0.0
    target: TO/regsync/web:stable
    type: image
  - source: FROM
    target: TO/all
    type: registry
    repos: { allow: ["base/.*"] }
    tags: { allow: *all }
`;

test("regsync's file: images, repositories and registries, by allow and deny; one that fails stops no other", async () => {
  const path = await file("regsync.yml", REGSYNC);
  const env = { MIRROR_PASSWORD: to.password };
  const dry = await synced(`${path} --dry-run`, env);
  const lines = [
    "copied: FROM/acme/app:1.2.0 TO/regsync/app:1.2.0",
    "copied: FROM/acme/app:latest TO/regsync/app:latest",
    "failed: FROM/acme/nothing:v1 TO/regsync/nothing:v1",
    "copied: FROM/acme/web:1.0.0 TO/regsync/web:stable",
    "copied: FROM/base/os:12 TO/all/base/os:12",
  ];
  expect(dry.lines).toEqual(lines.map((line) => line.replace("copied:", "would be copied:")));
  expect(await tagsAtTarget("regsync/app")).toEqual([]);
  const first = await synced(path, env);
  expect([first.code, first.lines]).toEqual([1, lines]);
  expect(first.errors).toEqual([`there is no ${from.host}/acme/nothing:v1, or you may not see it`]);
  expect(await tagsAtTarget("regsync/app")).toEqual(["1.2.0", "latest"]);
  expect(await tagsAtTarget("regsync/web")).toEqual(["stable"]);
  expect(await tagsAtTarget("all/base/os")).toEqual(["12"]);
  const second = await synced(path, env);
  expect(second.lines).toEqual(lines.map((line) => line.replace("copied:", "there already:")));
  const { stderr, stdout } = await slipway(`sync ${path}`, { env });
  expect(stderr).toContain("warning: without effect here: parallel, interval");
  expect(stderr).toContain("1 of 5 were not copied");
  expect(stdout).toContain(`failed: ${from.host}/acme/nothing:v1: there is no`);
});

const SKOPEO = `
FROM:
  images:
    acme/app: ["latest"]
    acme/web: []
  images-by-tag-regex:
    base/os: "^1"
`;

test("skopeo's file goes to the target of the command line, with the last part of each name or all of it", async () => {
  await commandLine.logIn(to);
  const path = await file("skopeo.yml", SKOPEO);
  expect((await synced(`${path} ${to.host}/mirror`)).lines).toEqual([
    "copied: FROM/acme/app:latest TO/mirror/app:latest",
    "copied: FROM/acme/web:1.0.0 TO/mirror/web:1.0.0",
    "copied: FROM/base/os:12 TO/mirror/os:12",
  ]);
  const scoped = await file(
    "scoped.yml",
    'FROM:\n  images-by-semver:\n    acme/app: ">= 1.2, < 2.0"\n',
  );
  const host = from.host.replace(":", "-");
  expect((await synced(`${scoped} ${to.host}/mirror --scoped`)).lines).toEqual([
    `copied: FROM/acme/app:1.2.0 TO/mirror/${host}/acme/app:1.2.0`,
  ]);
});

test("a layer that the run has brought to one repository is mounted into the next", async () => {
  const both = image([200_000]);
  const [layer = { bytes: new Uint8Array() }] = both.layers;
  await writeLayout(join(folder, "both"), [{ manifest: both.manifest, name: "v1" }], partsOf(both));
  for (const name of ["one", "two"]) await push(`oci:${folder}/both:v1`, `twice/${name}:v1`);
  await commandLine.logIn(to);
  const path = await file("twice.yml", "FROM:\n  images:\n    twice/one: []\n    twice/two: []\n");
  const { stdout } = await slipway(`sync ${path} ${to.host}/twice --json`);
  const { items } = JSON.parse(stdout) as { items: { outcome: string; sentBytes: number }[] };
  expect(items.map(({ outcome, sentBytes }) => [outcome, sentBytes])).toEqual([
    ["copied", layer.bytes.length + both.config.bytes.length],
    ["copied", 0],
  ]);
  expect(await tagsAtTarget("twice/two")).toEqual(["v1"]);
});

test("what a file asks for and is not known is refused by name, and nothing is copied", async () => {
  const cases: readonly (readonly [text: string, said: string])[] = [
    [
      "sync: [{source: FROM/a, target: TO/a, type: repository, backup: old}]",
      "sync.0.backup (line 1): this key is not known here",
    ],
    [
      "sync:\n  - source: FROM/a\n    target: TO/a\n    typ: image\n    type: image\n",
      "sync.0.typ (line 4): this key is not known here, did you mean type?",
    ],
    ["creds:\n  - registry: FROM\n    username: a\nsync: []\n", "creds.0.username (line 3): this"],
    ["sync: [{source: FROM/a, target: TO/a, type: mirror}]", "sync.0.type (line 1): "],
    [
      "sync: [{source: FROM/a, target: TO/a, type: repository, tags: {allow: ['(']}}]",
      '"(" is no regular expression',
    ],
    [
      "FROM: {images: {a: []}, cert-dir: /certs}",
      "FROM.cert-dir (line 1): this key is not known here",
    ],
    [
      "FROM:\n  image: {a: []}\n",
      "FROM.image (line 2): this key is not known here, did you mean images?",
    ],
    ["FROM: {tls-verify: false, images: {a: []}}", "certificates are always checked"],
    ["FROM: {images-by-semver: {a: newest}}", '"newest" is no range of versions'],
    ["FROM: {images: {x/a: [], y/a: []}}", "would both go to"],
    ["sync: [", "is no YAML"],
    ["just a text", "neither regsync's file nor skopeo's"],
  ];
  for (const [text, said] of cases) {
    const path = await file("wrong.yml", text);
    const target = text.startsWith("FROM") || text.startsWith("just") ? ` ${to.host}/wrong` : "";
    const { code, stderr } = await slipway(`sync ${path}${target}`);
    expect([text, code, stderr]).toEqual([
      text,
      expect.any(Number),
      expect.stringContaining(said.replace("FROM", from.host)),
    ]);
    expect(code).not.toBe(0);
  }
  expect(await tagsAtTarget("wrong/a")).toEqual([]);
});

test("a range of versions takes tags as skopeo does", () => {
  const takes = versions(">= 1.20, < 2");
  const tags = ["1.20", "v1.21.3", "1.27-alpine", "2", "1.19.9", "latest", "1.2.3.4", "1"];
  expect(tags.filter(takes)).toEqual(["1.20", "v1.21.3"]);
  expect(() => versions("newest")).toThrow("is no range of versions");
});
