/** What hostile images cost the job, and that the others have their turns. */
import { gzipSync } from "node:zlib";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { ScannedImage } from "../../src/scan/matcher.ts";
import { RegistryClient } from "../support/client.ts";
import {
  type Content,
  content,
  imageManifest,
  index,
  type Manifest,
  text,
} from "../support/images.ts";
import { turn } from "../support/jobs.ts";
import { done, makeNamespace } from "../support/management.ts";
import { wrapEnv } from "../support/wrapped-env.ts";
import {
  age,
  alpine,
  layer,
  ListMatcher,
  npm,
  pushImage,
  scanAll,
  scanJob,
  scanJobOf,
} from "./images.ts";
import { file, header, joined, pax, tar, zstd } from "./layer/archive.ts";

interface Packages {
  readonly items: readonly { readonly name: string }[];
  readonly unscannable: string | null;
  readonly total: number;
}

interface Vulnerabilities {
  readonly items: readonly Record<string, unknown>[];
  readonly images: readonly Record<string, unknown>[];
}

let name: string;
let client: RegistryClient;

beforeEach(async () => {
  const { namespace, owner } = await makeNamespace();
  name = `${namespace}/app`;
  // An owner, who may do nothing in other namespaces.
  client = new RegistryClient({ repository: name, authorization: owner.authorization });
  await turn(scanJob());
  await env.DB.prepare("UPDATE scans SET due_at = NULL").run();
});

const path = (digest: string, rest: string) =>
  `/repositories/${name}/-/manifests/${digest}/${rest}`;
const packagesOf = (digest: string) => done<Packages>("GET", path(digest, "packages"));
const vulnerabilitiesOf = (digest: string) =>
  done<Vulnerabilities>("GET", path(digest, "vulnerabilities"));

async function pushManifestOf(layers: readonly Content[], fields: object = {}): Promise<Manifest> {
  const config = await client.pushBlob(
    text(JSON.stringify({ architecture: "amd64", os: "linux", n: Math.random() })),
  );
  const image = imageManifest({ config, layers, fields });
  return client.pushManifest(image, image.digest);
}

/** Lets a lease end whose holder is gone. */
async function lose(): Promise<void> {
  await env.DB.prepare("UPDATE jobs SET lease_until = 0 WHERE name = 'scan'").run();
}

/** Runs a turn of a job until it stands still for good, as one does whose Worker is ended. */
async function killed(job: ReturnType<typeof scanJob>, hasStopped: () => boolean): Promise<void> {
  void turn(job);
  await vi.waitUntil(hasStopped, 60_000);
  await lose();
}

const never = () => new Promise<never>(() => {});

describe("an image at which the Worker is ended", () => {
  test("waits longer each time, and the others are scanned meanwhile", async () => {
    const poison = await pushImage(client, [layer(alpine({ poison: "1" }))], "poison");
    const stuck: number[] = [];
    const matcher = new ListMatcher([]);
    const matchers = [
      {
        name: "list",
        dataVersion: matcher.dataVersion,
        match: (image: ScannedImage) => {
          if (image.digest !== poison.digest) return matcher.match(image);
          stuck.push(Date.now());
          return never();
        },
      },
    ];
    await killed(scanJobOf(env, matchers), () => stuck.length === 1);
    const other = await pushImage(client, [layer(alpine({ musl: "1" }))], "other");
    await scanAll(scanJobOf(env, matchers));
    expect(stuck).toHaveLength(1);
    expect((await packagesOf(other.digest)).total).toBe(1);
    const [image] = (await vulnerabilitiesOf(other.digest)).images;
    expect(image?.["matchedAt"]).not.toBeNull();
    await age();
    await killed(scanJobOf(env, matchers), () => stuck.length === 2);
    const row = await env.DB.prepare(
      "SELECT s.failures, s.due_at - unixepoch() * 1000 AS wait FROM scans s JOIN manifests m ON m.id = s.manifest_id WHERE m.digest = ?",
    )
      .bind(poison.digest)
      .first<{ failures: number; wait: number }>();
    expect(row?.failures).toBe(2);
    expect(row?.wait).toBeGreaterThan(60_000);
  });

  test("in the midst of the same layer is scanned without it after three times", async () => {
    const good = layer(alpine({ good: "1" }));
    const bad = layer(npm("left-pad", "1.0.0"));
    const image = await pushImage(client, [good, bad]);
    let stops = 0;
    let opened = 0;
    const bindings = wrapEnv(env, {
      r2: ({ name: method }, next) => {
        if (method !== "get" || ++opened === 1) return next();
        stops++;
        return never();
      },
    });
    for (let i = 1; i <= 3; i++) {
      await killed(scanJobOf(bindings, []), () => stops === i);
      await age();
    }
    await scanAll(scanJob());
    const { items, unscannable } = await packagesOf(image.digest);
    expect(items.map((one) => one.name)).toEqual(["good"]);
    expect(unscannable).toBe(
      `layer ${bad.digest}: it was not read: of 3 attempts none came to an end`,
    );
  });

  test("does not keep images from becoming due that wait for it, nor becomes due itself by it", async () => {
    const poison = await pushImage(client, [layer(alpine({ musl: "1" }))]);
    let stops = 0;
    const matcher = new ListMatcher([], "new");
    const stuck = {
      name: "new",
      dataVersion: matcher.dataVersion,
      match: (image: ScannedImage) =>
        image.digest === poison.digest ? (stops++, never()) : matcher.match(image),
    };
    await killed(scanJobOf(env, [stuck]), () => stops === 1);
    const due = () =>
      env.DB.prepare(
        "SELECT s.due_at FROM scans s JOIN manifests m ON m.id = s.manifest_id WHERE m.digest = ?",
      )
        .bind(poison.digest)
        .first("due_at");
    const before = await due();
    await turn(scanJobOf(env, [stuck]));
    expect(await due()).toBe(before);
    expect(stops).toBe(1);
  });
});

test("a layer that R2 does not give is no layer to be given up", async () => {
  const image = await pushImage(client, [layer(alpine({ away: "1" }))]);
  const bindings = wrapEnv(env, {
    r2: ({ name: method }, next) =>
      method === "get" ? Promise.reject(new Error("R2 is away")) : next(),
  });
  for (let i = 0; i < 4; i++) {
    await turn(scanJobOf(bindings, []));
    await age();
  }
  await scanAll(scanJob());
  expect(await packagesOf(image.digest)).toMatchObject({ total: 1, unscannable: null });
});

describe("an image", () => {
  test("of hundreds of layers is read in several turns, between which others have theirs", async () => {
    const layers = Array.from({ length: 160 }, (_, i) => layer(npm(`p${i}`, "1.0.0")));
    const image = await pushImage(client, layers, "big");
    const small = await pushImage(client, [layer(npm("small", "1.0.0"))], "small");
    await turn(scanJob());
    await expect(packagesOf(image.digest)).rejects.toThrow();
    await turn(scanJob());
    expect((await packagesOf(small.digest)).total).toBe(1);
    await scanAll(scanJob());
    expect(await packagesOf(image.digest)).toMatchObject({ total: 160, unscannable: null });
  });

  test("with more layers than engines take is not read", async () => {
    const one = await client.pushBlob(layer(npm("a", "1.0.0")));
    const image = await pushManifestOf(Array.from({ length: 501 }, () => one));
    await scanAll(scanJob());
    expect(await packagesOf(image.digest)).toMatchObject({
      total: 0,
      unscannable: "it has more than 500 layers",
    });
  });

  test("that names one layer hundreds of times has its packages once", async () => {
    const one = await client.pushBlob(layer(npm("a", "1.0.0")));
    const image = await pushManifestOf(Array.from({ length: 500 }, () => one));
    await scanAll(scanJob());
    expect(await packagesOf(image.digest)).toMatchObject({ total: 1, unscannable: null });
  });

  test("whose lists are small as they are stored and do not fit into memory says so", async () => {
    const long = "x".repeat(200);
    const layers = Array.from({ length: 4 }, (_, n) => {
      const names = Array.from({ length: 20_000 }, (__, i) => [`${long}${n}-${i}`, "1"]);
      return layer(alpine(Object.fromEntries(names) as Record<string, string>));
    });
    const image = await pushImage(client, layers);
    await scanAll(scanJob(new ListMatcher([])));
    expect(await packagesOf(image.digest)).toMatchObject({
      total: 0,
      unscannable: "it has too many packages",
    });
    // One layer that is named often costs as much.
    const again = await pushManifestOf(Array.from({ length: 50 }, () => layers[0] as Content));
    await scanAll(scanJob(new ListMatcher([])));
    expect(await packagesOf(again.digest)).toMatchObject({
      unscannable: "it has too many packages",
    });
  });

  test.each<[string, () => Content[], string | RegExp]>([
    ["a broken gzip", () => [content(new Uint8Array([0x1f, 0x8b, 8, 0, 1, 2, 3]))], /unpacked/],
    ["a broken zstd", () => [content(new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 9, 9]))], /^layer/],
    [
      "zeros without end in gzip",
      () => [content(new Uint8Array(gzipSync(new Uint8Array(64 * 1024 * 1024))))],
      /no packages|not a tar/,
    ],
    [
      "a size that lies",
      () => [content(new Uint8Array(joined(header("big", { size: 5_000_000 }))))],
      /is cut off/,
    ],
    [
      "a path of 10,000 directories",
      () => [
        content(new Uint8Array(tar(pax({ path: `${"a/".repeat(10_000)}x` }), file("x", "x")))),
      ],
      /has a path of more than/,
    ],
    [
      "links out of its tree",
      () => [layer({ "../../etc/os-release": "ID=evil\n" })],
      /no packages/,
    ],
  ])("with %s says what is wrong, and ends", async (_, layers, why) => {
    const image = await pushImage(client, layers());
    await scanAll(scanJob(new ListMatcher([])));
    expect((await packagesOf(image.digest)).unscannable).toMatch(why);
  });

  test("in zstd with 10,000 packages in thousands of files has them all", async () => {
    const files = Array.from({ length: 10_000 }, (_, i) => {
      const [[at, body]] = Object.entries(npm(`p${i}`, "1.0.0")) as [[string, string]];
      return file(at, body);
    });
    const image = await pushImage(client, [content(new Uint8Array(await zstd(tar(...files))))]);
    await scanAll(scanJob(new ListMatcher([])));
    expect(await packagesOf(image.digest)).toMatchObject({ total: 10_000, unscannable: null });
  });

  test("whose config is a layer too is read as far as it can be", async () => {
    const config = await client.pushBlob(text('{"architecture":"amd64","os":"linux"}'));
    const image = await client.pushManifest(imageManifest({ config, layers: [config] }), "odd");
    await scanAll(scanJob());
    expect((await packagesOf(image.digest)).unscannable).toMatch(/tar archive/);
  });
});

test("a layer of another namespace that a manifest names as foreign is not told", async () => {
  const secret = layer(alpine({ secret: "1" }));
  const { namespace } = await makeNamespace();
  const other = new RegistryClient({ repository: `${namespace}/secret` });
  await pushImage(other, [secret]);
  await scanAll(scanJob());
  const foreign = {
    mediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar",
    digest: secret.digest,
    size: secret.bytes.length,
  };
  const image = await pushManifestOf([], { layers: [foreign] });
  await scanAll(scanJob());
  expect(await packagesOf(image.digest)).toMatchObject({
    total: 0,
    unscannable: `layer ${secret.digest}: its bytes are kept elsewhere`,
  });
});

test("an index of 1,000 images makes none due, and its list has 32", async () => {
  const images = [];
  const config = await client.pushBlob(text('{"architecture":"amd64","os":"linux"}'));
  const one = await client.pushBlob(layer(npm("a", "1.0.0")));
  for (let i = 0; i < 40; i++) {
    const fields = { annotations: { n: `${i}` } };
    images.push(await client.pushManifest(imageManifest({ config, layers: [one], fields })));
  }
  const list = await client.pushManifest(index(images), "list");
  await scanAll(scanJob(new ListMatcher([{ id: "CVE-2099-1", severity: "high", package: "a" }])));
  const { items, images: shown } = await vulnerabilitiesOf(list.digest);
  expect(items).toHaveLength(1);
  expect(shown).toHaveLength(32);
});

test("scanning that is switched on again scans what was pushed meanwhile", async () => {
  await turn(scanJobOf(env, [], { isOn: false }));
  const image = await pushImage(client, [layer(alpine({ musl: "1" }))]);
  await scanAll(scanJob());
  expect((await packagesOf(image.digest)).total).toBe(1);
});
