/** An immutable tag points to the same manifest for ever. */
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { handle } from "../production/request.ts";
import { PRESETS, type TagRule } from "../../src/oci/tag-rules.ts";
import { ignore, refusal, RegistryClient, type Send } from "../support/client.ts";
import { blob, imageManifest, index, type Manifest } from "../support/images.ts";
import { api, done } from "../support/management.ts";
import { newNamespace } from "../support/principals.ts";
import { leavesNothing } from "../support/storage.ts";

const DENIED = { status: 409, code: "DENIED" };

async function newClient(): Promise<RegistryClient> {
  return new RegistryClient({ repository: `${await newNamespace()}/app` });
}

/** A manifest whose blobs the repository holds. */
async function image(client: RegistryClient): Promise<Manifest> {
  return imageManifest({ config: await client.pushBlob(blob()) });
}

function rule(tags: string, ...except: string[]): TagRule {
  return { tags, except };
}

function setRules({ repository }: RegistryClient, ...immutableTags: TagRule[]): Promise<unknown> {
  return done("PATCH", `/repositories/${repository}`, { immutableTags });
}

function namespaceOf({ repository }: RegistryClient): string {
  return repository.split("/", 1)[0] ?? "";
}

async function messageOf(response: Response): Promise<string> {
  const { errors } = await response.json<{ errors: [{ message: string }] }>();
  return errors[0].message;
}

/** A repository whose tag v1 is immutable, and another image that could have it. */
async function protectedTag(...rules: TagRule[]) {
  const client = await newClient();
  const [first, second] = [await image(client), await image(client)];
  await client.pushManifest(first, "v1");
  await setRules(client, ...(rules.length === 0 ? [rule("v*")] : rules));
  return { client, first, second };
}

describe("push", () => {
  test("another digest is refused with the rule's name, and nothing of it is kept", async () => {
    const { client, first, second } = await protectedTag(rule("v*", "v*-rc*"));
    const response = await leavesNothing(() => client.putManifest("v1", second));
    expect(response.status).toBe(409);
    expect(await response.json()).toEqual({
      errors: [
        {
          code: "DENIED",
          message: `the tag v1 is immutable by the rule "v*" of ${client.repository}, and points to ${first.digest}; use another tag, or change the rule`,
          detail: { tag: "v1", digest: first.digest, rule: "v*", of: "repository" },
        },
      ],
    });
    expect(await client.pullManifest("v1")).toEqual(first.bytes);
    expect((await client.head(`manifests/${second.digest}`)).status).toBe(404);
  });

  test("the same digest is taken again", async () => {
    const { client, first } = await protectedTag();
    expect((await client.putManifest("v1", first)).status).toBe(201);
    expect((await client.putManifest(`${first.digest}?tag=v1`, first)).status).toBe(201);
  });

  test("new tags can be made, and then they are immutable as well", async () => {
    const { client, first, second } = await protectedTag();
    expect((await client.putManifest("v2", second)).status).toBe(201);
    expect(await refusal(await client.putManifest("v2", first))).toEqual(DENIED);
  });

  test("exceptions and tags that no rule names can be moved", async () => {
    const { client, first, second } = await protectedTag(rule("v*", "v*-rc*", "vnext"), rule("1*"));
    for (const tag of ["v1-rc1", "vnext", "latest"]) {
      expect((await client.putManifest(tag, first)).status).toBe(201);
      expect((await client.putManifest(tag, second)).status).toBe(201);
    }
  });

  test("what one rule excepts, another may name", async () => {
    const { client, first, second } = await protectedTag(rule("*", "v2*"), rule("v2.0"));
    await client.pushManifest(first, "v2.0");
    expect(await messageOf(await client.putManifest("v2.0", second))).toContain('rule "v2.0" of');
  });

  test("without a tag, or with another, the image is taken", async () => {
    const { client, second } = await protectedTag();
    expect((await client.putManifest(second.digest, second)).status).toBe(201);
    expect((await client.putManifest("latest", second)).status).toBe(201);
  });

  test("of several tags all are moved, or none", async () => {
    const { client, first, second } = await protectedTag();
    await client.pushManifest(first, "latest");
    const response = await leavesNothing(() =>
      client.putManifest(`${second.digest}?tag=latest&tag=v1&tag=v2`, second),
    );
    expect(await messageOf(response)).toMatch(/^the tag v1 is immutable by the rule "v\*"/);
    expect(await client.listTags()).toEqual(["latest", "v1"]);
    const all = `${second.digest}?tag=latest&tag=v2`;
    expect((await client.putManifest(all, second)).status).toBe(201);
  });

  test("an index is refused as an image is", async () => {
    const { client, first, second } = await protectedTag();
    await client.pushManifest(second);
    const both = index([first, second]);
    expect(await refusal(await client.putManifest("v1", both))).toEqual(DENIED);
  });

  test("a rule that is taken away holds no longer", async () => {
    const { client, second } = await protectedTag();
    await setRules(client);
    expect((await client.putManifest("v1", second)).status).toBe(201);
  });
});

describe("delete", () => {
  test("the tag stays", async () => {
    const { client, first } = await protectedTag();
    const response = await leavesNothing(() => client.request("DELETE", "manifests/v1"));
    expect(await refusal(response)).toEqual(DENIED);
    expect(await client.pullManifest("v1")).toEqual(first.bytes);
  });

  test("its manifest stays, with its other tags, and the answer says which tag it is", async () => {
    const { client, first } = await protectedTag();
    await client.pushManifest(first, "latest");
    const path = `manifests/${first.digest}`;
    const response = await leavesNothing(() => client.request("DELETE", path));
    expect(response.status).toBe(409);
    expect(await messageOf(response)).toMatch(/^the tag v1 is immutable by the rule "v\*" of /);
    expect(await client.listTags()).toEqual(["latest", "v1"]);
  });

  test("other tags and manifests go", async () => {
    const { client, first, second } = await protectedTag();
    await client.pushManifest(first, "latest");
    await client.pushManifest(second, "next");
    for (const reference of ["latest", second.digest]) {
      expect((await client.request("DELETE", `manifests/${reference}`)).status).toBe(202);
    }
    expect(await client.listTags()).toEqual(["v1"]);
  });

  test("the repository can be deleted: that can be undone", async () => {
    const { client } = await protectedTag();
    expect((await api("DELETE", `/repositories/${client.repository}`)).status).toBe(204);
    expect((await client.get("manifests/v1")).status).toBe(404);
  });
});

describe("a namespace's rules", () => {
  test("hold in all its repositories, also in those that a push makes", async () => {
    const client = await newClient();
    const namespace = namespaceOf(client);
    await done("PATCH", `/namespaces/${namespace}`, { immutableTags: [rule("v*")] });
    const [first, second] = [await image(client), await image(client)];
    await client.pushManifest(first, "v1");
    expect(await messageOf(await client.putManifest("v1", second))).toBe(
      `the tag v1 is immutable by the rule "v*" of the namespace ${namespace}, and points to ${first.digest}; use another tag, or change the rule`,
    );
    expect((await client.request("DELETE", "manifests/v1")).status).toBe(409);
    const elsewhere = await newClient();
    await elsewhere.pushManifest(await image(elsewhere), "v1");
    await elsewhere.pushManifest(await image(elsewhere), "v1");
  });

  test("hold besides those of the repository", async () => {
    const { client, first, second } = await protectedTag(rule("v*"));
    const path = `/namespaces/${namespaceOf(client)}`;
    await done("PATCH", path, { immutableTags: [rule("1*")] });
    await client.pushManifest(first, "1");
    for (const tag of ["v1", "1"]) {
      expect(await refusal(await client.putManifest(tag, second))).toEqual(DENIED);
    }
  });

  test("of its own name, a repository has them as well", async () => {
    const namespace = await newNamespace();
    const client = new RegistryClient({ repository: namespace });
    await done("PATCH", `/namespaces/${namespace}`, { immutableTags: [rule("*", "latest")] });
    await client.pushManifest(await image(client), "v1");
    expect(await refusal(await client.putManifest("v1", await image(client)))).toEqual(DENIED);
  });
});

const LONG = "x".repeat(128);

describe.each<[string, string[], string[]]>([
  ["v*", ["v", "v1", "v1.2-rc.1", `v${LONG.slice(1)}`], ["V1", "1v", "latest"]],
  ["*", ["a", "_", LONG], []],
  ["*-rc*", ["v1-rc1", "x-rc"], ["v1rc1", "-RC".slice(1)]],
  ["v1", ["v1"], ["v10", "V1", "xv1"]],
  ["v1.0", ["v1.0"], ["v1x0"]],
  [`${LONG.slice(0, 49)}*`, [LONG], [LONG.slice(0, 48)]],
  ["a*b*c*d*", ["abcd", "aXbXcXdX"], ["abdc"]],
  ["[0-9]", ["0", "9"], ["a", "10", "_0"]],
  ["[0-9]*", ["1", "1.2", "2026-11-01", "0x"], ["v1", "_1"]],
  ["release_[0-9][0-9]", ["release_07"], ["release_7", "release-07", "release_077"]],
  [
    PRESETS["semver"]?.[0] ?? "",
    ["v1.2.3", "v10.20.30", "v1.2.3-rc.1", "v1.2.3-alpine"],
    ["v1.2", "v1", "1.2.3", "version1.2.3", "v.1.2.3"],
  ],
  [PRESETS["semver"]?.[1] ?? "", ["1.2.3", "1.2.3-rc.1", "2026.11.1"], ["1.2", "v1.2.3", "a1.2.3"]],
])("%s", (glob, immutable, mutable) => {
  test("names exactly these", async () => {
    const client = await newClient();
    const [first, second] = [await image(client), await image(client)];
    const tags = [...immutable, ...mutable];
    await client.pushManifest(
      first,
      `${first.digest}?${tags.map((tag) => `tag=${tag}`).join("&")}`,
    );
    await setRules(client, rule(glob));
    for (const tag of tags) {
      const { status } = await client.putManifest(tag, second);
      expect(status, tag).toBe(immutable.includes(tag) ? 409 : 201);
    }
  });
});

test("one of many pushes of different images to one new tag at once wins, and the others are told why", async () => {
  const client = await newClient();
  await client.pushManifest(await image(client), "latest");
  await setRules(client, rule("v*"));
  const images = await Promise.all(Array.from({ length: 8 }, () => image(client)));
  const responses = await Promise.all(images.map((one) => client.putManifest("v1", one)));
  const [winner, ...more] = images.filter((_, i) => responses[i]?.status === 201);
  expect(more).toEqual([]);
  for (const response of responses.filter(({ status }) => status !== 201)) {
    expect(response.status).toBe(409);
    expect(await messageOf(response)).toContain(`points to ${winner?.digest}`);
  }
  expect(await client.pullManifest("v1")).toEqual(winner?.bytes);
});

/** A Worker that lets something happen around its next batch. */
function interrupted(around: {
  before?: () => Promise<unknown>;
  after?: () => Promise<unknown>;
}): Send {
  const DB = new Proxy(env.DB, {
    get(target, name) {
      if (name !== "batch") return (sql: string) => target.prepare(sql);
      return async (statements: D1PreparedStatement[]) => {
        await around.before?.();
        try {
          return await target.batch(statements);
        } finally {
          await around.after?.();
        }
      };
    },
  });
  return (request) => handle(request, { ...env, DB }, ignore);
}

test("a rule that comes while a push is under way holds for it", async () => {
  const { client, first, second } = await protectedTag(rule("x"));
  const send = interrupted({ before: () => setRules(client, rule("v*")) });
  const pusher = new RegistryClient({ repository: client.repository, send });
  expect(await refusal(await pusher.putManifest("v1", second))).toEqual(DENIED);
  expect(await client.pullManifest("v1")).toEqual(first.bytes);
});

test("a rule that goes before it can be named makes the push worth another try", async () => {
  const { client, second } = await protectedTag();
  const send = interrupted({ after: () => setRules(client) });
  const pusher = new RegistryClient({ repository: client.repository, send });
  const response = await pusher.putManifest("v1", second);
  expect(await refusal(response)).toEqual({ status: 503, code: "UNAVAILABLE" });
  expect((await pusher.putManifest("v1", second)).status).toBe(201);
});

test("rules that come while pushes and deletes are at work: from then on the tag stays what it is", async () => {
  const client = await newClient();
  const images = await Promise.all(Array.from({ length: 6 }, () => image(client)));
  await client.pushManifest(images[0] as Manifest, "v1");
  const work = images.map((one, i) =>
    i % 3 === 2 ? client.request("DELETE", "manifests/v1") : client.putManifest("v1", one),
  );
  const set = setRules(client, rule("v*"));
  const statuses = (await Promise.all(work)).map(({ status }) => status);
  await set;
  expect([201, 202, 404, 409]).toEqual(expect.arrayContaining(statuses));
  const before = await client.get("manifests/v1");
  if (before.status === 404) await client.pushManifest(images[0] as Manifest, "v1");
  const kept = await client.pullManifest("v1");
  for (const one of images) await client.putManifest("v1", one);
  expect(await client.pullManifest("v1")).toEqual(kept);
});
