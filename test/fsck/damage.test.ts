/**
 * Each kind of damage, made by hand: fsck reports it, changes nothing, then repairs it if possible, and finds nothing
 * more.
 */
import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { kindNumber } from "../../src/db/manifest-references.ts";
import { idOf } from "../../src/db/digests.ts";
import { deflateText } from "../../src/db/manifest-text.ts";
import type { Finding } from "../../src/fsck/findings.ts";
import { ALL_KINDS, type Kind } from "../../src/fsck/kinds.ts";
import { RegistryClient } from "../support/client.ts";
import { expectSound, findings, REPAIRER } from "../support/fsck.ts";
import { sample } from "../support/sample.ts";
import {
  blob,
  type Content,
  describe as descriptor,
  digestOf,
  imageManifest,
  index,
  type Manifest,
} from "../support/images.ts";

interface Scene {
  readonly client: RegistryClient;
  readonly id: number;
  readonly config: Content;
  /** A layer of the image alone. */
  readonly layer: Content;
  /** Tagged v1, and named by the list. */
  readonly image: Manifest;
  /** Tagged latest. */
  readonly list: Manifest;
  /** Tagged large, and too big for its row. */
  readonly large: Manifest;
  /** A manifest that was tagged until its deletion; the blob that only it names is a trashed blob. */
  readonly gone: Manifest;
  readonly kept: Content;
  /** A blob that no manifest names. */
  readonly cancelDeletion: Content;
}

type Found = readonly [kind: Kind, subject: string, outcome?: Finding["outcome"]];

interface Damage {
  readonly plant: (scene: Scene) => Promise<unknown>;
  readonly found: (scene: Scene) => readonly Found[];
  /** The findings with --repair, where they do not follow from `found`: by default everything is repaired. */
  readonly repaired?: (scene: Scene) => readonly Found[];
  /** Repairs the rest. */
  readonly heal?: (scene: Scene) => Promise<unknown>;
  /** Whether the database has lost its foreign keys. */
  readonly lax?: true;
}

/** SQL: the reference of the manifest ?1 to the digest ?2. */
const REFERENCE = `manifest_id IN (SELECT id FROM manifests WHERE digest = ?1) AND digest_id = ${idOf("?2")}`;
const SCHEMA = `SELECT sql FROM sqlite_schema WHERE name = ?1`;

async function run(sql: string, ...values: (string | number | null)[]): Promise<void> {
  const { meta } = await env.DB.prepare(sql)
    .bind(...values)
    .run();
  expect(meta.changes, sql).toBeGreaterThan(0);
}

/** Runs work without some triggers, which forbid it or repair it. */
async function without(triggers: readonly string[], work: () => Promise<unknown>): Promise<void> {
  const definitions: string[] = [];
  for (const name of triggers) {
    const row = await env.DB.prepare(SCHEMA).bind(name).first<{ sql: string }>();
    definitions.push(row?.sql ?? "");
    await env.DB.prepare(`DROP TRIGGER ${name}`).run();
  }
  await work();
  for (const sql of definitions) await env.DB.prepare(sql).run();
}

async function keyOf({ digest }: Content): Promise<string> {
  const row = await env.DB.prepare(
    `SELECT key FROM blobs WHERE digest_id = ${idOf("?1")} UNION SELECT object FROM manifests WHERE digest = ?1`,
  )
    .bind(digest)
    .first<{ key: string }>();
  return row?.key ?? "";
}

/** Overwrites the object with other bytes of the same length. */
async function spoil(content: Content): Promise<void> {
  await env.BLOBS.put(await keyOf(content), blob(content.bytes.length).bytes);
}

async function lose(content: Content): Promise<void> {
  await env.BLOBS.delete(await keyOf(content));
}

const pushed = { repaired: marked, heal: pushAgain } as const;

function marked(this: Damage, scene: Scene): readonly Found[] {
  return this.found(scene).map(([kind, subject]) => [kind, subject, "marked"] as const);
}

const unrepaired = {
  repaired(this: Damage, scene: Scene) {
    return this.found(scene).map(([kind, subject]) => [kind, subject, "found"] as const);
  },
} as const;

const DAMAGES: Readonly<Record<string, Damage>> = {
  "a blob's object is not there": {
    plant: ({ layer }) => lose(layer),
    found: ({ layer }) => [["blob.missing", layer.digest]],
    ...pushed,
  },
  "a blob's object has other bytes": {
    plant: ({ layer }) => spoil(layer),
    found: ({ layer }) => [["blob.damaged", layer.digest]],
    ...pushed,
  },
  "a blob's object has fewer bytes": {
    plant: async ({ layer }) => env.BLOBS.put(await keyOf(layer), layer.bytes.slice(1)),
    found: ({ layer }) => [["blob.damaged", layer.digest]],
    ...pushed,
  },
  "a blob's row has another size": {
    plant: ({ layer }) =>
      run(`UPDATE blobs SET size = size + 1 WHERE digest_id = ${idOf("?1")}`, layer.digest),
    found: ({ layer }) => [
      ["blob.size", layer.digest],
      ["usage.blob", layer.digest],
    ],
    repaired: ({ layer }) => [["blob.size", layer.digest]],
  },
  "a blob was taken for lost": {
    plant: ({ layer }) =>
      run(`UPDATE blobs SET missing_since = 1 WHERE digest_id = ${idOf("?1")}`, layer.digest),
    found: ({ layer }) => [["blob.found", layer.digest]],
  },
  "nobody holds a blob": {
    plant: async ({ cancelDeletion, id }) => {
      await without(["unlinked_blob_goes", "last_link_schedules_deletion"], () =>
        run(
          `DELETE FROM repository_blobs WHERE repository_id = ?1 AND digest_id = ${idOf("?2")}`,
          id,
          cancelDeletion.digest,
        ),
      );
      await run(
        `DELETE FROM namespace_blobs WHERE digest_id = ${idOf("?1")}`,
        cancelDeletion.digest,
      );
    },
    found: ({ cancelDeletion }) => [["blob.unlinked", cancelDeletion.digest]],
  },
  "a blob's object is to be deleted": {
    plant: async ({ layer }) => schedule(await keyOf(layer)),
    found: ({ layer }) => [["blob.scheduled", layer.digest]],
  },
  "a manifest's object is not there": {
    plant: ({ large }) => lose(large),
    found: ({ large }) => [["manifest.missing", large.digest]],
    ...pushed,
  },
  "a manifest's object has other bytes": {
    plant: ({ large }) => spoil(large),
    found: ({ large }) => [["manifest.damaged", large.digest]],
    ...pushed,
  },
  "a manifest has neither text nor object": {
    plant: ({ image }) =>
      run(`UPDATE manifests SET content = NULL WHERE digest = ?1`, image.digest),
    found: ({ image }) => [["manifest.missing", image.digest]],
    ...pushed,
  },
  "a manifest's text is another": {
    plant: ({ image }) =>
      run(
        `UPDATE manifests SET content = unhex(?2) WHERE digest = ?1`,
        image.digest,
        deflateText(new TextDecoder().decode(image.bytes) + " "),
      ),
    found: ({ image }) => [["manifest.damaged", image.digest]],
    ...pushed,
  },
  "a manifest's text cannot be inflated": {
    plant: ({ image }) =>
      run(`UPDATE manifests SET content = x'01ffff' WHERE digest = ?1`, image.digest),
    found: ({ image }) => [["manifest.damaged", image.digest]],
    ...pushed,
  },
  "a manifest's text is of no known dictionary": {
    plant: ({ image }) =>
      run(
        `UPDATE manifests SET content = unhex('ff' || substr(hex(content), 3)) WHERE digest = ?1`,
        image.digest,
      ),
    found: ({ image }) => [["manifest.damaged", image.digest]],
    ...pushed,
  },
  "a deleted manifest's text is another": {
    plant: ({ gone }) =>
      run(
        `UPDATE manifests SET content = unhex(?2) WHERE digest = ?1`,
        gone.digest,
        deflateText(new TextDecoder().decode(gone.bytes) + " "),
      ),
    found: ({ gone }) => [["manifest.damaged", gone.digest]],
    ...pushed,
  },
  "a manifest was taken for lost": {
    plant: ({ large }) =>
      run(`UPDATE manifests SET missing_since = 1 WHERE digest = ?1`, large.digest),
    found: ({ large }) => [["manifest.found", large.digest]],
  },
  "a manifest's object is to be deleted": {
    plant: async ({ large }) => schedule(await keyOf(large)),
    found: ({ large }) => [["manifest.scheduled", large.digest]],
  },
  "a manifest's size is wrong": {
    plant: ({ large }) => run(`UPDATE manifests SET size = 1 WHERE digest = ?1`, large.digest),
    found: ({ large }) => [["manifest.fields", large.digest]],
  },
  "a manifest's subject is wrong": {
    plant: ({ image, list }) =>
      run(`UPDATE manifests SET subject = ?2 WHERE digest = ?1`, image.digest, list.digest),
    found: ({ image }) => [["manifest.fields", image.digest]],
  },
  "a manifest's type is wrong": {
    plant: ({ image }) =>
      run(`UPDATE manifests SET artifact_type = 'a/b' WHERE digest = ?1`, image.digest),
    found: ({ image }) => [["manifest.fields", image.digest]],
  },
  "a manifest is none": {
    plant: ({ id }) =>
      run(
        `INSERT INTO manifests (repository_id, digest, media_type, size, content, artifact_type, created_at)
         VALUES (?1, ?2, 'application/vnd.oci.image.index.v1+json', 2, unhex(?3), '', 0)`,
        id,
        NO_MANIFEST,
        deflateText("[]"),
      ),
    found: () => [["manifest.invalid", NO_MANIFEST]],
    ...unrepaired,
    heal: () => run(`DELETE FROM manifests WHERE digest = ?1`, NO_MANIFEST),
  },
  "a manifest's reference is missing": {
    plant: ({ image, layer }) => unreference(image, layer),
    found: ({ image }) => [["reference.wrong", image.digest]],
  },
  "an index's reference is missing": {
    plant: ({ image, list }) => unreference(list, image),
    found: ({ list }) => [["reference.wrong", list.digest]],
  },
  "a reference of a manifest in R2 is missing": {
    plant: ({ large, config }) => unreference(large, config),
    found: ({ large }) => [["reference.wrong", large.digest]],
  },
  "a reference to a layer that lives elsewhere is missing": {
    plant: async ({ client }) => {
      await client.pushBlob(FOREIGN_CONFIG);
      await client.pushManifest(FOREIGN_IMAGE);
      await run(`DELETE FROM manifest_references WHERE digest_id = ${idOf("?1")}`, FOREIGN.digest);
    },
    found: () => [["reference.wrong", FOREIGN_IMAGE.digest]],
  },
  "a reference has another kind": {
    plant: ({ image, config }) =>
      run(
        `UPDATE manifest_references SET kind = ${kindNumber("optional")} WHERE ${REFERENCE}`,
        image.digest,
        config.digest,
      ),
    found: ({ image }) => [["reference.wrong", image.digest]],
  },
  "a reference is not in the bytes": {
    plant: ({ id, image, cancelDeletion }) =>
      run(
        `INSERT INTO manifest_references (repository_id, manifest_id, digest_id, kind)
         SELECT repository_id, id, ${idOf("?3")}, ${kindNumber("blob")} FROM manifests
         WHERE repository_id = ?1 AND digest = ?2`,
        id,
        image.digest,
        cancelDeletion.digest,
      ),
    found: ({ image }) => [["reference.wrong", image.digest]],
  },
  "a repository has lost a blob with its reference: it is not given back what may never have been its":
    {
      plant: async (scene) => {
        await unreference(scene.image, scene.layer);
        await run(
          `DELETE FROM repository_blobs WHERE repository_id = ?1 AND digest_id = ${idOf("?2")}`,
          scene.id,
          scene.layer.digest,
        );
      },
      found: ({ image }) => [["reference.wrong", image.digest]],
      ...unrepaired,
      heal: async (scene) => {
        await pushAgain(scene);
        // A client that finds the manifest does not send it.
        const [again] = await findings(EVERYTHING, { repair: REPAIRER });
        expect(again?.outcome).toBe("repaired");
      },
    },
  "a repository has lost a blob that a manifest names": {
    plant: (scene) => unlink(scene, scene.layer),
    found: ({ image, layer }) => [
      ["reference.unresolved", image.digest],
      ["blob.unlinked", layer.digest],
    ],
    repaired: ({ image }) => [["reference.unresolved", image.digest]],
  },
  "a repository does not keep what a deleted manifest names": {
    plant: ({ kept }) =>
      without(["untrashed_blob_goes", "last_trashed_blob_schedules_deletion"], () =>
        run(`DELETE FROM trashed_blobs WHERE digest_id = ${idOf("?1")}`, kept.digest),
      ),
    found: ({ gone, kept }) => [
      ["reference.unresolved", gone.digest],
      ["blob.unlinked", kept.digest],
      ["usage.blob", kept.digest],
    ],
    repaired: ({ gone, kept }) => [
      ["reference.unresolved", gone.digest],
      ["usage.blob", kept.digest],
    ],
  },
  "a child of an index was deleted": {
    plant: ({ image }) =>
      without(["named_manifest_stays_in_sight"], () =>
        run(`UPDATE manifests SET deleted_at = 1 WHERE digest = ?1`, image.digest),
      ),
    found: ({ list }) => [
      ["reference.unresolved", list.digest],
      ["tag.unresolved", "v1"],
    ],
    repaired: ({ list }) => [["reference.unresolved", list.digest]],
  },
  "a child of an index is not there": {
    plant: ({ image }) =>
      without(["referenced_manifest_stays"], () =>
        run(`DELETE FROM manifests WHERE digest = ?1`, image.digest),
      ),
    found: ({ list }) => [["reference.unresolved", list.digest]],
    ...unrepaired,
    heal: pushAgain,
  },
  "a tag's manifest was deleted": {
    plant: ({ large }) =>
      without(["named_manifest_stays_in_sight"], () =>
        run(`UPDATE manifests SET deleted_at = 1 WHERE digest = ?1`, large.digest),
      ),
    found: () => [["tag.unresolved", "large"]],
  },
  "a tag's manifest is not there": {
    lax: true,
    plant: ({ large }) => run(`DELETE FROM manifests WHERE digest = ?1`, large.digest),
    found: () => [["tag.unresolved", "large"]],
    ...unrepaired,
    heal: pushAgain,
  },
  "a blob's row is not there": {
    lax: true,
    plant: ({ layer }) => run(`DELETE FROM blobs WHERE digest_id = ${idOf("?1")}`, layer.digest),
    found: ({ layer }) => [["link.unresolved", layer.digest]],
    ...unrepaired,
    heal: pushAgain,
  },
  "the row of a blob that is kept is not there": {
    lax: true,
    plant: ({ kept }) => run(`DELETE FROM blobs WHERE digest_id = ${idOf("?1")}`, kept.digest),
    found: ({ kept }) => [["trashed.unresolved", kept.digest]],
    ...unrepaired,
    heal: pushAgain,
  },
  "a blob is kept that nothing names": {
    plant: async ({ id }) => {
      await new RegistryClient().pushBlob(UNNEEDED);
      await run(
        `INSERT INTO trashed_blobs (repository_id, digest_id) VALUES (?1, ${idOf("?2")})`,
        id,
        UNNEEDED.digest,
      );
    },
    found: () => [["trashed.unneeded", UNNEEDED.digest]],
  },
  "a blob is kept that is linked": {
    plant: ({ id, layer }) =>
      run(
        `INSERT INTO trashed_blobs (repository_id, digest_id) VALUES (?1, ${idOf("?2")})`,
        id,
        layer.digest,
      ),
    found: ({ layer }) => [["trashed.unneeded", layer.digest]],
  },
  "a blob that nothing names does not wait for collection": {
    plant: ({ cancelDeletion }) =>
      run(`DELETE FROM unreferenced_blobs WHERE digest_id = ${idOf("?1")}`, cancelDeletion.digest),
    found: ({ cancelDeletion }) => [["unreferenced.missing", cancelDeletion.digest]],
  },
  "a blob that a manifest names waits for collection": {
    plant: ({ id, layer }) =>
      run(
        `INSERT INTO unreferenced_blobs (repository_id, digest_id, since) VALUES (?1, ${idOf("?2")}, 1)`,
        id,
        layer.digest,
      ),
    found: ({ layer }) => [["unreferenced.wrong", layer.digest]],
  },
  "a blob is counted too often": {
    plant: ({ layer }) =>
      run(
        `UPDATE namespace_blobs SET links = links + 1 WHERE digest_id = ${idOf("?1")}`,
        layer.digest,
      ),
    found: ({ layer }) => [["usage.blob", layer.digest]],
  },
  "a blob is not counted": {
    plant: ({ layer }) =>
      run(`DELETE FROM namespace_blobs WHERE digest_id = ${idOf("?1")}`, layer.digest),
    found: ({ layer }) => [["usage.blob", layer.digest]],
  },
  "a blob is counted where it is not": {
    plant: ({ layer }) =>
      run(
        `INSERT INTO namespace_blobs (namespace, digest_id, size, links) VALUES ('other', ${idOf("?1")}, 1, 1)`,
        layer.digest,
      ),
    found: ({ layer }) => [["usage.blob", layer.digest]],
  },
  "the sum of a namespace is wrong": {
    plant: () => run(`UPDATE namespace_usage SET bytes = bytes - 1 WHERE namespace = 'test'`),
    found: () => [["usage.namespace", "test"]],
  },
  "the number of a namespace's repositories is wrong": {
    plant: () => run(`UPDATE namespace_usage SET repositories = 7 WHERE namespace = 'test'`),
    found: () => [["usage.namespace", "test"]],
  },
  "a namespace has no sum": {
    plant: () => run(`DELETE FROM namespace_usage WHERE namespace = 'test'`),
    found: () => [["usage.namespace", "test"]],
  },
  "objects that nothing explains": {
    plant: async () => {
      for (const key of [...ORPHANS, "exports/x", "other", "a"]) await env.BLOBS.put(key, "x");
    },
    found: () => ORPHANS.map((key) => ["object.orphan", key] as const),
    ...unrepaired,
    heal: () => env.BLOBS.delete(ORPHANS),
  },
};

const NO_MANIFEST = digestOf(new TextEncoder().encode("[]"));
const ORPHANS = ["blobs/x", "manifests/x"];
const FOREIGN = blob();
const FOREIGN_CONFIG = blob();
const FOREIGN_IMAGE = imageManifest({
  config: FOREIGN_CONFIG,
  fields: {
    layers: [
      descriptor(FOREIGN, "application/vnd.oci.image.layer.v1.tar", {
        urls: ["https://elsewhere.example/layer"],
      }),
    ],
  },
});
const UNNEEDED = blob();

function schedule(key: string): Promise<void> {
  return run(`INSERT INTO object_deletions (key, due_at) VALUES (?1, 0)`, key);
}

function unreference({ digest }: Manifest, named: Content): Promise<void> {
  return run(`DELETE FROM manifest_references WHERE ${REFERENCE}`, digest, named.digest);
}

/** Deletes the repository's link, and counts that, but nothing else happens. */
async function unlink({ id }: Scene, { digest }: Content): Promise<void> {
  await without(["referenced_blob_stays", "unlinked_blob_goes"], () =>
    run(
      `DELETE FROM repository_blobs WHERE repository_id = ?1 AND digest_id = ${idOf("?2")}`,
      id,
      digest,
    ),
  );
  await run(`DELETE FROM namespace_blobs WHERE digest_id = ${idOf("?1")}`, digest);
}

function lax(sql: string): string {
  return sql
    .replaceAll(/,\s*FOREIGN KEY \([^)]*\) REFERENCES \w+ \([^)]*\)( ON DELETE CASCADE)?/g, "")
    .replaceAll(/ REFERENCES (blobs|manifests) \([^)]*\)( ON DELETE CASCADE)?/g, "");
}

/** The tables as a deployment has them, or without foreign keys. */
async function begin(keys: "strict" | "lax"): Promise<Scene> {
  await reset();
  const migrations = env.TEST_MIGRATIONS.map(({ name, queries }) => ({
    name,
    queries: keys === "lax" ? queries.map(lax) : queries,
  }));
  await applyD1Migrations(env.DB, migrations);
  const client = new RegistryClient();
  const config = await client.pushBlob(blob());
  const layer = await client.pushBlob(blob());
  const image = await client.pushManifest(imageManifest({ config, layers: [layer] }), "v1");
  const list = await client.pushManifest(index([image]), "latest");
  const annotations = { large: "x".repeat(300_000) };
  const large = await client.pushManifest(
    imageManifest({ config, fields: { annotations } }),
    "large",
  );
  const kept = await client.pushBlob(blob());
  const gone = await client.pushManifest(imageManifest({ config, layers: [kept] }), "gone");
  await client.request("DELETE", `manifests/${gone.digest}`);
  await client.request("DELETE", `blobs/${kept.digest}`);
  const cancelDeletion = await client.pushBlob(blob());
  const row = await env.DB.prepare(`SELECT id FROM repositories WHERE name = ?1`)
    .bind(client.repository)
    .first<{ id: number }>();
  return {
    client,
    id: row?.id ?? 0,
    config,
    layer,
    image,
    list,
    large,
    gone,
    kept,
    cancelDeletion,
  };
}

/** Pushes as clients do: they do not send what the registry says it has. */
async function pushAgain({ client, ...scene }: Scene): Promise<void> {
  const { config, layer, kept, image, list, large, gone } = scene;
  for (const content of [config, layer, kept]) {
    const { status } = await client.head(`blobs/${content.digest}`);
    if (status === 404) await client.pushBlob(content);
  }
  for (const [manifest, tag] of [
    [image, image.digest],
    [image, "v1"],
    [list, "latest"],
    [large, "large"],
    [gone, "gone"],
  ] as const) {
    const there = await client.head(`manifests/${tag}`);
    if (there.headers.get("docker-content-digest") === manifest.digest) continue;
    await client.pushManifest(manifest, tag);
  }
}

/** Every row of every table. */
async function everything(): Promise<unknown> {
  const { results } = await env.DB.prepare(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'`,
  ).all<{ name: string }>();
  const tables = results.map(({ name }) => env.DB.prepare(`SELECT * FROM ${name}`));
  const { objects } = await env.BLOBS.list();
  return [
    objects.map(({ key, etag }) => [key, etag]),
    (await env.DB.batch(tables)).map((table) => table.results),
  ];
}

function brief(all: readonly Finding[]): Found[] {
  return all.map(({ kind, subject, outcome }) => [kind, subject, outcome] as const);
}

const EVERYTHING = { orphan: -60_000 };
const OTHERS: readonly Kind[] = ["blob.unread", "manifest.unread", "page.unread", "index.empty"];

test.each(sample("damages of the index", Object.keys(DAMAGES), { few: 10 }))(
  "fsck finds and repairs: %s",
  async (name) => {
    const damage = DAMAGES[name] as Damage;
    const scene = await begin(damage.lax === true ? "lax" : "strict");
    await expectSound(EVERYTHING);
    await damage.plant(scene);
    const found = damage.found(scene);

    const before = await everything();
    const looked = await findings(EVERYTHING);
    expect(brief(looked)).toEqual(found.map(([kind, subject]) => [kind, subject, "found"]));
    expect(await everything()).toEqual(before);

    const repaired = await findings(EVERYTHING, { repair: REPAIRER });
    const expected = damage.repaired?.(scene) ?? found;
    expect(brief(repaired)).toEqual(
      expected.map(([kind, subject, outcome = "repaired"]) => [kind, subject, outcome]),
    );
    if (damage.heal !== undefined) {
      const again = await findings(EVERYTHING, { repair: REPAIRER });
      expect(brief(again)).toEqual(brief(repaired));
      await damage.heal(scene);
    }
    await expectSound(EVERYTHING);
  },
);

async function tagSizes(): Promise<unknown> {
  return (await env.DB.prepare(`SELECT name, size FROM tags ORDER BY name`).all()).results;
}

test("with a blob's size, the sizes of tags are repaired, of its images and of the indexes that name these", async () => {
  const { layer } = await begin("strict");
  const before = await tagSizes();
  await run(`UPDATE blobs SET size = size + 1 WHERE digest_id = ${idOf("?1")}`, layer.digest);
  await run(`UPDATE tags SET size = size + 1 WHERE name IN ('v1', 'latest')`);
  expect(await tagSizes()).not.toEqual(before);
  await findings(EVERYTHING, { repair: REPAIRER });
  expect(await tagSizes()).toEqual(before);
});

test("every kind of finding has its damage", async () => {
  const scene = await begin("strict");
  const planted = Object.values(DAMAGES).flatMap(({ found }) => found(scene));
  const kinds = new Set(planted.map(([kind]) => kind));
  // Kinds of findings that are no damage of a row or object: stuck.test.ts.
  for (const kind of OTHERS) kinds.add(kind);
  expect([...kinds].toSorted()).toEqual(ALL_KINDS.toSorted());
});
