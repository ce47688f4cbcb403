/** Repositories with a history, written directly into the index, and what a policy leaves of them. */
import { env } from "cloudflare:workers";
import { kindNumber } from "../../src/db/manifest-references.ts";
import { insertDigests } from "../../src/db/digest-rows.ts";
import { idOf } from "../../src/db/digests.ts";
import type { Digest } from "../../src/oci/digest.ts";
import { parsePolicy } from "../../src/retention/policy.ts";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/media-type.ts";
import type { RepositoryName } from "../../src/oci/reference.ts";
import { JobStore } from "../../src/db/jobs.ts";
import { RetentionStore } from "../../src/retention/store.ts";
import { PolicyStore } from "../../src/retention/policy-store.ts";
import { RunStore } from "../../src/retention/run-store.ts";
import { Retention } from "../../src/retention/job.ts";
import { BOUNDS, type Bounds } from "../../src/retention/scan.ts";
import { digestOf, uniqueRepository } from "./images.ts";

export const DAY = 86_400_000;

/** A manifest, with a name of the test's own. */
export interface Piece {
  readonly name: string;
  readonly tags?: readonly string[];
  /** Days ago. */
  readonly pushed?: number;
  readonly pulled?: number;
  /** The names of its children, for an index; they must come before it. */
  readonly children?: readonly string[];
  readonly subject?: string;
}

const INITIATOR = {
  actor: "test",
  subject: null,
  via: "password",
  address: null,
  agent: null,
  requestId: "",
};

export function digestFor(name: string): Digest {
  return digestOf(new TextEncoder().encode(name)) as Digest;
}

/** Returns the tag under which cosign stores data about a manifest. */
export function cosignTag(name: string, ending = ".sig"): string {
  return digestFor(name).replace(":", "-") + ending;
}

/** Sets the time since which uses are recorded. */
export async function knowAllPulls(since = 0): Promise<void> {
  await env.DB.prepare(
    `UPDATE jobs SET state = json_object('usesSince', ?1) WHERE name = 'retention'`,
  )
    .bind(since)
    .run();
}

export function retentionOf({
  db = env.DB,
  grace = 0,
  bounds = {},
}: { db?: D1Database; grace?: number; bounds?: Partial<Bounds> } = {}): Retention {
  const stores = {
    index: new RetentionStore(db),
    runs: new RunStore(db),
    jobs: new JobStore(db),
  };
  return new Retention(stores, grace, { ...BOUNDS, ...bounds });
}

export class Shelf {
  readonly id: number;
  readonly name: RepositoryName;
  readonly #names = new Map<string, string>();

  private constructor(id: number, name: RepositoryName) {
    this.id = id;
    this.name = name;
  }

  static async with(
    pieces: readonly Piece[],
    { immutable = [], name = uniqueRepository() }: { immutable?: object[]; name?: string } = {},
  ): Promise<Shelf> {
    const [, made] = await env.DB.batch<{ id: number }>([
      env.DB.prepare(
        `INSERT INTO namespaces (name, created_at) VALUES (substr(?1, 1, instr(?1 || '/', '/') - 1), 0) ON CONFLICT DO NOTHING`,
      ).bind(name),
      env.DB.prepare(
        `INSERT INTO repositories (name, created_at, immutable_tags) VALUES (?1, 0, ?2) RETURNING id`,
      ).bind(name, JSON.stringify(immutable)),
    ]);
    const shelf = new Shelf(made?.results[0]?.id ?? -1, name as RepositoryName);
    await shelf.add(pieces);
    return shelf;
  }

  async add(pieces: readonly Piece[]): Promise<void> {
    const now = Date.now();
    const statements = pieces.flatMap((piece) => this.#insert(piece, now));
    for (let i = 0; i < statements.length; i += 200) {
      await env.DB.batch(statements.slice(i, i + 200));
    }
  }

  #insert({ name, tags = [], pushed = 0, pulled, children, subject }: Piece, now: number) {
    const digest = digestFor(name);
    this.#names.set(digest, name);
    const type = children === undefined ? OCI_MANIFEST : OCI_INDEX;
    const prepare = (sql: string, ...values: (string | number | null)[]) =>
      env.DB.prepare(sql).bind(this.id, ...values);
    return [
      prepare(
        `INSERT INTO manifests (repository_id, digest, media_type, size, content, subject, artifact_type, created_at, pushed_at)
         VALUES (?1, ?2, ?3, 2, '{}', ?4, '', ?5, ?5)`,
        digest,
        type,
        subject === undefined ? null : digestFor(subject),
        Math.round(now - pushed * DAY),
      ),
      insertDigests(env.DB, (children ?? []).map(digestFor)),
      ...(children ?? []).map((child) =>
        prepare(
          `INSERT INTO manifest_references (repository_id, manifest_id, digest_id, kind)
           SELECT m.repository_id, m.id, ${idOf("?3")}, ${kindNumber("manifest")} FROM manifests m
           WHERE m.repository_id = ?1 AND m.digest = ?2`,
          digest,
          digestFor(child),
        ),
      ),
      ...tags.map((tag) =>
        prepare(
          `INSERT INTO tags (repository_id, name, digest, updated_at) VALUES (?1, ?2, ?3, 0)`,
          tag,
          digest,
        ),
      ),
      ...(pulled === undefined
        ? []
        : [
            prepare(
              `INSERT INTO manifest_pulls (repository_id, digest, day) VALUES (?1, ?2, ?3)`,
              digest,
              Math.floor((now - pulled * DAY) / DAY),
            ),
          ]),
    ];
  }

  nameOf(digest: string): string {
    return this.#names.get(digest) ?? digest;
  }

  async setPolicy(policy: object): Promise<void> {
    const policies = new PolicyStore(env.DB);
    await policies.setRepository(this.name, JSON.stringify(policy), INITIATOR);
  }

  /** Makes its policy due again. */
  async makeDue(): Promise<void> {
    await env.DB.prepare(`UPDATE retention_runs SET next_at = 0 WHERE repository_id = ?1`)
      .bind(this.id)
      .run();
  }

  /** Lists what is not deleted, in the order of the names. */
  async live(): Promise<string[]> {
    return this.#manifests("deleted_at IS NULL");
  }

  async gone(): Promise<string[]> {
    return this.#manifests("deleted_at IS NOT NULL");
  }

  async #manifests(which: string): Promise<string[]> {
    const { results } = await env.DB.prepare(
      `SELECT digest FROM manifests WHERE repository_id = ?1 AND ${which}`,
    )
      .bind(this.id)
      .all<{ digest: string }>();
    return results.map(({ digest }) => this.nameOf(digest)).toSorted();
  }

  async tags(): Promise<string[]> {
    const { results } = await env.DB.prepare(
      `SELECT name FROM tags WHERE repository_id = ?1 ORDER BY name`,
    )
      .bind(this.id)
      .all<{ name: string }>();
    return results.map(({ name }) => name);
  }

  /** Lists the images that would be deleted, each with its attachments, from all pages. */
  async preview(
    policy: object,
    { limit = 100, retention = retentionOf() } = {},
  ): Promise<{ image: string; attachments: string[]; rule: number; reason: string }[]> {
    const found = [];
    let scan: Parameters<Retention["preview"]>[2] = null;
    do {
      const page = await retention.preview(this.id, parsePolicy(policy), scan, limit);
      found.push(...page.expiring);
      // Copies the state as a cursor does.
      scan =
        page.next === null ? null : (JSON.parse(JSON.stringify(page.next)) as typeof page.next);
    } while (scan !== null);
    return found.map(({ image, attachments, decision }) => ({
      image: this.nameOf(image.digest),
      attachments: attachments.map(({ digest }) => this.nameOf(digest)).toSorted(),
      rule: decision.rule?.priority ?? -1,
      reason: decision.reason,
    }));
  }
}

/** Runs ticks of the cron until nothing is due. */
export async function runToEnd(retention: Retention = retentionOf()): Promise<void> {
  for (let i = 0; i < 1_000; i++) {
    const state = await new JobStore(env.DB).state<{ usesSince: number }>(retention.name);
    const { steps } = await retention.run(state?.usesSince ?? Date.now());
    if (steps === 0) return;
  }
  throw new Error("it does not end");
}

type Selection = Readonly<Record<string, unknown>>;

/** A rule as ECR writes it. */
export function rule(
  rulePriority: number,
  selection: Selection,
  action: Selection = { type: "expire" },
): object {
  return { rulePriority, selection, action };
}

export function policyOf(...rules: object[]): object {
  return { rules };
}

export const tagged = (...tagPatternList: string[]) => ({ tagStatus: "tagged", tagPatternList });
export const prefixed = (...tagPrefixList: string[]) => ({ tagStatus: "tagged", tagPrefixList });
export const UNTAGGED = { tagStatus: "untagged" };
export const ANY = { tagStatus: "any" };
export const KEEP = { type: "keep" };
export const ARCHIVE = { type: "transition", targetStorageClass: "archive" };
export const moreThan = (countNumber: number) => ({ countType: "imageCountMoreThan", countNumber });
export const days = (countType: string, countNumber: number) => ({
  countType,
  countUnit: "days",
  countNumber,
});
export const pushedBefore = (number: number) => days("sinceImagePushed", number);
export const pulledBefore = (number: number) => days("sinceImagePulled", number);
