/** The command line as somebody sees it who sits at a terminal, and as a script reads it. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { widthOf } from "../../src/cli/text-width.ts";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/media-type.ts";
import { CommandLine, inAWeek, LAUNCHER, unwrapped } from "./harness.ts";

const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";
const EMPTY = "application/vnd.oci.empty.v1+json";
const SBOM = "application/spdx+json";
const LONG = "a-tag-that-is-as-long-as-the-name-of-a-branch-may-be-in-a-team-that-likes-names";
/** util-linux's `script` gives a terminal; elsewhere its arguments are others. */
const onLinux = test.runIf(process.platform === "linux");

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

let server: Server;
const cli = new CommandLine();
let image: Descriptor;
let index: Descriptor;

beforeAll(async () => {
  server = await startServer();
  const input = server.password;
  await cli.ok(`login ${server.url} -u admin --password-stdin --expires never`, { input });
  image = await pushImage("acme/app", ["v1", LONG]);
  index = await put("acme/app", "multi", OCI_INDEX, {
    manifests: [{ ...image, platform: { os: "linux", architecture: "amd64" } }],
  });
  const empty = await pushBlob("acme/app", EMPTY, "{}");
  const sbom = { artifactType: SBOM, config: empty, layers: [], subject: image };
  await put("acme/app", null, OCI_MANIFEST, sbom);
  await cli.ok("robot create acme+ci --push acme/* --pull acme/base-images --description builds");
  await cli.ok("repo create acme/described --description with-a-description-that-goes-on-and-on");
});

afterAll(async () => {
  await server.stop();
});

async function request(method: string, path: string, body?: string, type = LAYER) {
  const authorization = `Basic ${btoa(`admin:${server.password}`)}`;
  const headers = { authorization, "content-type": type };
  return fetch(server.url + path, { method, headers, ...(body === undefined ? {} : { body }) });
}

async function pushBlob(name: string, mediaType: string, body: string): Promise<Descriptor> {
  const digest = digestOf(body);
  const { status } = await request("POST", `/v2/${name}/blobs/uploads/?digest=${digest}`, body);
  expect(status).toBe(201);
  return { mediaType, digest, size: body.length };
}

/** @param tag null for none */
async function put(name: string, tag: string | null, mediaType: string, fields: object) {
  const body = JSON.stringify({ schemaVersion: 2, mediaType, ...fields });
  const digest = digestOf(body);
  const path = `/v2/${name}/manifests/${tag ?? digest}`;
  expect((await request("PUT", path, body, mediaType)).status).toBe(201);
  return { mediaType, digest, size: body.length };
}

/** An image with a layer and a label. */
async function pushImage(name: string, tags: readonly string[]): Promise<Descriptor> {
  const labels = { "org.opencontainers.image.source": "https://git.example/acme/app" };
  const settings = { Cmd: ["/bin/app", "--serve"], Labels: labels };
  const json = { os: "linux", architecture: "amd64", created: "2026-01-02T03:04:05Z" };
  const body = JSON.stringify({ ...json, config: settings });
  const config = await pushBlob(name, CONFIG, body);
  const layers = [await pushBlob(name, LAYER, "a layer's bytes")];
  let pushed: Descriptor | undefined;
  for (const tag of tags) pushed = await put(name, tag, OCI_MANIFEST, { config, layers });
  if (pushed === undefined) throw new Error("an image needs a tag");
  return pushed;
}

function digestOf(content: string): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

function short(digest: string): string {
  return digest.slice(0, "sha256:".length + 12);
}

async function statusOf(path: string): Promise<number> {
  const response = await request("GET", path);
  await response.body?.cancel();
  return response.status;
}

/** A registry that answers all the same. */
async function answering(status: number, answer: object) {
  const http = createServer((_request, response) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(answer));
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return { url, close: () => http.close() };
}

describe("a terminal of 80 columns", () => {
  const LINES = [
    "tag list acme/app",
    "tag show acme/app:v1",
    "tag history acme/app",
    "manifest list acme/app",
    "repo list",
    "repo show acme/described",
    "inspect acme/app:v1",
    "inspect acme/app:multi",
    "robot list acme",
    "robot show acme+ci",
    "member list acme",
    "user list",
    "token list",
    "session list",
    "namespace list",
    "audit",
    "gc status",
    "trash list acme/app",
    "whoami",
    "fsck --status",
    "--help",
    "trust add github --help",
  ];

  onLinux.each(LINES)("has no line that is wider: %s", async (line) => {
    const shown = stripVTControlCharacters(await cli.atTerminal(line));
    expect(shown).not.toContain("slipway:");
    // A word that is longer, such as a digest where one looks at a single thing, stays whole and has a line of its own.
    const wide = shown
      .split("\n")
      .filter((one) => widthOf(one) > 80 && !/^( *|[\w ]+ {2})\S{64,}$/.test(one));
    expect([line, wide]).toEqual([line, []]);
  });

  onLinux("shows short digests and types, and cuts long names", async () => {
    const shown = stripVTControlCharacters(await cli.atTerminal("tag list acme/app"));
    expect(shown.split("\n")).toEqual([
      expect.stringMatching(/^TAG +TYPE +SIZE +PLATFORMS +UPDATED +DIGEST$/),
      expect.stringMatching(
        new RegExp(`^a-tag-\\S+… +image +\\d+ B +linux/amd64 +\\S.* ${short(image.digest)}$`),
      ),
      expect.stringMatching(new RegExp(`^multi +index .* ${short(index.digest)}$`)),
      expect.stringMatching(/^v1 +image /),
      "",
    ]);
    const manifests = stripVTControlCharacters(await cli.atTerminal("manifest list acme/app"));
    expect(manifests).toMatch(/^sha256:\w{12} +sbom +/m);
  });

  onLinux("shows all of what fsck says of a finding", async () => {
    const message = `the bytes are not those of the digest; ${"push the image again ".repeat(5)}`;
    const finding = { kind: "blob.damaged", repository: "acme/app", subject: image.digest };
    const found = { ...finding, outcome: "found", affected: ["acme/app:v1"], message };
    const step = { phase: "objects", checked: 1, bytes: 0, unhashed: 0, next: null };
    const fake = await answering(200, { ...step, findings: [found] });
    const shown = stripVTControlCharacters(
      await cli.atTerminal(`fsck --registry ${fake.url} --hash none`),
    );
    fake.close();
    expect(shown).toMatch(new RegExp(`^subject +${image.digest}$`, "m"));
    expect(shown.replaceAll(/\s+/g, " ")).toContain(message.trim());
  });

  onLinux("has colours, unless NO_COLOR is set", async () => {
    expect(await cli.atTerminal("tag list acme/app")).toContain("\u001B[1mTAG");
    const env = { NO_COLOR: "1" };
    expect(await cli.atTerminal("tag list acme/app", { env })).not.toContain("\u001B");
    expect(await cli.atTerminal("tag list acme/app --json")).not.toContain("\u001B");
  });

  onLinux("shows everything with --wide, and so does a pipe", async () => {
    const wide = stripVTControlCharacters(await cli.atTerminal("tag list acme/app --wide"));
    expect(wide).toContain(LONG);
    expect(wide).toContain(image.digest);
    const piped = await cli.ok("tag list acme/app");
    expect(piped).toBe(wide);
    expect((await cli.ok("audit --namespace acme")).split("\n")[0]).toMatch(
      /^TIME \(UTC\) +OUTCOME +ACTION +ACTOR +OF +NAME +ADDRESS +DETAIL$/,
    );
  });
});

describe("inspect", () => {
  test("shows an image's layers, labels and what is attached", async () => {
    const shown = await cli.ok("inspect acme/app:v1");
    expect(shown).toMatch(new RegExp(`^digest +${image.digest}$`, "m"));
    expect(shown).toMatch(/^type +image \(/m);
    expect(shown).toMatch(/^platforms +linux\/amd64$/m);
    expect(shown).toMatch(/^created +2026-01-02 03:04:05 UTC$/m);
    expect(shown).toMatch(/^command +\/bin\/app --serve$/m);
    expect(shown).toMatch(
      /^ +org\.opencontainers\.image\.source +https:\/\/git\.example\/acme\/app$/m,
    );
    expect(shown).toMatch(
      new RegExp(`^${digestOf("a layer's bytes")} +15 B +${RegExp.escape(LAYER)}$`, "m"),
    );
    expect(shown).toMatch(/^sbom +sha256:\w{64} +application\/spdx\+json$/m);
  });

  test("shows an index's images, and takes the digests that tables show", async () => {
    const shown = await cli.ok("inspect acme/app:multi");
    expect(shown).toMatch(new RegExp(`^linux/amd64 +image +${image.digest}$`, "m"));
    const byDigest = await cli.json(`inspect acme/app@${short(image.digest)}`);
    expect(byDigest).toMatchObject({
      repository: "acme/app",
      digest: image.digest,
      manifest: { layers: [{ size: 15 }] },
      config: { os: "linux" },
      referrers: [{ artifactType: SBOM }],
    });
  });

  test("says which tag is not there, and lists those that are", async () => {
    const { code, stderr } = await cli.slipway("inspect acme/app");
    expect([code, stderr]).toEqual([
      1,
      "slipway: there is no tag acme/app:latest\nslipway tag list acme/app lists those that are there\n",
    ]);
  });
});

describe("what destroys", () => {
  const LINES = [
    "user delete nobody",
    "token delete none",
    "namespace delete acme",
    "member remove acme nobody",
    "robot delete acme+ci",
    "robot rotate acme+ci --remove none",
    "trust delete acme+none",
    "repo delete acme/app",
    "tag delete acme/app:v1",
    "retention remove acme",
    "trash purge acme/app",
  ];

  test.each(LINES)("needs --yes without a terminal: %s", async (line) => {
    const { code, stdout, stderr } = await cli.slipway(line);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^slipway: there is no terminal to ask at: add --yes to /);
  });

  test("so does manifest delete, which says the tags that go", async () => {
    const { code, stderr } = await cli.slipway(`manifest delete acme/app@${short(index.digest)}`);
    expect([code, stderr.split("\n")[0]]).toEqual([
      2,
      `slipway: there is no terminal to ask at: add --yes to delete the manifest acme/app@${index.digest}, and with it the tags multi`,
    ]);
  });

  onLinux("asks, and says how to undo it: nothing is done without a yes", async () => {
    const tag = "acme/asked:v1";
    await pushImage("acme/asked", ["v1"]);
    const undo = `To undo, within 7 days (until ${inAWeek()}): slipway trash restore ${tag}`;
    const no = await cli.atTerminal(`tag delete ${tag}`, { typing: [["[y/N]", "n"]] });
    expect(unwrapped(no)).toContain(`Delete the tag ${tag}? ${undo} [y/N]`);
    expect(no).toContain("nothing was changed");
    expect(await statusOf("/v2/acme/asked/manifests/v1")).toBe(200);
    const yes = await cli.atTerminal(`tag delete ${tag}`, { typing: [["[y/N]", "y"]] });
    expect(yes).toContain(`Tag ${tag} was deleted`);
    expect(await statusOf("/v2/acme/asked/manifests/v1")).toBe(404);
    await cli.ok(`trash restore ${tag}`);
    expect(await statusOf("/v2/acme/asked/manifests/v1")).toBe(200);
  });

  test("a manifest is deleted with its tags, and restored, by the digests that tables show", async () => {
    const { digest } = await pushImage("acme/deleted", ["v1", "v2"]);
    const name = `acme/deleted@${digest}`;
    expect(await cli.ok(`manifest delete acme/deleted@${short(digest)} --yes`)).toBe(
      `Manifest ${name} was deleted, and with it the tags v1, v2. To undo, within 7 days (until ${inAWeek()}): slipway trash restore ${name}\n`,
    );
    expect(await statusOf(`/v2/acme/deleted/manifests/${digest}`)).toBe(404);
    const gone = await cli.slipway(`manifest delete acme/deleted@${short(digest)} --yes`);
    expect([gone.code, gone.stderr.split("\n")[0]]).toEqual([
      1,
      `slipway: there is no such manifest in acme/deleted whose digest begins with ${short(digest)}`,
    ]);
    await cli.ok(`trash restore acme/deleted@${short(digest)}`);
    expect(await statusOf("/v2/acme/deleted/manifests/v2")).toBe(200);
  });

  test("a tag is pointed back by the digest that its history shows", async () => {
    const before = await pushImage("acme/moved", ["v1"]);
    await put("acme/moved", "v1", OCI_INDEX, { manifests: [] });
    await cli.ok(`trash restore acme/moved:v1 --digest ${short(before.digest)}`);
    const shown = await cli.json<{ digest: string }>("tag show acme/moved:v1");
    expect(shown.digest).toBe(before.digest);
  });
});

/** The lines that a narrow terminal shows; a question is answered with no. */
async function sit(line: string): Promise<string[]> {
  const typing = [["[y/N]", "n"]] as const;
  const shown = await cli.atTerminal(line, { columns: 40, typing });
  return stripVTControlCharacters(shown).split("\n");
}

describe("sentences at a terminal of 40 columns", () => {
  onLinux("are broken between words: errors, hints and questions", async () => {
    expect((await sit("namespace show nope-nope-nope-nope")).slice(0, 4)).toEqual([
      "slipway: there is no namespace",
      "nope-nope-nope-nope",
      "slipway namespace list lists those that",
      "you have a part in",
    ]);
    const asked = await sit("namespace delete acme");
    expect(asked.filter((line) => widthOf(line) > 40)).toEqual([]);
    expect(asked.length).toBeGreaterThan(3);
  });

  onLinux("have their commands on one line, to be copied", async () => {
    const lines = await sit("repo delete acme/described");
    expect(lines).toContainEqual(
      expect.stringMatching(/^slipway trash restore acme\/described( |$)/),
    );
    expect(await sit("tag show acme/app:nope")).toContain("slipway tag list acme/app lists those");
  });

  test("are whole where there is no terminal", async () => {
    const { stderr } = await cli.slipway("namespace show nope");
    expect(stderr).toBe(
      "slipway: there is no namespace nope\nslipway namespace list lists those that you have a part in\n",
    );
    const { stderr: json } = await cli.slipway("namespace show nope --json");
    expect(JSON.parse(json)).toMatchObject({
      error: { hint: "slipway namespace list lists those that you have a part in" },
    });
  });
});

describe("the exit code", () => {
  test.each([
    ["namespace create Acme", "name: "],
    ["audit --action tag.delet", "did you mean tag.delete?"],
    ["tag", "which command of slipway tag? list, show, history, delete\n"],
    ["trust add", "which command of slipway trust add? github, gitlab, oidc\n"],
    ["tag lst", "(Did you mean list?)"],
  ])("is 2 for what is typed wrong, whoever finds it: %s", async (line, said) => {
    const { code, stderr } = await cli.slipway(line);
    expect([code, stderr]).toEqual([2, expect.stringContaining(said)]);
  });

  test.each(["namespace show nope", "namespace create acme", "repo set acme/app --readme /none"])(
    "is 1 for what is refused or not there: %s",
    async (line) => {
      expect((await cli.slipway(line)).code).toBe(1);
    },
  );
});

async function readmeRefusal(file: string): Promise<string> {
  return (await cli.slipway(`repo set acme/app --readme ${file}`)).stderr;
}

test("a file that cannot be read is said in words", async () => {
  expect(await readmeRefusal("/none")).toBe("slipway: cannot read /none: there is no such file\n");
  expect(await readmeRefusal("/")).toBe("slipway: cannot read /: it is a folder\n");
});

describe("a registry whose trash keeps nothing", () => {
  const other = new CommandLine();

  test("does not say that a deletion can be undone", async () => {
    const none = await startServer({ env: { TRASH_DAYS: "0" } });
    await other.logIn(none);
    await other.ok("namespace create acme");
    await other.ok("repo create acme/app");
    const deleted = await other.ok("repo delete acme/app --yes");
    await none.stop();
    expect(deleted).toBe("Repository acme/app was deleted. This cannot be undone.\n");
  });
});

test("times are said to be UTC", async () => {
  expect(await cli.ok("repo show acme/app")).toMatch(/^created +\S+ \S+ UTC$/m);
  expect(await cli.ok("namespace show acme")).toMatch(/^created +\S+ \S+ UTC$/m);
  const inspected = await cli.ok("inspect acme/app:v1");
  expect(inspected).toMatch(/^pushed +\S+ \S+ UTC$/m);
});

describe("near misses", () => {
  test("are warned of where nobody can be asked", async () => {
    const token = await cli.slipway("token create --push acem/*");
    expect([token.code, token.stderr]).toEqual([
      0,
      "slipway: warning: There is no namespace acem that you have a role in, so the token gives no rights there. Did you mean acme?\n",
    ]);
    const rule = await cli.slipway("repo set acme/described --immutable semver2");
    expect([rule.code, rule.stderr]).toEqual([
      0,
      "slipway: warning: --immutable semver2 protects only a tag called semver2. Did you mean the preset semver?\n",
    ]);
    expect(rule.stdout).toMatch(/^immutable tags +semver2 \(only this tag\)$/m);
    const quota = await cli.slipway("namespace quota acme --bytes 10 --json");
    expect(JSON.parse(quota.stderr)).toEqual({
      warning: "--bytes is 10 bytes, which no image fits into; units are KB, MB, GB, TB.",
    });
    await cli.ok("namespace quota acme --bytes none");
  });

  onLinux("are asked about at a terminal, and a no changes nothing", async () => {
    const typing = [["[y/N]", "n"]] as const;
    const shown = await cli.atTerminal("repo create acem/app", { typing });
    expect(unwrapped(shown)).toContain(
      "There is no namespace acem that you have a role in: it is created with the repository. Did you mean acme? Go on? [y/N]",
    );
    expect(await statusOf("/api/v1/namespaces/acem")).toBe(404);
  });
});

describe("login", () => {
  const other = new CommandLine();

  onLinux("asks for the registry, the user and the password", async () => {
    const shown = await other.atTerminal("login", {
      typing: [
        ["registry.example.com:", server.host],
        ["User:", "admin"],
        ["user admin:", server.password],
      ],
    });
    expect(shown).toContain(`Logged in to ${server.host} as admin until `);
    expect(shown).not.toContain(server.password);
    expect(await other.ok("whoami")).toMatch(/^name +admin$/m);
    // The next time it knows them.
    const again = await other.atTerminal("login", {
      typing: [
        ["User [admin]:", ""],
        ["user admin:", server.password],
      ],
    });
    expect(again).toContain(`Logged in to ${server.host} as admin until `);
  });

  test("without a terminal says what is missing", async () => {
    const { code, stderr } = await cli.slipway(`login ${server.host}`);
    expect([code, stderr.split("\n")[0]]).toEqual([2, "slipway: whose login? Give -u USER"]);
  });
});

onLinux("a new password's length is said before it is typed, and asked for again", async () => {
  const shown = await cli.atTerminal("user create typed", {
    typing: [
      ["one is generated):", "short"],
      ["one is generated):", "long enough for it"],
      ["again:", "long enough for it"],
    ],
  });
  expect(shown).toContain(
    "Password of typed (12 characters or more, or empty: one is generated): ",
  );
  expect(shown).toContain("slipway: that has 5 characters, fewer than 12\n");
  expect(shown).toContain("User typed was created.\n");
  const eleven = JSON.stringify({ name: "eleven", password: "x".repeat(11) });
  const twelve = JSON.stringify({ name: "twelve", password: "x".repeat(12) });
  const json = "application/json";
  expect((await request("POST", "/api/v1/users", eleven, json)).status).toBe(400);
  expect((await request("POST", "/api/v1/users", twelve, json)).status).toBe(201);
});

describe("errors", () => {
  test("are one object with --json, whoever finds them", async () => {
    const usage = await cli.slipway("--json robot create nightly --pull acme/*");
    expect([usage.code, JSON.parse(usage.stderr)]).toEqual([
      2,
      {
        error: {
          code: "USAGE",
          message:
            '<name> cannot be "nightly". It lies in a namespace: write NAMESPACE+NAME, such as acme+nightly.',
          hint: "slipway robot create --help says how it is used",
          status: null,
        },
      },
    ]);
    const missing = await cli.slipway("namespace show nope --json");
    expect([missing.code, missing.stdout, JSON.parse(missing.stderr)]).toEqual([
      1,
      "",
      {
        error: {
          code: "NOT_FOUND",
          message: "there is no namespace nope",
          hint: "slipway namespace list lists those that you have a part in",
          status: 404,
        },
      },
    ]);
    const bare = await cli.slipway("--json robot");
    expect(bare.code).toBe(2);
  });

  test.each([
    ["repo show acme/nope", "there is no repository acme/nope, or you may not see it"],
    ["tag show acme/app:nope", "there is no tag acme/app:nope"],
    ["repo create acme/app", "the repository acme/app exists already"],
    ["robot show acme+nope", "there is no robot acme+nope"],
    ["token delete nope --yes", "you have no token nope"],
    ["trust delete acme+nope --yes", "there is no trust rule acme+nope"],
    ["user disable nope", "there is no user nope"],
    ["member set acme nope writer", "there is no user nope: an administrator can create it"],
    ["member set nope typed writer", "there is no namespace nope: create it first"],
    [`trash restore acme/app@sha256:${"0".repeat(64)}`, "acme/app has no manifest sha256:0"],
    [`manifest delete acme/app@sha256:${"0".repeat(64)} --yes`, "there is no manifest acme/app@"],
    ["whoami --registry https://HOST", "it does not speak https there"],
  ])("name the thing: %s", async (line, said) => {
    const { code, stderr } = await cli.slipway(line.replace("HOST", server.host));
    expect([code, stderr]).toEqual([1, expect.stringContaining(said)]);
  });

  test("a token that is no good is not called a login", async () => {
    const env = { SLIPWAY_TOKEN: "slp_wrong", SLIPWAY_REGISTRY: server.url };
    const { stderr } = await cli.slipway("whoami", { env });
    expect(stderr).toContain("\nSLIPWAY_TOKEN was sent, and is no valid token here.");
  });

  test("an administrator with a limited token is told that it is the token", async () => {
    const made = await cli.json<{ secret: string }>("token create --pull acme/*");
    const env = { SLIPWAY_TOKEN: made.secret, SLIPWAY_REGISTRY: server.url };
    const { stderr } = await cli.slipway("user list", { env });
    expect(stderr).toContain("admin is an administrator, but these credentials are limited");
  });

  test("fields that the registry refuses are named in words", async () => {
    const path = "/api/v1/repositories/acme/app";
    const said = async (body: object) => {
      const answer = await request("PATCH", path, JSON.stringify(body), "application/json");
      return (await answer.json<{ detail: string }>()).detail;
    };
    expect(await said({ descripion: "x" })).toBe("descripion: there is no such field");
    expect(await said({ description: 3 })).toBe("description: must be string, not 3");
    expect(await said({ visibility: "open" })).toBe(
      'visibility: must be "private" or "public", not "open"',
    );
  });

  test.runIf(process.platform === "linux")("a full disk is no fault of the program", async () => {
    const full = await open("/dev/full", "w");
    const env = { PATH: process.env["PATH"], XDG_CONFIG_HOME: cli.home };
    const args = [LAUNCHER, "user", "list"];
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", full.fd, "pipe"] });
    const exit = once(child, "exit");
    const stderr = child.stderr === null ? "" : await text(child.stderr);
    expect([(await exit)[0], stderr]).toEqual([1, "slipway: cannot write: the disk is full\n"]);
    await full.close();
  });
});

test("what the registry does not count is not called nothing", async () => {
  const time = "2026-11-30T12:00:00Z";
  const rules = { immutableTags: [], inheritedImmutableTags: [] };
  const texts = { name: "a/b", visibility: "private", description: "", readme: "", labels: {} };
  const counts = { tags: null, manifests: null, size: null };
  const repository = await answering(200, { ...texts, ...rules, ...counts, createdAt: time });
  const shown = await cli.ok(`repo show a/b --registry ${repository.url}`);
  repository.close();
  expect(shown).toMatch(/^tags +more than 10,000$/m);
  expect(shown).toMatch(/^manifests +more than 10,000$/m);
  expect(shown).toMatch(/^size +not counted$/m);
  const tag = { name: "v1", digest: digestOf(""), mediaType: OCI_INDEX, artifactType: null };
  const item = { ...tag, size: null, platforms: [], updatedAt: time };
  const tags = await answering(200, { items: [item], next: null });
  expect(await cli.ok(`tag list a/b --registry ${tags.url}`)).toMatch(/^v1 +index +not counted /m);
  tags.close();
});
