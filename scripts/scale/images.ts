/**
 * Measures what an image takes in the database. Images are pushed one after the other, as clients do: first their new
 * blobs, then the manifest, its tag and the event of the push. The triggers run, and what an export would have taken is
 * deleted from the change log.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { deflateRawSync } from "node:zlib";
import { DICTIONARIES, NEWEST } from "../../src/db/manifest-dictionary.ts";
import { idOf } from "../../src/db/digests.ts";
import { kindNumber } from "../../src/db/manifest-references.ts";
import { emptyDatabase, openToFill } from "./seed.ts";

/** A kind of image: which blobs its n-th one has, by their names. */
interface Kind {
  readonly name: string;
  readonly config: (n: number) => string;
  readonly layers: (n: number) => readonly string[];
}

export interface Size {
  readonly name: string;
  /** The whole database, without its schema and what an empty one has. */
  readonly bytes: number;
  /** What each table takes with its indexes. */
  readonly parts: Readonly<Record<string, number>>;
}

/** Images that share one base. */
const FAMILY = 20;
const BASE_LAYERS = 7;
const OWN_LAYERS = 5;

export const KINDS: readonly Kind[] = [
  {
    name: "4 layers, most of them shared",
    config: (n) => `config ${Math.floor(n / 3)}`,
    layers: (n) =>
      numbers(4).map((j) => `layer ${(n * 7919 + j * 104_729) % (Math.floor(n / 20) + 1)} ${j}`),
  },
  {
    name: `12 layers, ${OWN_LAYERS} of them and the config new`,
    config: (n) => `config ${n}`,
    layers: (n) => [
      ...numbers(BASE_LAYERS).map((j) => `base ${Math.floor(n / FAMILY)} ${j}`),
      ...numbers(OWN_LAYERS).map((j) => `layer ${n} ${j}`),
    ],
  },
];

const REPOSITORY = "acme/app";
/** Milliseconds between two pushes: 100,000 of them are less than a year. */
const APART = 300_000;
const AGENT =
  "docker/29.0.1 go/go1.25.4 git-commit/198b5e3 kernel/6.8.0-45-generic os/linux arch/amd64 UpstreamClient(Docker-Client/29.0.1 \\(linux\\))";

export async function sizeOf(kind: Kind, images: number): Promise<Size> {
  const data = await mkdtemp(join(tmpdir(), "slipway-images-"));
  try {
    const db = openToFill(await emptyDatabase(data));
    try {
      const [before, empty] = [pagesOf(db), partsOf(db)];
      pushAll(db, kind, images);
      const parts = Object.entries(partsOf(db)).map(
        ([name, bytes]) => [name, bytes - (empty[name] ?? 0)] as const,
      );
      const large = parts.filter(([, bytes]) => bytes > images).toSorted(([, a], [, b]) => b - a);
      return { name: kind.name, bytes: pagesOf(db) - before, parts: Object.fromEntries(large) };
    } finally {
      db.close();
    }
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

function pushAll(db: DatabaseSync, kind: Kind, images: number): void {
  db.exec(`INSERT INTO namespaces (name, created_at) VALUES ('acme', 0)`);
  db.exec(`INSERT INTO repositories (id, name, created_at) VALUES (1, '${REPOSITORY}', 0)`);
  const push = pusher(db, kind);
  db.exec("BEGIN");
  for (const n of numbers(images)) push(n);
  db.exec(`DELETE FROM change_log WHERE id < (SELECT max(id) FROM change_log)`);
  db.exec("COMMIT");
}

/** Prepares the statements, and returns what pushes the n-th image. */
function pusher(db: DatabaseSync, kind: Kind): (n: number) => void {
  const statement = (sql: string) => {
    const prepared = db.prepare(sql);
    return (...values: SQLInputValue[]) => prepared.run(...values);
  };
  const addDigest = statement(`INSERT INTO digests (hash) VALUES (unhex(substr(?1, 8)))`);
  const addBlob = statement(
    `INSERT INTO blobs (digest_id, key, size, created_at) VALUES (${idOf("?1")}, ?2, ?3, ?4)`,
  );
  const link = statement(
    `INSERT INTO repository_blobs (repository_id, digest_id) VALUES (1, ${idOf("?1")})`,
  );
  const addManifest = statement(
    `INSERT INTO manifests (repository_id, digest, media_type, size, content, artifact_type, created_at, pushed_at, cost)
     VALUES (1, ?1, '${IMAGE}', ?2, ?3, '${CONFIG}', ?4, ?4, ?2 + 512)`,
  );
  const refer = statement(
    `INSERT INTO manifest_references (repository_id, manifest_id, digest_id, kind)
     SELECT 1, id, ${idOf("?2")}, ?3 FROM manifests WHERE repository_id = 1 AND digest = ?1`,
  );
  const addTag = statement(
    `INSERT INTO tags (repository_id, name, digest, updated_at) VALUES (1, ?1, ?2, ?3)`,
  );
  const record = recorder(db);
  const known = new Set<string>();
  return (n) => {
    const time = Date.UTC(2026, 0, 1) + n * APART;
    const [config, layers] = [kind.config(n), kind.layers(n)];
    const fresh = [...new Set([config, ...layers])].filter((name) => !known.has(name));
    for (const name of fresh) {
      known.add(name);
      addDigest(digestOf(name));
      addBlob(digestOf(name), `blobs/${uuid()}-1`, sizeOfBlob(name), time);
      link(digestOf(name));
    }
    const text = manifest(config, layers);
    const digest = digestOf(`manifest ${n}`);
    addManifest(digest, text.length, deflated(text), time);
    refer(digest, digestOf(config), kindNumber("config"));
    for (const name of new Set(layers)) refer(digest, digestOf(name), kindNumber("blob"));
    addTag(`1.${Math.floor(n / 100)}.${n % 100}`, digest, time);
    record(n, time, { digest, blobs: fresh });
  };
}

/** Records the event of a push, with all that one of docker in a CI job has (db/audit.ts). */
function recorder(db: DatabaseSync) {
  const insert = db.prepare(
    `INSERT INTO audit (id, time, actor, subject, via, action, namespace, repository, reference, digest, detail, address,
       agent, request_id, outcome)
     VALUES (?1, ?2, 'acme+ci', 'token:9f86d081884c7d65', 'robot', 'manifest.push', 'acme', '${REPOSITORY}', ?3, ?4, ?5,
       '192.0.2.7', ?6, ?7, 'done')`,
  );
  return (
    n: number,
    time: number,
    { digest, blobs }: { digest: string; blobs: readonly string[] },
  ) => {
    const id = time.toString(16).padStart(12, "0") + randomBytes(8).toString("hex");
    const bytes = blobs.reduce((total, name) => total + sizeOfBlob(name), 0);
    const detail = blobs.length === 0 ? null : `${blobs.length} new blobs, ${bytes} bytes`;
    insert.run(id, time, `1.${Math.floor(n / 100)}.${n % 100}`, digest, detail, AGENT, uuid());
  };
}

const IMAGE = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";

function manifest(config: string, layers: readonly string[]): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE,
    config: descriptor(CONFIG, config),
    layers: layers.map((name) => descriptor("application/vnd.oci.image.layer.v1.tar+gzip", name)),
  });
}

function descriptor(mediaType: string, name: string) {
  return { mediaType, digest: digestOf(name), size: sizeOfBlob(name) };
}

/** Deflates as db/manifest-text.ts does. */
function deflated(text: string): Uint8Array {
  const dictionary = DICTIONARIES.get(NEWEST) ?? new Uint8Array();
  return Buffer.concat([Buffer.of(NEWEST), deflateRawSync(text, { level: 9, dictionary })]);
}

function digestOf(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

function sizeOfBlob(name: string): number {
  return createHash("sha256").update(name).digest().readUInt32LE() % 100_000_000;
}

function uuid(): string {
  return randomBytes(16)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function numbers(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

function pagesOf(db: DatabaseSync): number {
  const row = db
    .prepare(`SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size`)
    .get();
  return Number(row?.["bytes"]);
}

function partsOf(db: DatabaseSync): Record<string, number> {
  const rows = db
    .prepare(
      `SELECT s.tbl_name AS name, sum(d.pgsize) AS bytes FROM dbstat d JOIN sqlite_schema s ON s.name = d.name GROUP BY 1`,
    )
    .all();
  return Object.fromEntries(rows.map((row) => [String(row["name"]), Number(row["bytes"])]));
}
