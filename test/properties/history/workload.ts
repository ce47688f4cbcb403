/** Clients as in real life, all at once: each follows its plan, without regard to the others. */
import type { Content } from "../../support/images.ts";
import { Client, type Sessions, type World } from "./client.ts";
import type { Recorder } from "./history.ts";
import { type Step, stepsOf, USUAL, type Weights } from "./plan.ts";
import type { Image, Universe } from "./universe.ts";

export interface Workload {
  readonly seed: number;
  readonly universe: Universe;
  readonly clients: number;
  /** Milliseconds for which a client relies on being told of a blob. */
  readonly grace: number;
  readonly weights?: Weights;
  /** Returns whether a client continues after that many steps. */
  readonly goesOn: (steps: number) => boolean;
}

/** The tries of a push; one whose blobs were deleted before they were named starts again. */
const TRIES = 4;
/** The HEADs of a client that waits for a blob. They are spread over more than the grace period in all. */
const LOOKS = 4;
const BETWEEN = 0.35;

/** @returns how many steps were made */
export async function runClients(
  { seed, universe, clients, grace, weights = USUAL, goesOn }: Workload,
  world: World,
  recorder: Recorder,
  sessions: Sessions,
): Promise<number> {
  const counts = await Promise.all(
    Array.from({ length: clients }, async (_, i) => {
      const client = new Client(`client-${i}`, world, recorder, sessions);
      const person = new Person(client, universe, grace);
      let count = 0;
      for (const step of stepsOf(seed, i, universe, weights)) {
        if (!goesOn(count)) break;
        await person.take(step);
        count++;
      }
      return count;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Reads everything, when nothing changes any more. */
export async function readEverything(
  universe: Universe,
  world: World,
  recorder: Recorder,
): Promise<void> {
  const client = new Client("reader", world, recorder, new Map());
  for (const repository of universe.repositories) {
    await client.listTags(repository);
    for (const tag of universe.tags) await client.readTag(repository, tag, "GET");
    for (const { digest } of universe.images) await client.readManifest(repository, digest, "GET");
    for (const { digest } of universe.layers) await client.readBlob(repository, digest);
  }
}

class Person {
  readonly #client: Client;
  readonly #universe: Universe;
  readonly #grace: number;
  /** The client's last deletion of a tag, which it may undo. */
  #untagged: { readonly repository: string; readonly tag: string } | null = null;
  #deleted: { readonly repository: string; readonly digest: string } | null = null;
  #orphan: { readonly repository: string; readonly digest: string } | null = null;

  constructor(client: Client, universe: Universe, grace: number) {
    this.#client = client;
    this.#universe = universe;
    this.#grace = grace;
  }

  async take(step: Step): Promise<void> {
    const { repository, other, tag } = step;
    const client = this.#client;
    const layer = this.#layer(step);
    switch (step.kind) {
      case "push":
        return this.#push(step, this.#image(step));
      case "retag":
        return this.#retag(step);
      case "pull":
        return this.#pull(repository, tag);
      case "look":
        await client.readTag(repository, tag, "HEAD");
        return client.listTags(repository);
      case "confirm":
        return this.#confirm(step, layer);
      case "orphan":
        this.#orphan = { repository, digest: layer.digest };
        return this.#ensure(step, layer);
      case "mount": {
        const mounted = await client.mount(repository, layer.digest, other);
        if (mounted !== "mounted" && mounted !== null) {
          await client.upload(repository, layer, step, mounted);
        }
        return;
      }
      case "abandon":
        return client.abandon(repository, layer, step);
      case "delete-tag":
      case "delete-manifest":
      case "delete-blob":
      case "delete-repository":
        return this.#delete(step, step.kind);
      case "restore-tag":
      case "restore-manifest":
      case "restore-repository":
      case "purge-manifest":
        return this.#undo(step, step.kind);
    }
  }

  async #delete(
    { repository, tag, seed, image, layer }: Step,
    kind: "delete-tag" | "delete-manifest" | "delete-blob" | "delete-repository",
  ): Promise<void> {
    const client = this.#client;
    switch (kind) {
      case "delete-tag":
        this.#untagged = { repository, tag };
        return client.remove(repository, { kind, tag }, `/v2/${repository}/manifests/${tag}`);
      case "delete-manifest": {
        const found = seed % 4 === 0 ? null : await client.readTag(repository, tag, "HEAD");
        const digest = found ?? this.#universe.images[image]?.digest ?? "";
        this.#deleted = { repository, digest };
        return client.remove(repository, { kind, digest }, `/v2/${repository}/manifests/${digest}`);
      }
      case "delete-blob": {
        const random = { repository, digest: this.#universe.layers[layer]?.digest ?? "" };
        const { repository: from, digest } = (seed % 2 === 0 ? this.#orphan : null) ?? random;
        return client.remove(from, { kind, digest }, `/v2/${from}/blobs/${digest}`);
      }
      case "delete-repository":
        await client.remove(repository, { kind }, `/api/v1/repositories/${repository}`);
        // Mostly restored at once, as the next push creates another repository of this name.
        return seed % 4 === 0 ? undefined : this.#restoreRepository(repository);
    }
  }

  #restoreRepository(repository: string): Promise<void> {
    const action = { kind: "restore-repository" } as const;
    return this.#client.undo(repository, action, "restore", { repository: "newest" });
  }

  /** Mostly undoes its own deletions; sometimes any. */
  async #undo(
    { repository, tag, seed, image }: Step,
    kind: "restore-tag" | "restore-manifest" | "restore-repository" | "purge-manifest",
  ): Promise<void> {
    const client = this.#client;
    const isOwn = seed % 4 !== 0;
    switch (kind) {
      case "restore-tag": {
        const target = (isOwn ? this.#untagged : null) ?? { repository, tag };
        const wanted = { tag: target.tag };
        return client.undo(target.repository, { kind, ...wanted }, "restore", wanted);
      }
      case "restore-manifest":
      case "purge-manifest": {
        const random = { repository, digest: this.#universe.images[image]?.digest ?? "" };
        const target = (isOwn ? this.#deleted : null) ?? random;
        const wanted = { digest: target.digest };
        const verb = kind === "restore-manifest" ? "restore" : "purge";
        return client.undo(target.repository, { kind, ...wanted }, verb, wanted);
      }
      case "restore-repository":
        return this.#restoreRepository(repository);
    }
  }

  #image({ image }: Step): Image {
    const found = this.#universe.images[image];
    if (found === undefined) throw new Error("the plan names an image that there is not");
    return found;
  }

  #layer({ layer }: Step): Content {
    const found = this.#universe.layers[layer];
    if (found === undefined) throw new Error("the plan names a layer that there is not");
    return found;
  }

  /**
   * Pushes as Docker does: existing blobs are skipped, those of other repositories are mounted, others are uploaded;
   * the manifest is last.
   */
  async #push(step: Step, image: Image): Promise<void> {
    const { repository, tag, seed } = step;
    const tags = seed % 5 === 0 ? [] : seed % 7 === 0 ? this.#universe.tags.slice(0, 2) : [tag];
    await this.#put(step, image, tags);
    // The client reads its push back now and then.
    if (seed % 3 === 0) await this.#client.readManifest(repository, image.digest, "HEAD");
  }

  /** @returns whether the manifest is in */
  async #put(step: Step, image: Image, tags: readonly string[]): Promise<boolean> {
    for (let tries = 0; tries < TRIES; tries++) {
      for (const child of image.children) {
        const isThere = await this.#client.readManifest(step.repository, child.digest, "HEAD");
        if (!isThere && !(await this.#put(step, child, []))) return false;
      }
      for (const blob of image.blobs) await this.#ensure(step, blob);
      if (step.hesitation > 0) await this.#client.pause(step.hesitation * this.#grace);
      const { status, code } = await this.#client.putManifest(step.repository, image, tags);
      if (status === 201) return true;
      if (status !== 0 && code !== "MANIFEST_BLOB_UNKNOWN" && code !== "UNAVAILABLE") return false;
    }
    return false;
  }

  /** Makes sure that the repository has the blob. */
  async #ensure(step: Step, blob: Content): Promise<void> {
    const { repository, other, seed } = step;
    if (await this.#client.confirmBlob(repository, blob.digest)) return;
    if (seed % 2 === 0) {
      const mounted = await this.#client.mount(repository, blob.digest, other);
      if (mounted === "mounted" || mounted === null) return;
      await this.#client.upload(repository, blob, step, mounted);
      return;
    }
    await this.#client.upload(repository, blob, step);
  }

  /** Gives a tagged manifest another tag. */
  async #retag({ repository, tag, seed }: Step): Promise<void> {
    const { tags } = this.#universe;
    const digest = await this.#client.readTag(repository, tag, "GET");
    const image = this.#universe.images.find((one) => one.digest === digest);
    const name = tags[seed % tags.length];
    if (image !== undefined && name !== undefined) {
      await this.#client.putManifest(repository, image, [name]);
    }
  }

  async #pull(repository: string, tag: string): Promise<void> {
    const digest = await this.#client.readTag(repository, tag, "GET");
    const image = this.#universe.images.find((one) => one.digest === digest);
    if (image !== undefined) await this.#pullContents(repository, image);
  }

  async #pullContents(repository: string, image: Image): Promise<void> {
    for (const child of image.children) {
      if (await this.#client.readManifest(repository, child.digest, "GET")) {
        await this.#pullContents(repository, child);
      }
    }
    await Promise.all(image.blobs.map(({ digest }) => this.#client.readBlob(repository, digest)));
  }

  /** A blob that a client was told of must exist for the grace period, and longer while it keeps asking. */
  async #confirm({ repository }: Step, { digest }: Content): Promise<void> {
    for (let i = 0; i < LOOKS; i++) {
      if (!(await this.#client.confirmBlob(repository, digest))) return;
      if (i < LOOKS - 1) await this.#client.pause(this.#grace * BETWEEN);
    }
  }
}
