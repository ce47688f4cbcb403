/** Retention policies over the API: set, read, removed, and previewed. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { RegistryClient, withSettings } from "../support/client.ts";
import { blob, imageManifest, index, type Manifest } from "../support/images.ts";
import { changesNothing, entries } from "../support/lists.ts";
import { api, done, makeNamespace, problem, refused } from "../support/management.ts";
import {
  ANY,
  ARCHIVE,
  DAY,
  digestFor,
  knowAllPulls,
  moreThan,
  policyOf,
  pulledBefore,
  pushedBefore,
  retentionOf,
  rule,
  runToEnd,
  Shelf,
  tagged,
} from "../support/retention.ts";

const POLICY = policyOf(rule(1, { ...tagged("v*"), ...moreThan(2) }));
const OTHER = policyOf(rule(3, { ...ANY, ...pushedBefore(30) }));
const NOTHING = { policy: null, warnings: [], of: null, nextRunAt: null, lastRun: null };

const byVersion = (countNumber: number) =>
  policyOf(rule(1, { ...tagged("*"), ...moreThan(countNumber), orderBy: "semver" }));

let namespace: string;
let name: string;
let client: RegistryClient;

beforeEach(async () => {
  ({ namespace } = await makeNamespace());
  name = `${namespace}/app`;
  client = new RegistryClient({ repository: name });
  await done("POST", "/repositories", { name });
});

const path = (rest = "") => `/repositories/${name}/-/retention${rest}`;

async function push(tag: string): Promise<Manifest> {
  const config = await client.pushBlob(blob());
  return client.pushManifest(imageManifest({ config }), tag);
}

describe("a policy", () => {
  test("is there once it was set, as it was sent, until it is removed", async () => {
    expect(await done("GET", path())).toEqual(NOTHING);
    const set = await done("PUT", path(), POLICY);
    const due = { of: "repository", nextRunAt: expect.stringMatching(/Z$/), lastRun: null };
    expect(set).toEqual({ policy: POLICY, warnings: [], ...due });
    expect(await done("GET", path())).toEqual(set);
    expect(await done("PUT", path(), OTHER)).toMatchObject({ policy: OTHER });
    expect((await api("DELETE", path())).status).toBe(204);
    expect(await done("GET", path())).toEqual(NOTHING);
    expect(await refused("DELETE", path())).toEqual({ status: 404, code: "NOT_FOUND" });
    const actions = (await entries(name)).map(({ action }) => action);
    expect(actions.slice(-3)).toEqual(["retention.set", "retention.set", "retention.remove"]);
  });

  test("of a namespace holds in its repositories without one of their own", async () => {
    const of = `/namespaces/${namespace}/retention`;
    expect(await done("GET", of)).toEqual({ policy: null, warnings: [] });
    expect(await done("PUT", of, POLICY)).toEqual({ policy: POLICY, warnings: [] });
    expect(await done("GET", path())).toMatchObject({ policy: POLICY, of: "namespace" });
    await done("PUT", path(), OTHER);
    expect(await done("GET", path())).toMatchObject({ policy: OTHER, of: "repository" });
    await done("DELETE", path());
    expect(await done("GET", path())).toMatchObject({ policy: POLICY, of: "namespace" });
    await done("DELETE", of);
    expect(await refused("DELETE", of)).toEqual({ status: 404, code: "NOT_FOUND" });
    expect(await done("GET", path())).toMatchObject({ policy: null, of: null });
  });

  test("with rules that mean nothing here is taken, with warnings", async () => {
    const policy = policyOf(rule(1, { ...ANY, ...pulledBefore(90) }, ARCHIVE));
    const { warnings } = await done<{ warnings: string[] }>("PUT", path(), policy);
    expect(warnings).toEqual([expect.stringContaining("rule 1 changes nothing")]);
    expect(await done("GET", path())).toMatchObject({ warnings });
  });

  test("that is wrong is refused by the field, and leaves the one before", async () => {
    await done("PUT", path(), POLICY);
    const wrong = policyOf(rule(1, { ...ANY, ...moreThan(0) }));
    const targets = [
      ["PUT", path()],
      ["POST", path("/preview")],
      ["PUT", `/namespaces/${namespace}/retention`],
    ] as const;
    for (const [method, target] of targets) {
      const response = await changesNothing(() => api(method, target, wrong));
      const body = await response.clone().json<{ detail: string; errors: unknown }>();
      expect(await problem(response)).toEqual({ status: 400, code: "FIELD_INVALID" });
      const field = "rules[0].selection.countNumber";
      expect(body.detail).toBe(`${field}: must be a whole number from 1 on`);
      expect(body.errors).toEqual([{ field, message: "must be a whole number from 1 on" }]);
    }
    expect(await done("GET", path())).toMatchObject({ policy: POLICY });
  });

  test("of what is not there", async () => {
    const unknown = `/repositories/${namespace}/none/-/retention`;
    const nowhere = { status: 404, code: "NAME_UNKNOWN" };
    expect(await refused("GET", unknown)).toEqual(nowhere);
    expect(await refused("PUT", unknown, POLICY)).toEqual(nowhere);
    expect(await refused("POST", `${unknown}/preview`, POLICY)).toEqual(nowhere);
    const nothing = { status: 404, code: "NOT_FOUND" };
    expect(await refused("GET", "/namespaces/none-such/retention")).toEqual(nothing);
    expect(await refused("PUT", "/namespaces/none-such/retention", POLICY)).toEqual(nothing);
  });
});

describe("retention from a push to the end", () => {
  test("what is pushed goes by its namespace's policy, unless it is young, and comes back", async () => {
    const pushed = [];
    for (const tag of ["v1", "v2", "v3", "latest"]) pushed.push(await push(tag));
    const children = [await push("v0-amd64")];
    await client.request("DELETE", "manifests/v0-amd64");
    const list = await client.pushManifest(index(children), "v0");
    await env.DB.prepare(
      `UPDATE manifests SET pushed_at = pushed_at - 172800000 WHERE digest = ?1 OR digest = ?2`,
    )
      .bind(list.digest, children[0]?.digest)
      .run();
    await done("PUT", `/namespaces/${namespace}/retention`, POLICY);
    await runToEnd(retentionOf({ grace: 86_400_000 }));
    // v1 is one too many as well, but was pushed just now.
    expect((await client.listTags()).toSorted()).toEqual(["latest", "v1", "v2", "v3"]);
    expect((await client.get(`manifests/${children[0]?.digest}`)).status).toBe(404);
    const { lastRun } = await done<{ lastRun: object }>("GET", path());
    expect(lastRun).toMatchObject({ images: 1, manifests: 2 });
    expect(await entries(name)).toContainEqual({
      actor: null,
      action: "manifest.expire",
      detail: "rule 1: not one of the 2 last pushed, with 1 that belong to it",
    });
    await done("POST", `/repositories/${name}/-/restore`, { tag: "v0" });
    expect(await client.pullManifest("v0")).toBeDefined();
    expect((await client.get(`manifests/${children[0]?.digest}`)).status).toBe(200);
  });

  test("the cron carries policies out", async () => {
    const { default: worker } = await import("../../src/worker.ts");
    const { createScheduledController } = await import("cloudflare:test");
    const old = await push("v1");
    await push("v2");
    await push("v3");
    await env.DB.prepare(`UPDATE manifests SET pushed_at = 1 WHERE digest = ?1`)
      .bind(old.digest)
      .run();
    await done("PUT", path(), POLICY);
    await worker.scheduled(createScheduledController(), env);
    expect((await client.listTags()).toSorted()).toEqual(["v2", "v3"]);
  });
});

interface Page {
  readonly items: {
    digest: string;
    tags: string[];
    rule: number;
    reason: string;
    attachments: object[];
  }[];
  readonly next: string | null;
}

/** What a policy that keeps so many images would free, in bytes. */
async function freed(keep: number): Promise<number> {
  const policy = policyOf(rule(1, { ...tagged("v*"), ...moreThan(keep) }));
  const { freedBytes } = await done<{ freedBytes: number }>("POST", path("/preview"), policy);
  return freedBytes;
}

describe("a preview", () => {
  let shelf: Shelf;
  const target = (query = "") => `/repositories/${shelf.name}/-/retention/preview${query}`;

  beforeEach(async () => {
    shelf = await Shelf.with([
      ...Array.from({ length: 9 }, (_, i) => {
        return { name: `i${i}`, tags: [`v${i}`], pushed: 40 + i };
      }),
      { name: "sig", pushed: 99, subject: "i8" },
    ]);
  });

  test("of a policy that is sent, or of the one in force; nothing is changed", async () => {
    const sent = await changesNothing(() => done<Page>("POST", target(), POLICY));
    expect(sent.next).toBeNull();
    expect(sent.items).toHaveLength(7);
    expect(sent.items.at(-1)).toEqual({
      digest: digestFor("i8"),
      tags: ["v8"],
      pushedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      rule: 1,
      reason: "not one of the 2 last pushed",
      attachments: [{ digest: digestFor("sig"), tags: [] }],
    });
    const none = await refused("POST", target(), {});
    expect(none).toEqual({ status: 400, code: "FIELD_INVALID" });
    await shelf.setPolicy(POLICY);
    expect(await done("POST", target(), {})).toEqual(sent);
  });

  test("adds up what nothing else in the repository needs, with its trash", async () => {
    const shared = await client.pushBlob(blob(3_000));
    const pushed = await Promise.all(
      [10_000, 20_000, 40_000, 80_000].map(async (size, i) => {
        const config = await client.pushBlob(blob(100));
        const layer = await client.pushBlob(blob(size));
        const twice = i === 1 || i === 3 ? [shared] : [];
        return client.pushManifest(imageManifest({ config, layers: [layer, ...twice] }), `v${i}`);
      }),
    );
    await Promise.all(
      pushed.map(({ digest }, i) =>
        env.DB.prepare(`UPDATE manifests SET pushed_at = ?2 WHERE digest = ?1`)
          .bind(digest, i + 1)
          .run(),
      ),
    );
    expect(await freed(4)).toBe(0);
    expect(await freed(3)).toBe(10_100);
    expect(await freed(2)).toBe(30_200);
    // v3 holds the shared layer, also while it can be restored.
    const gone = await client.request("DELETE", `manifests/${pushed[3]?.digest}`);
    expect(gone.status).toBe(202);
    expect(await freed(1)).toBe(30_200);
  });

  test("says what protects the others that a rule is for, and until when", async () => {
    await shelf.add([{ name: "used", tags: ["u1", "u2"], pushed: 200, pulled: 2 }]);
    await knowAllPulls();
    const policy = policyOf(rule(1, { ...tagged("u*"), ...pulledBefore(90) }));
    const { items, kept } = await done<Page & { kept: unknown[] }>("POST", target(), policy);
    expect(items).toEqual([]);
    const last = Math.floor(Date.now() / DAY) - 2;
    expect(kept).toEqual([
      {
        by: "use",
        rule: null,
        lastUsed: new Date(last * DAY).toISOString().slice(0, 10),
        until: new Date((last + 91) * DAY - 1).toISOString(),
        images: 1,
        examples: [{ digest: digestFor("used"), tags: ["u1", "u2"] }],
      },
    ]);
  });

  test("by pages, each with a way to the next one", async () => {
    const whole = await done<Page>("POST", target(), POLICY);
    const items = [];
    let query = "?limit=3";
    for (;;) {
      const response = await api("POST", target(query), POLICY);
      const page = await response.json<Page>();
      expect(page.items.length).toBeLessThanOrEqual(3);
      items.push(...page.items);
      if (page.next === null) break;
      query = `?limit=3&after=${encodeURIComponent(page.next)}`;
      expect(response.headers.get("link")).toContain('rel="next"');
    }
    expect(items).toEqual(whole.items);
  });

  test("goes on only with what it began with", async () => {
    const { next } = await done<Page>("POST", target("?limit=1"), POLICY);
    const after = `?after=${encodeURIComponent(next ?? "")}`;
    const wrong = { status: 400, code: "FIELD_INVALID" };
    expect(await refused("POST", target(after), OTHER)).toEqual(wrong);
    expect(await refused("POST", path(`/preview${after}`), POLICY)).toEqual(wrong);
    const places = ["x", '{"walk":{}}', "~AAAA", `${next}x`];
    for (const place of places) {
      const query = `?after=${encodeURIComponent(place)}`;
      expect(await refused("POST", target(query), POLICY)).toEqual(wrong);
    }
  });

  test("looks at so many manifests at a time, and may find nothing in them", async () => {
    const { id } = shelf;
    await env.DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4100)
       INSERT INTO manifests (repository_id, digest, media_type, size, content, artifact_type, created_at, pushed_at)
       SELECT ?1, 'sha256:' || printf('%064x', i), 'application/vnd.oci.image.manifest.v1+json', 2, '{}', '', 0, ?2
       FROM n`,
    )
      .bind(id, Date.now() - 10 * 86_400_000)
      .run();
    const send = withSettings({});
    const first = await done<Page>("POST", target(), OTHER, { send });
    expect(first.items).toEqual([]);
    const after = `?after=${encodeURIComponent(first.next ?? "")}`;
    const second = await done<Page>("POST", target(after), OTHER, { send });
    expect(second.items).toHaveLength(9);
    expect(second.next).toBeNull();
  });

  test("with more versions than go into an address is refused", async () => {
    const statements = Array.from({ length: 4_100 }, (_, i) => i);
    const list = JSON.stringify(statements);
    const digest = `'sha256:' || printf('%064x', value)`;
    await env.DB.batch([
      env.DB.prepare(
        `INSERT INTO manifests (repository_id, digest, media_type, size, content, artifact_type, created_at, pushed_at)
         SELECT ?1, ${digest}, 'application/vnd.oci.image.manifest.v1+json', 2, '{}', '', 0, 1 FROM json_each(?2)`,
      ).bind(shelf.id, list),
      env.DB.prepare(
        `INSERT INTO tags (repository_id, name, digest, updated_at)
         SELECT ?1, '1.2.' || value || '-a-long-name-before-the-release', ${digest}, 1 FROM json_each(?2)`,
      ).bind(shelf.id, list),
    ]);
    expect(await refused("POST", target(), byVersion(1_000))).toEqual({
      status: 400,
      code: "FIELD_INVALID",
    });
    expect((await done<Page>("POST", target(), byVersion(20))).next).not.toBeNull();
  });
});
