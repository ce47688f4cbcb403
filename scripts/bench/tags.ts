/** A page of tags from the middle of a repository that has a great many, which are written straight into each store. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { databaseFile } from "../scale/seed.ts";
import type { Body } from "./bodies.ts";
import { pushSmallImage } from "./manifests.ts";
import type { Case } from "./measure.ts";
import { type Asked, rateCase } from "./rates.ts";
import type { Size } from "./size.ts";
import type { Registry, Subjects } from "./subjects.ts";

const REPOSITORY = "bench/tags";
const PAGE = 100;
const CONNECTIONS = [16, 1];
/** Some registries answer a few times a second here. */
const REQUESTS = 32;

export async function* tagCases({ registries }: Subjects, size: Size): AsyncGenerator<Case> {
  const shared = await mkdtemp(join(tmpdir(), "slipway-bench-tags-"));
  try {
    const manifests = await Promise.all(
      registries.map((registry) => pushSmallImage(registry, REPOSITORY)),
    );
    const [manifest] = manifests;
    if (manifest === undefined) return;
    const world: World = { tags: size.tags, manifest, shared };
    makeFolders(world);
    for (const registry of registries) {
      await registry.restart((data) => FILL[registry.layout](data, world));
    }
    const asked = await Promise.all(registries.map((registry) => ask(registry, size.tags)));
    for (const connections of CONNECTIONS) {
      const title = `page of ${PAGE} tags of ${size.tags}`;
      const plotted = connections === 16;
      yield rateCase(
        { name: "tags", title, connections, asked, plotted, requests: REQUESTS },
        size,
      );
    }
  } finally {
    await rm(shared, { recursive: true, force: true });
  }
}

interface World {
  readonly tags: number;
  /** The manifest that all of them are tags of. */
  readonly manifest: Body;
  /** distribution's folder for each tag, which all registries with this layout read. */
  readonly shared: string;
}

const FILL: Readonly<Record<Registry["layout"], (data: string, world: World) => Promise<void>>> = {
  slipway: fillDatabase,
  distribution: linkFolders,
  zot: writeIndex,
};

function tagName(n: number): string {
  return `v${String(n).padStart(7, "0")}`;
}

async function fillDatabase(data: string, { tags, manifest }: World): Promise<void> {
  const db = new DatabaseSync(await databaseFile(data));
  db.prepare(
    `WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < ?)
    INSERT INTO tags (repository_id, name, digest, updated_at)
    SELECT (SELECT id FROM repositories WHERE name = ?), printf('v%07d', n), ?, 0 FROM n`,
  ).run(tags, REPOSITORY, manifest.digest);
  db.close();
}

/**
 * Writes `<tag>/current/link`, which holds the digest. distribution also has an index of a tag's past, which it needs
 * for deletions, not for lists.
 */
function makeFolders({ tags, manifest, shared }: World): void {
  for (let n = 0; n < tags; n++) {
    const folder = join(shared, tagName(n), "current");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "link"), manifest.digest);
  }
}

async function linkFolders(data: string, { shared }: World): Promise<void> {
  const repository = join(data, "store/docker/registry/v2/repositories", REPOSITORY);
  const tags = join(repository, "_manifests/tags");
  await rm(tags, { recursive: true });
  await mkdir(join(repository, "_manifests"), { recursive: true });
  await symlink(shared, tags);
}

/** Writes an OCI layout, in which one file names all content of the repository. */
async function writeIndex(data: string, { tags, manifest }: World): Promise<void> {
  const file = join(data, "store", REPOSITORY, "index.json");
  const index = JSON.parse(await readFile(file, "utf8")) as { manifests: Entry[] };
  const [latest] = index.manifests;
  if (latest?.digest !== manifest.digest) throw new Error(`${file} is not as expected`);
  const manifests = Array.from({ length: tags }, (_, n) => ({
    ...latest,
    annotations: { "org.opencontainers.image.ref.name": tagName(n) },
  }));
  await writeFile(file, JSON.stringify({ ...index, manifests }));
}

interface Entry {
  readonly digest: string;
}

async function ask(registry: Registry, tags: number): Promise<Asked> {
  const last = tagName(tags / 2);
  const url = `${registry.url}/v2/${REPOSITORY}/tags/list?n=${PAGE}&last=${last}`;
  const headers = (): Promise<Readonly<Record<string, string>>> => registry.headers(REPOSITORY);
  const answer = await fetch(url, { headers: await headers() });
  if (!answer.ok) throw new Error(`GET ${url}: ${answer.status} ${await answer.text()}`);
  const page = ((await answer.json()) as { tags: string[] }).tags;
  const asked = { subject: registry, url, headers, size: null };
  if (page.length === PAGE && page[0] === tagName(tags / 2 + 1)) return asked;
  if (page.length < tags) throw new Error(`${registry.name}: ${page.length} tags, not ${PAGE}`);
  return { ...asked, note: `answers with all ${tags} tags, whatever page is asked for` };
}
