/** Scans on the command line: a process, against a registry of its own that asks a stub of OSV. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Control } from "../../scripts/start/control.ts";
import { type Server, startServer } from "../../scripts/server.ts";
import { file, tar } from "../scan/layer/archive.ts";
import { CommandLine, unwrapped } from "./harness.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const commandLine = new CommandLine();
const { home, json, ok, slipway } = commandLine;
let server: Server;
let one: string;

/** Package of npm → the vulnerability that it has. */
const KNOWN: Readonly<Record<string, { id: string; severity: string; fixed?: string }>> = {
  "left-pad": { id: "CVE-2099-1001", severity: "HIGH", fixed: "1.3.0" },
  "right-pad": { id: "CVE-2099-1002", severity: "CRITICAL" },
  "a-package-with-a-name-that-is-longer-than-a-column": {
    id: "GHSA-abcd-1234-wxyz",
    severity: "MODERATE",
    fixed: "20.0.0-beta.1234567890.20261203",
  },
};
const LONG = "a-package-with-a-name-that-is-longer-than-a-column";
const MODIFIED = "2026-01-01T00:00:00Z";

/** OSV as far as a scan asks it. */
class OsvStub {
  /** While it is false, answers fail. */
  isUp = true;
  /** What a batch waits for before it is answered. */
  answer: Promise<void> = Promise.resolve();
  asked = Promise.withResolvers<void>();
  readonly #http: HttpServer = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      const found =
        request.url === "/v1/querybatch" ? await this.#batch(body) : record(request.url);
      const status = this.isUp ? (found === null ? 404 : 200) : 500;
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(found ?? {}));
    })();
  });

  async listen(): Promise<string> {
    await once(this.#http.listen(0, "127.0.0.1"), "listening");
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#http.closeAllConnections();
    this.#http.close();
  }

  async #batch(body: string) {
    const { queries } = JSON.parse(body) as { queries: { package: { name: string } }[] };
    this.asked.resolve();
    await this.answer;
    return {
      results: queries.map((query) => {
        const found = KNOWN[query.package.name];
        return { vulns: found === undefined ? [] : [{ id: found.id, modified: MODIFIED }] };
      }),
    };
  }
}

function record(url = ""): object | null {
  const found = Object.entries(KNOWN).find(([, { id }]) => url === `/v1/vulns/${id}`);
  if (found === undefined) return null;
  const [name, { id, severity, fixed }] = found;
  const events = [{ introduced: "0" }, ...(fixed === undefined ? [] : [{ fixed }])];
  return {
    id,
    modified: MODIFIED,
    database_specific: { severity },
    affected: [{ package: { ecosystem: "npm", name }, ranges: [{ type: "SEMVER", events }] }],
  };
}

const osv = new OsvStub();

beforeAll(async () => {
  server = await startServer({ env: { OSV_URL: await osv.listen() } });
  await commandLine.logIn(server);
  // The cron has turned scanning on before the first push.
  const holder = JSON.parse(await readFile(join(server.data, "server.json"), "utf8")) as {
    sockets: string;
  };
  await new Control(join(holder.sockets, "control")).scheduled("*/5 * * * *");
  ({ digest: one } = await push("one", ["left-pad", "right-pad"]));
  const manifests = [
    { ...(await push(null, ["left-pad"])), platform: { os: "linux", architecture: "amd64" } },
    { ...(await push(null, [])), platform: { os: "linux", architecture: "arm64" } },
  ];
  await put("list", { schemaVersion: 2, mediaType: INDEX, manifests });
  await ok("scan acme/app:one --wait");
  await ok("scan acme/app:list --wait");
});

afterAll(async () => {
  await server.stop();
  osv.close();
});

const digestOf = (content: string | Uint8Array) =>
  `sha256:${createHash("sha256").update(content).digest("hex")}`;

async function send(method: string, path: string, type: string, body: string | Uint8Array) {
  const authorization = `Basic ${btoa(`admin:${server.password}`)}`;
  const headers = { authorization, "content-type": type };
  return fetch(`${server.url}/v2/acme/app/${path}`, { method, headers, body: Buffer.from(body) });
}

async function pushBlob(content: string | Uint8Array, mediaType: string) {
  const digest = digestOf(content);
  const type = "application/octet-stream";
  const { status } = await send("POST", `blobs/uploads/?digest=${digest}`, type, content);
  expect(status).toBe(201);
  return { mediaType, digest, size: content.length };
}

interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly config?: object;
  readonly layers?: readonly object[];
  readonly manifests?: readonly object[];
}

async function put(reference: string | null, manifest: Manifest) {
  const { mediaType } = manifest;
  const body = JSON.stringify(manifest);
  const digest = digestOf(body);
  const { status } = await send("PUT", `manifests/${reference ?? digest}`, mediaType, body);
  expect(status).toBe(201);
  return { mediaType, digest, size: body.length };
}

/** An image of linux/amd64 with these packages of npm, all of version 1.0.0. */
async function push(tag: string | null, names: readonly string[]) {
  const files = names.map((name) =>
    file(`app/node_modules/${name}/package.json`, JSON.stringify({ name, version: "1.0.0" })),
  );
  const layer = await pushBlob(
    tar(...files, file("hello", "hello")),
    "application/vnd.oci.image.layer.v1.tar",
  );
  const about = JSON.stringify({ os: "linux", architecture: "amd64", names });
  const config = await pushBlob(about, "application/vnd.oci.image.config.v1+json");
  return put(tag, { schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer] });
}

describe("vulnerabilities", () => {
  test("are a table, the worst first, and their number a sentence", async () => {
    const lines = (await ok("vulnerabilities acme/app:one")).split("\n");
    expect(lines).toEqual([
      expect.stringMatching(/^SEVERITY +ID +PACKAGE +INSTALLED +FIXED +STATUS +FIRST SEEN \(UTC\)/),
      expect.stringMatching(/^critical +CVE-2099-1002 +right-pad +1\.0\.0 +no fix +open +2/),
      expect.stringMatching(
        /^high +CVE-2099-1001 +left-pad +1\.0\.0 +1\.3\.0 +open +2.* osv +http/,
      ),
      "",
      "acme/app:one has 2 open vulnerabilities: 1 critical, 1 high. 1 has a fix.",
      expect.stringMatching(/^Matched .* by osv\.$/),
      "",
    ]);
  });

  test("are filtered, and --json has all that the API says", async () => {
    const fixable = await json("vulnerabilities acme/app:one --fixable");
    expect(fixable).toMatchObject({
      items: [{ id: "CVE-2099-1001" }],
      next: null,
      images: [{ digest: one, error: null }],
      counts: { critical: { all: 1 } },
    });
    expect(await json("vulnerabilities acme/app:one --severity critical")).toMatchObject({
      items: [{ id: "CVE-2099-1002" }],
    });
    const none = await ok("vulnerabilities acme/app:one --package other");
    expect(none).not.toContain("SEVERITY");
    expect(none).toContain("None is listed with these options.");
  });

  test("of an index are told with the state of each platform", async () => {
    const shown = await ok("vulnerabilities acme/app:list");
    expect(shown).toMatch(/^linux\/amd64 +1 high; matched .* by osv$/m);
    expect(shown).toMatch(
      /^linux\/arm64 +none open; unscannable: no packages were found in it; matched .* by osv$/m,
    );
  });

  test("end a pipeline with the code that was asked for", async () => {
    const line = "vulnerabilities acme/app:one --fixable --exit-code 7";
    const found = await slipway(line);
    expect(found).toMatchObject({ code: 7, stderr: "slipway: 1 open vulnerability is listed\n" });
    expect(found.stdout).toContain("CVE-2099-1001");
    await ok(`${line} --severity critical`);
    expect(await slipway("vulnerabilities acme/app:one --exit-code 256")).toMatchObject({
      code: 2,
    });
  });

  test("tell which images have one", async () => {
    const digest = expect.stringMatching(/^sha256:/) as string;
    expect(await json("vulnerable CVE-2099-1001")).toMatchObject({
      items: [{ repository: "acme/app", tags: ["one"] }, { digest }],
    });
    expect(await ok("vulnerable CVE-2099-9")).toBe(
      "No image that you can pull is known to have CVE-2099-9.\n",
    );
  });

  test("of an image that is missing are not there, and it is said which image", async () => {
    const digest = digestOf("none");
    expect(await slipway(`vulnerabilities acme/app@${digest}`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`there is no manifest acme/app@${digest}\n`) as string,
    });
  });
});

// util-linux's `script` gives a terminal; elsewhere its arguments are others.
test.runIf(process.platform === "linux")("all fits 80 columns", async () => {
  await push("long", [LONG, "right-pad"]);
  const lines = [
    "scan acme/app:long --wait",
    "vulnerabilities acme/app:long",
    "vulnerabilities acme/app:list",
    "vulnerable CVE-2099-1002",
    "packages acme/app:long",
    "policy set wide --severity critical --fixable-only --grace 8760 --exempt wide+scanner",
    "exception list wide",
  ];
  await ok("namespace create wide");
  await ok(`exception add wide GHSA-abcd-1234-wxyz --package ${LONG} --reason ${"why".repeat(50)}`);
  for (const line of lines) {
    const shown = (await commandLine.atTerminal(line)).split(/[\r\n]+/);
    const widest = Math.max(...shown.map((part) => stripVTControlCharacters(part).length));
    expect([line, widest]).toEqual([line, Math.min(widest, 80)]);
  }
  const shown = await commandLine.atTerminal("vulnerabilities acme/app:long");
  expect(stripVTControlCharacters(shown)).toMatch(
    /^medium +GHSA-abcd-1234-wxyz +a-packa\S*… +1\.0\.0 +20\.0\.0\S*… +open$/m,
  );
});

describe("packages", () => {
  test("are listed, with their URLs in a pipe", async () => {
    const shown = await ok("packages acme/app:one");
    expect(shown).toMatch(/^left-pad +1\.0\.0 +npm +app\/node_modules\/.* +pkg:npm\/left-pad@1/m);
    expect(shown).toContain("acme/app:one has 2 packages.");
  });

  test("of an index are those of one platform", async () => {
    expect(await slipway("packages acme/app:list")).toMatchObject({
      code: 1,
      stderr:
        "slipway: acme/app:list is an index of several images: linux/amd64, linux/arm64\nAdd --platform linux/amd64, or name one by its digest.\n",
    });
    const { items } = await json<{ items: object[] }>(
      "packages acme/app:list --platform linux/amd64",
    );
    expect(items).toMatchObject([{ name: "left-pad" }]);
    expect(await slipway("sbom acme/app:list --platform linux/s390x")).toMatchObject({
      code: 1,
      stderr: "slipway: acme/app:list has no linux/s390x; it has linux/amd64, linux/arm64\n",
    });
    expect(await slipway("packages acme/app:one --platform linux/arm64")).toMatchObject({
      code: 1,
    });
  });

  test("are written as an SBOM, to standard output or a file", async () => {
    expect(JSON.parse(await ok("sbom acme/app:one"))).toMatchObject({ bomFormat: "CycloneDX" });
    const path = join(home, "app.spdx.json");
    expect(await ok(`sbom acme/app:one --format spdx --output ${path}`)).toContain(path);
    const sbom = await readFile(path, "utf8");
    expect(JSON.parse(sbom)).toMatchObject({ spdxVersion: "SPDX-2.3" });
    expect(sbom).toContain("pkg:npm/left-pad@1.0.0");
    expect(await slipway(`sbom acme/app:one --output ${home}/none/x`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`cannot write ${home}/none/x`) as string,
    });
  });
});

describe("policies", () => {
  test("refuse a pull, and the command in the refusal says why", async () => {
    await ok("policy set acme/app --severity critical");
    const response = await fetch(`${server.url}/v2/acme/app/manifests/one`, {
      headers: { authorization: `Basic ${btoa(`admin:${server.password}`)}` },
    });
    expect(response.status).toBe(403);
    const [, command = ""] = /see slipway ([^"]+)/.exec(await response.text()) ?? [];
    expect(command).toBe(`vulnerabilities acme/app@${one}`);
    expect(await ok(command)).toContain("CVE-2099-1002");
    await ok("policy remove acme/app --yes");
  });

  test("are set, shown and removed; the way back is one line", async () => {
    await ok("namespace create ruled");
    await ok("repo create ruled/app");
    expect(await ok("policy show ruled/app")).toBe("ruled/app has no scan policy.\n");
    const options =
      "--severity high --fixable-only --grace 72 --unscanned --exempt ruled+a --exempt bob";
    await ok(`policy set ruled ${options}`);
    const shown = await ok("policy show ruled/app");
    expect(shown).toBe(`These images may not be pulled:
  with open vulnerabilities of the severity high and above that have a fix first seen more than 72 h ago
  that no scanner has matched yet
Exempt: ruled+a, bob.

It is the namespace's.
`);
    expect(await json("policy set ruled/app --unscannable")).toMatchObject({
      of: "repository",
      policy: { severity: null, unscannable: true, unscanned: false, exempt: [] },
    });
    expect(await slipway("policy remove ruled")).toMatchObject({ code: 2 });
    expect(await ok("policy remove ruled --yes")).toBe(
      `The policy of ruled was removed. To undo: slipway policy set ruled ${options}\n`,
    );
    expect(await slipway("policy remove ruled --yes")).toMatchObject({ code: 1 });
  });

  test.each([
    ["", "which images?"],
    ["--grace 3", "which vulnerabilities?"],
    ["--fixable-only --unscanned", "which vulnerabilities?"],
    ["--severity bad", "Allowed choices are"],
    ["--severity low --grace 8761", "Give hours"],
  ])("say what is missing in %j", async (options, why) => {
    const { code, stderr } = await slipway(`policy set ruled ${options}`.trim());
    expect([code, stderr]).toEqual([2, expect.stringContaining(why)]);
  });
});

describe("exceptions", () => {
  test("are added, listed, shown with the vulnerability, and removed", async () => {
    await push("excepted", ["left-pad"]);
    await ok("scan acme/app:excepted --wait");
    const add = "exception add acme CVE-2099-1001 --image acme/app:excepted";
    const { id, digest } = await json<{ id: string; digest: string }>(
      `${add} --package left-pad --reason unused --expires 2099-12-31`,
    );
    expect(await ok("exception list acme")).toMatch(
      new RegExp(
        `^${id} +CVE-2099-1001 +left-pad +acme/app@${digest} +2099-12-31 +unused +admin`,
        "m",
      ),
    );
    const shown = await ok("vulnerabilities acme/app:excepted --exit-code 1");
    expect(shown).toMatch(/^high +CVE-2099-1001 .* accepted /m);
    expect(shown).toContain("CVE-2099-1001 is accepted until 2099-12-31, says admin: unused\n");
    expect(shown).toContain("acme/app:excepted has no open vulnerabilities.");
    expect(await slipway(`exception remove acme ${id}`)).toMatchObject({ code: 2 });
    const removed = await ok(`exception remove acme ${id} --yes`);
    const undo = /To undo: slipway (.*)/.exec(removed)?.[1] ?? "";
    expect(undo).toBe(
      `exception add acme CVE-2099-1001 --package 'left-pad' --image acme/app@${digest} --expires 2099-12-31T00:00:00.000Z --reason 'unused'`,
    );
    const again = await json<{ id: string }>(undo.replaceAll("'", ""));
    await ok(`exception remove acme ${again.id} --yes`);
  });

  test("for an index name one of its platforms", async () => {
    const line = "exception add acme CVE-2099-1001 --image acme/app:list --reason unused";
    expect(await slipway(line)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Add --platform linux/amd64") as string,
    });
    const { id } = await json<{ id: string }>(`${line} --platform linux/amd64 --expires 30d`);
    await ok(`exception remove acme ${id} --yes`);
  });

  test("that are not there or make no sense are refused", async () => {
    expect(await slipway("exception remove acme 0123 --yes")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("acme has no exception 0123\n") as string,
    });
    const add = "exception add acme CVE-2099-1001";
    for (const options of ["", " --reason x --expires soon", " --reason x --image other/app"]) {
      expect(await slipway(add + options)).toMatchObject({ code: 2 });
    }
  });
});

describe("a scan", () => {
  test("that is not waited for says where its result will be", async () => {
    expect(await ok("scan acme/app:one")).toBe(
      "acme/app:one is scanned soon. The result: slipway vulnerabilities acme/app:one\n",
    );
    expect(await slipway("scan acme/app:none")).toMatchObject({ code: 1 });
  });

  test("that is stopped ends with 130, and one that goes on says how far it is", async () => {
    await push("stopped", ["left-pad"]);
    await ok("scan acme/app:stopped --wait");
    const answer = Promise.withResolvers<void>();
    osv.answer = answer.promise;
    osv.asked = Promise.withResolvers();
    const child = commandLine.start("scan acme/app:stopped --wait");
    const stderr = text(child.stderr);
    const closed = once(child, "close");
    await osv.asked.promise;
    child.kill("SIGINT");
    expect(await closed).toEqual([130, null]);
    expect(await stderr).toContain("stopped\nThe scan goes on all the same.");
    answer.resolve();
    await ok("scan acme/app:stopped --wait");
  });

  test("that fails ends with 1 and says why; the last result stays", async () => {
    osv.isUp = false;
    const { code, stdout, stderr } = await slipway("scan acme/app:one --wait");
    osv.isUp = true;
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^slipway: the scan of acme\/app:one failed: /),
    ]);
    expect(stdout).toContain("acme/app:one has 2 open vulnerabilities");
    expect(unwrapped(stdout)).toMatch(/by osv; the last try failed: .*, and the next is \d{4}-/);
  });
});
