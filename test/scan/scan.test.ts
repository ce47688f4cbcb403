/** Scans: packages are listed from layers, matched, and shown. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { RegistryClient } from "../support/client.ts";
import { content, index } from "../support/images.ts";
import { turn } from "../support/jobs.ts";
import { api, done, makeNamespace, refused } from "../support/management.ts";
import { age, alpine, layer, ListMatcher, npm, pushImage, scanAll, scanJob } from "./images.ts";

/** How often a scanner matched images of the test's repository. */
function matchesOf({ matched }: ListMatcher): number {
  return matched.filter((repository) => repository === name).length;
}

const noAnswer = () => Promise.reject(new Error("no answer"));

interface Packages {
  readonly items: readonly { name: string; version: string; layer: string; purl: string }[];
  readonly distribution: { id: string } | null;
  readonly unscannable: string | null;
  readonly problems: readonly string[];
}

interface Vulnerabilities {
  readonly items: readonly Record<string, unknown>[];
  readonly next: string | null;
  readonly images: readonly Record<string, unknown>[];
  readonly counts: Record<string, { all: number; fixable: number }> | null;
}

let name: string;
let client: RegistryClient;

beforeEach(async () => {
  const { namespace } = await makeNamespace();
  name = `${namespace}/app`;
  client = new RegistryClient({ repository: name });
  // The cron has turned scanning on before the first push.
  await turn(scanJob());
});

const path = (digest: string, rest: string) =>
  `/repositories/${name}/-/manifests/${digest}/${rest}`;
const packagesOf = (digest: string) => done<Packages>("GET", path(digest, "packages"));
const vulnerabilitiesOf = (digest: string, query = "") =>
  done<Vulnerabilities>("GET", path(digest, `vulnerabilities${query}`));

describe("packages", () => {
  test("of all layers are listed with the layer that brought them; an upper layer wins", async () => {
    const base = layer({
      ...alpine({ musl: "1.2.4-r2", zlib: "1.3-r0" }),
      ...npm("left-pad", "1.0.0"),
    });
    const update = layer(alpine({ musl: "1.2.4-r2", zlib: "1.3.1-r0" }));
    const removal = layer({ "app/node_modules/.wh.left-pad": "" });
    const image = await pushImage(client, [base, update, removal]);
    expect(await refused("GET", path(image.digest, "packages"))).toEqual({
      status: 404,
      code: "NOT_FOUND",
    });
    await scanAll(scanJob());
    const { items, distribution, unscannable, problems } = await packagesOf(image.digest);
    expect(items.map((one) => [one.name, one.version, one.layer])).toEqual([
      ["musl", "1.2.4-r2", base.digest],
      ["zlib", "1.3.1-r0", update.digest],
    ]);
    expect(items[0]?.purl).toBe("pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.19.1");
    expect(distribution).toEqual({ id: "alpine", version: "3.19.1", name: "Alpine Linux v3.19" });
    expect({ unscannable, problems }).toEqual({ unscannable: null, problems: [] });
  });

  test("of a layer that another image has are not read again", async () => {
    const base = layer(alpine({ musl: "1.2.4-r2" }));
    await pushImage(client, [base], "1");
    await scanAll(scanJob());
    const second = await pushImage(client, [base, layer(npm("a", "1.0.0"))], "2");
    // A layer whose bytes are gone cannot be read.
    await env.DB.prepare(
      "UPDATE blobs SET key = key || '-gone' WHERE digest_id = (SELECT id FROM digests WHERE digest = ?)",
    )
      .bind(base.digest)
      .run();
    await scanAll(scanJob());
    expect((await packagesOf(second.digest)).items.map((one) => one.name)).toEqual(["musl", "a"]);
  });

  test.each([
    ["no archive", () => content(new Uint8Array(2_000).fill(65)), /^layer sha256:/],
    ["no packages", () => layer({ "hello.txt": "hello" }), "no packages were found in it"],
  ])("an image with %s says why it cannot be scanned", async (_, make, why) => {
    const image = await pushImage(client, [make()]);
    await scanAll(scanJob(new ListMatcher([])));
    const { unscannable } = await packagesOf(image.digest);
    expect(unscannable).toMatch(why);
    const { images } = await vulnerabilitiesOf(image.digest);
    expect(images).toMatchObject([{ digest: image.digest, unscannable }]);
  });

  test.each(["cyclonedx", "spdx"])("are had as an SBOM in the format %s", async (format) => {
    const image = await pushImage(client, [layer(alpine({ musl: "1.2.4-r2" }))]);
    await scanAll(scanJob());
    const sbom = JSON.stringify(await done("GET", path(image.digest, `sbom?format=${format}`)));
    expect(sbom).toContain("pkg:apk/alpine/musl@1.2.4-r2");
    expect(sbom).toContain(`registry.test/${name}`);
  });

  test("an index has none, and what is no image neither", async () => {
    const image = await pushImage(client, [layer(alpine({ musl: "1" }))]);
    const list = await client.pushManifest(index([image]), "list");
    for (const rest of ["packages", "sbom"]) {
      expect(await refused("GET", path(list.digest, rest))).toEqual({
        status: 400,
        code: "REQUEST_INVALID",
      });
    }
  });
});

describe("vulnerabilities", () => {
  const MUSL = { id: "CVE-2099-1", severity: "high", package: "musl", fixed: "1.2.5-r0" } as const;
  const ZLIB = { id: "CVE-2099-2", severity: "critical", package: "zlib" } as const;

  test("are listed the worst first, with package, layer, fix and scanner, and counted", async () => {
    const base = layer(alpine({ musl: "1.2.4-r2", zlib: "1.3-r0", ok: "1" }));
    const image = await pushImage(client, [base]);
    await scanAll(scanJob(new ListMatcher([MUSL, ZLIB])));
    const { items, counts, images } = await vulnerabilitiesOf(image.digest);
    expect(items).toMatchObject([
      { id: "CVE-2099-2", severity: "critical", fixedVersion: null, status: "open" },
      {
        id: "CVE-2099-1",
        severity: "high",
        fixedVersion: "1.2.5-r0",
        scanners: ["list"],
        images: [image.digest],
        package: { name: "musl", version: "1.2.4-r2", layer: base.digest },
      },
    ]);
    expect(counts).toMatchObject({
      critical: { all: 1, fixable: 0 },
      high: { all: 1, fixable: 1 },
    });
    expect(images).toMatchObject([{ digest: image.digest, counts, error: null }]);
    const { items: fixable } = await vulnerabilitiesOf(image.digest, "?fixable=true");
    expect(fixable.map(({ id }) => id)).toEqual(["CVE-2099-1"]);
    const { items: worst } = await vulnerabilitiesOf(image.digest, "?severity=critical");
    expect(worst.map(({ id }) => id)).toEqual(["CVE-2099-2"]);
    const { items: first, next } = await vulnerabilitiesOf(image.digest, "?limit=1");
    expect(first).toHaveLength(1);
    const { items: rest } = await vulnerabilitiesOf(image.digest, `?limit=1&after=${next}`);
    expect(rest.map(({ id }) => id)).toEqual(["CVE-2099-1"]);
  });

  test("of an index are those of its images, each once", async () => {
    const one = await pushImage(client, [layer(alpine({ musl: "1" }))], null);
    const two = await pushImage(
      client,
      [layer({ ...alpine({ musl: "1" }), ...npm("zlib", "1.0.0") })],
      null,
    );
    const list = await client.pushManifest(index([one, two]), "list");
    await scanAll(scanJob(new ListMatcher([MUSL, ZLIB])));
    const { items, counts, images } = await vulnerabilitiesOf(list.digest);
    expect(items.map(({ id, images: of }) => [id, (of as string[]).length])).toEqual([
      ["CVE-2099-2", 1],
      ["CVE-2099-1", 2],
    ]);
    expect(counts).toMatchObject({ critical: { all: 1 }, high: { all: 1 } });
    expect(new Set(images.map(({ digest }) => digest))).toEqual(new Set([one.digest, two.digest]));
  });

  test("that become known later are found without a read of any layer; when each was first seen stays", async () => {
    const image = await pushImage(client, [layer(alpine({ musl: "1", zlib: "1" }))]);
    const matcher = new ListMatcher([MUSL]);
    await scanAll(scanJob(matcher));
    const [before] = (await vulnerabilitiesOf(image.digest)).items;
    await env.DB.prepare("UPDATE blobs SET key = key || '-gone'").run();
    matcher.known = [MUSL, ZLIB];
    await age();
    await scanAll(scanJob(matcher));
    const { items } = await vulnerabilitiesOf(image.digest);
    expect(items.map(({ id }) => id)).toEqual(["CVE-2099-2", "CVE-2099-1"]);
    expect(items[1]?.["firstSeenAt"]).toBe(before?.["firstSeenAt"]);
    const { results } = await env.DB.prepare(
      "SELECT action, detail FROM audit WHERE repository = ? AND (action LIKE 'image%' OR action LIKE 'vuln%') ORDER BY time, action",
    )
      .bind(name)
      .all();
    expect(results).toEqual([
      { action: "image.scanned", detail: "1 high" },
      { action: "vulnerability.found", detail: "CVE-2099-1 (high)" },
      { action: "image.scanned", detail: "1 critical, 1 high" },
      { action: "vulnerability.found", detail: "CVE-2099-2 (critical)" },
    ]);
  });

  test("are not looked for again with the same data", async () => {
    await pushImage(client, [layer(alpine({ musl: "1" }))]);
    const matcher = new ListMatcher([MUSL]);
    matcher.version = "1";
    await scanAll(scanJob(matcher));
    await age();
    await scanAll(scanJob(matcher));
    expect(matchesOf(matcher)).toBe(1);
    matcher.version = "2";
    await age();
    await scanAll(scanJob(matcher));
    expect(matchesOf(matcher)).toBe(2);
  });

  test("by several scanners are one list that says whose each is; the result of one that fails stays", async () => {
    const image = await pushImage(client, [layer(alpine({ musl: "1", zlib: "1" }))]);
    const [one, two] = [new ListMatcher([MUSL], "one"), new ListMatcher([MUSL, ZLIB], "two")];
    await scanAll(scanJob(one, two));
    const shown = async () =>
      (await vulnerabilitiesOf(image.digest)).items.map(({ id, scanners }) => [id, scanners]);
    const both = [
      ["CVE-2099-2", ["two"]],
      ["CVE-2099-1", ["one", "two"]],
    ];
    expect(await shown()).toEqual(both);
    await age();
    await scanAll(scanJob(one, { name: "two", dataVersion: two.dataVersion, match: noAnswer }));
    expect(await shown()).toEqual(both);
    expect((await vulnerabilitiesOf(image.digest)).images).toMatchObject([
      { error: "the scan failed" },
    ]);
    await scanAll(scanJob(one));
    expect(await shown()).toEqual([["CVE-2099-1", ["one"]]]);
  });

  test("tell which images have them, to those who may pull these", async () => {
    const image = await pushImage(client, [layer(alpine({ musl: "1" }))], "v1");
    await scanAll(scanJob(new ListMatcher([MUSL])));
    const { owner } = await makeNamespace();
    const query = "/vulnerable-images?vulnerability=CVE-2099-1";
    const { items } = await done<Vulnerabilities>("GET", query);
    expect(items).toContainEqual(
      expect.objectContaining({ repository: name, digest: image.digest, tags: ["v1"] }),
    );
    const other = await done<Vulnerabilities>("GET", query, undefined, { as: owner.authorization });
    expect(other.items).toEqual([]);
  });

  test("of an image without a tag that nobody uses are not looked for", async () => {
    const image = await pushImage(client, [layer(alpine({ musl: "1" }))]);
    const matcher = new ListMatcher([MUSL]);
    await scanAll(scanJob(matcher));
    await done("DELETE", `/repositories/${name}/-/manifests/latest`);
    await env.DB.prepare("UPDATE manifests SET pushed_at = 0 WHERE digest = ?")
      .bind(image.digest)
      .run();
    await age();
    await scanAll(scanJob(matcher));
    expect(matchesOf(matcher)).toBe(1);
  });

  test("are looked for again when somebody asks for it", async () => {
    const image = await pushImage(client, [layer(alpine({ musl: "1" }))]);
    const matcher = new ListMatcher([]);
    await scanAll(scanJob(matcher));
    // Also in one that nobody uses.
    await done("DELETE", `/repositories/${name}/-/manifests/latest`);
    await env.DB.prepare("UPDATE manifests SET pushed_at = 0 WHERE digest = ?")
      .bind(image.digest)
      .run();
    expect((await api("POST", path(image.digest, "scan"), {})).status).toBe(204);
    await scanAll(scanJob(matcher));
    expect(matchesOf(matcher)).toBe(2);
  });
});
