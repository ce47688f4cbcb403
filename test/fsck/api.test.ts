/** POST /api/v1/fsck: one step after the other, each with the cursor that the last one answered. */
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { idOf } from "../../src/db/digests.ts";
import { PHASES } from "../../src/fsck/phases.ts";
import { RegistryClient } from "../support/client.ts";
import { blob, type Content, imageManifest } from "../support/images.ts";
import { done, makeUser, refused } from "../support/management.ts";

interface Cursor {
  readonly phase: string;
  readonly repository: number;
  readonly name: string;
  readonly hashed: number;
}

interface Step {
  readonly phase: string;
  readonly findings: readonly Record<string, unknown>[];
  readonly next: Cursor | null;
  readonly checked: number;
  readonly bytes: number;
  readonly unhashed: number;
}

const client = new RegistryClient({ repository: "acme/app" });
let config: Content;
let layer: Content;

beforeAll(async () => {
  config = await client.pushBlob(blob(1000));
  layer = await client.pushBlob(blob(1000));
  await client.pushManifest(imageManifest({ config, layers: [layer] }), "v1");
});

async function runSteps(body: object = {}): Promise<Step[]> {
  const steps: Step[] = [];
  let next: Cursor | null = null;
  do {
    const step: Step = await done<Step>(
      "POST",
      "/fsck",
      next === null ? body : { ...body, cursor: next },
    );
    steps.push(step);
    next = step.next;
  } while (next !== null);
  return steps;
}

async function findings(body: object): Promise<readonly Record<string, unknown>[]> {
  return (await runSteps(body)).flatMap((step) => step.findings);
}

async function keyOf({ digest }: Content): Promise<string> {
  const row = await env.DB.prepare(`SELECT key FROM blobs WHERE digest_id = ${idOf("?1")}`)
    .bind(digest)
    .first<{ key: string }>();
  return row?.key ?? "";
}

test("POST /fsck walks to the end, hashing everything", async () => {
  const steps = await runSteps();
  expect([...new Set(steps.map(({ phase }) => phase))]).toEqual(PHASES);
  expect(steps.flatMap((step) => step.findings)).toEqual([]);
  expect(steps.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(2000);
});

test("POST /fsck hashes as much as is asked for, over all steps", async () => {
  expect((await runSteps({ hash: 0 })).reduce((sum, { bytes }) => sum + bytes, 0)).toBe(0);
  const first = await runSteps({ hash: 1 });
  expect(first.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(1000);
  const afterwards = first.find(({ phase }) => phase === "blobs")?.next;
  expect(afterwards).toMatchObject({ phase: "counts", hashed: 1000 });
  const cursor = { phase: "blobs", repository: 0, name: "", hashed: 1500 };
  expect(await done("POST", "/fsck", { cursor, hash: 1000 })).toMatchObject({ bytes: 0 });
});

test("repairs where that is asked for, and says by whom in the log", async () => {
  await env.DB.prepare(
    `INSERT INTO unreferenced_blobs (repository_id, digest_id, since) VALUES (1, ${idOf("?1")}, 1)`,
  )
    .bind(layer.digest)
    .run();
  const wrong = {
    kind: "unreferenced.wrong",
    repository: "acme/app",
    subject: layer.digest,
    message: expect.stringContaining("a manifest names the blob"),
    affected: [],
  };
  expect(await findings({})).toEqual([{ ...wrong, outcome: "found" }]);
  expect(await findings({ repair: true })).toEqual([{ ...wrong, outcome: "repaired" }]);
  expect(await findings({ repair: true })).toEqual([]);
  const events = await env.DB.prepare(
    `SELECT actor, via, namespace, repository, digest, detail, outcome FROM audit WHERE action = 'fsck.repair'`,
  ).all();
  expect(events.results).toEqual([
    {
      actor: "admin",
      via: "password",
      namespace: "acme",
      repository: "acme/app",
      digest: layer.digest,
      detail: "unreferenced.wrong",
      outcome: "done",
    },
  ]);
});

test("POST /fsck says which tags need what is lost, and that a push puts it right", async () => {
  await env.BLOBS.delete(await keyOf(layer));
  expect(await findings({ repair: true })).toEqual([
    {
      kind: "blob.missing",
      repository: null,
      subject: layer.digest,
      outcome: "marked",
      message: expect.stringContaining("push what needs it again"),
      affected: ["acme/app:v1"],
    },
  ]);
  await client.pushBlob(layer);
  expect(await findings({})).toEqual([]);
});

const CURSOR = { phase: "blobs", repository: 0, name: "", hashed: 0 };

test.each<[string, object]>([
  ["another phase", { ...CURSOR, phase: "constructor" }],
  ["no phase", { repository: 0, name: "", hashed: 0 }],
  ["a repository that is no number", { ...CURSOR, repository: "1" }],
  ["a negative repository", { ...CURSOR, repository: -1 }],
  ["half a repository", { ...CURSOR, repository: 0.5 }],
  ["a name that is none", { ...CURSOR, name: null }],
  ["a name of two lines", { ...CURSOR, name: "a\nb" }],
  ["a name that is too long", { ...CURSOR, name: "x".repeat(1025) }],
  ["negative bytes", { ...CURSOR, hashed: -1 }],
  ["too many bytes", { ...CURSOR, hashed: 2 ** 53 }],
  ["something else", { ...CURSOR, more: 1 }],
])("a cursor with %s is refused", async (_, cursor) => {
  expect(await refused("POST", "/fsck", { cursor })).toEqual({
    status: 400,
    code: "FIELD_INVALID",
  });
});

test.each([{ hash: -1 }, { hash: "all" }, { hash: 0.5 }, { repair: "yes" }, { repair: null }])(
  "%j is refused",
  async (body) => {
    expect(await refused("POST", "/fsck", body)).toEqual({ status: 400, code: "FIELD_INVALID" });
  },
);

test.each(PHASES)("%s: any place is one to go on at", async (phase) => {
  for (const name of ["", "~", "sha256:zz", "a b c", "\u{10FFFF}".repeat(100), "'; DROP TABLE"]) {
    const cursor = { phase, repository: Number.MAX_SAFE_INTEGER, name, hashed: 0 };
    expect((await done<Step>("POST", "/fsck", { cursor })).findings).toEqual([]);
  }
});

test("POST /fsck is for administrators", async () => {
  const { authorization } = await makeUser();
  for (const [method, body] of [["GET"], ["POST", {}]] as const) {
    const answer = await refused(method, "/fsck", body, { as: authorization });
    expect(answer).toEqual({ status: 403, code: "DENIED" });
  }
});
