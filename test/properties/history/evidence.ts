/**
 * Derives from all other answers what certainly existed, or certainly did not, during a request: only where no order of
 * concurrent operations could make it otherwise.
 */
import { effectOf, type Operation } from "./history.ts";

/** The content of a run's manifests; digests are known beforehand. */
export interface Contents {
  /** The blobs of each manifest. */
  readonly blobs: ReadonlyMap<string, readonly string[]>;
  /** The manifests that each index names. */
  readonly children: ReadonlyMap<string, readonly string[]>;
}

export interface Ages {
  /** The grace period of a blob that no manifest names, in milliseconds. */
  readonly grace: number;
  /** How long deleted content can be restored, in milliseconds. */
  readonly trash: number;
}

/** A span of the history, such as that of a request. */
export type Span = Pick<Operation, "called" | "answered" | "calledAt" | "answeredAt">;

/** The most milliseconds between the clocks of client and database, each of which stands still while it works. */
const SLACK = 50;

/** What clients saw of one object in one repository, and did to it. */
interface Signs {
  /** Spans in each of which the object existed at some moment. */
  readonly seen: Span[];
  /** Spans in each of which the object did not exist at some moment. */
  readonly missed: Span[];
  /** Operations that may have created it. */
  readonly makers: Operation[];
  /** Operations that may have deleted it. */
  readonly takers: Operation[];
  /** For a blob: operations that renew its grace period. */
  readonly touches: Operation[];
}

export class Evidence {
  readonly #contents: Contents;
  readonly #ages: Ages;
  readonly #signs = new Map<string, Signs>();
  /** Operations on whole repositories. */
  readonly #removals = new Map<string, Operation[]>();
  /** Operations that may have restored anything. */
  readonly #returns = new Map<string, Operation[]>();
  /** All operations in a repository. */
  readonly #all = new Map<string, Operation[]>();
  /** The manifests that name a digest. */
  readonly #parents = new Map<string, string[]>();

  constructor(operations: readonly Operation[], contents: Contents, ages: Ages) {
    this.#contents = contents;
    this.#ages = ages;
    for (const names of [contents.blobs, contents.children]) {
      for (const [manifest, digests] of names) {
        for (const digest of digests) push(this.#parents, digest, manifest);
      }
    }
    for (const operation of operations) this.#note(operation);
    for (const [repository, returns] of this.#returns) {
      for (const operation of returns) this.#giveBack(repository, operation);
    }
  }

  /** Returns whether the manifest certainly was not deleted at any moment of the span. */
  isManifestThere(repository: string, digest: string, span: Span): boolean {
    const takers = [
      ...this.#of(repository, digest).takers,
      ...(this.#removals.get(repository) ?? []),
    ];
    const seen = this.#of(repository, digest).seen;
    if (seen.some((one) => one.answered <= span.called && !takers.some(between(one, span)))) {
      return true;
    }
    return this.#parentIndexes(digest).some((index) =>
      this.isManifestThere(repository, index, span),
    );
  }

  /** Returns whether the manifest certainly was deleted at every moment of the span. */
  isManifestGone(repository: string, digest: string, span: Span): boolean {
    const { missed, makers } = this.#of(repository, digest);
    const all = [...makers, ...(this.#returns.get(repository) ?? [])];
    if (!all.some((one) => one.called < span.answered)) return true;
    return missed.some((one) => one.answered <= span.called && !all.some(between(one, span)));
  }

  /** Returns whether the blob certainly was in the repository all the time. */
  isBlobThere(repository: string, digest: string, span: Span): boolean {
    const named = this.#parents.get(digest) ?? [];
    if (named.some((manifest) => this.isManifestThere(repository, manifest, span))) return true;
    const { touches, takers } = this.#of(repository, digest);
    const hard = [...takers, ...(this.#removals.get(repository) ?? [])];
    const stays = (from: Span, until: number) =>
      from.answered <= span.called &&
      until - SLACK > span.answeredAt &&
      !hard.some(between(from, span));
    const { grace } = this.#ages;
    if (touches.some((touch) => stays(touch, touch.calledAt + grace))) return true;
    return named.some((manifest) =>
      this.#of(repository, manifest).seen.some((one) =>
        stays(one, this.#holdsUntil(repository, manifest, one) + grace),
      ),
    );
  }

  isBlobAnywhere(digest: string, span: Span): boolean {
    return [...this.#all.keys()].some((repository) => this.isBlobThere(repository, digest, span));
  }

  isBlobGone(repository: string, digest: string, span: Span): boolean {
    const { missed, makers } = this.#of(repository, digest);
    // A blob that a mount itself brings did not exist there before.
    const all = [...makers, ...(this.#returns.get(repository) ?? [])].filter((one) => one !== span);
    if (!all.some((one) => one.called < span.answered)) return true;
    return missed.some((one) => one.answered <= span.called && !all.some(between(one, span)));
  }

  /**
   * Returns whether everything that the manifest names certainly existed all the time. Blobs may be in any repository:
   * a push mounts them.
   */
  canBeNamed(repository: string, manifest: string, span: Span): boolean {
    const { blobs, children } = this.#contents;
    return (
      (blobs.get(manifest) ?? []).every((digest) => this.isBlobAnywhere(digest, span)) &&
      (children.get(manifest) ?? []).every((child) => this.isManifestThere(repository, child, span))
    );
  }

  /** Returns whether the manifest certainly could be restored all the time. */
  isRestorable(repository: string, digest: string, span: Span): boolean {
    const { takers, makers } = this.#of(repository, digest);
    const others = [...makers, ...takers, ...this.#whole(repository)];
    return takers.some(
      (deletion) =>
        deletion.action.kind === "delete-manifest" &&
        this.#canBeUndone(deletion, span) &&
        !others.some((one) => one !== deletion && between(deletion, span)(one)),
    );
  }

  /** Returns whether the tag certainly was deleted, so that its history is not empty. */
  hasPast(repository: string, tag: string, span: Span): boolean {
    const all = this.#all.get(repository) ?? [];
    const purges = all.filter(({ action }) => action.kind === "purge-manifest");
    const others = [...purges, ...this.#whole(repository)];
    return all.some(
      (deletion) =>
        deletion.action.kind === "delete-tag" &&
        deletion.action.tag === tag &&
        this.#canBeUndone(deletion, span) &&
        !others.some(between(deletion, span)),
    );
  }

  /** Returns whether the repository certainly was deleted, and its name free. */
  isRepositoryRestorable(repository: string, span: Span): boolean {
    const removals = this.#removals.get(repository) ?? [];
    const makers = (this.#all.get(repository) ?? []).filter(
      ({ action: { kind } }) =>
        kind === "put-manifest" || kind === "finish-upload" || kind === "mount-blob",
    );
    const others = [...makers, ...this.#whole(repository)];
    return removals.some(
      (deletion) =>
        this.#canBeUndone(deletion, span) &&
        !others.some((one) => one !== deletion && between(deletion, span)(one)),
    );
  }

  #canBeUndone(deletion: Operation, span: Span): boolean {
    return (
      effectOf(deletion) === "yes" &&
      deletion.answered <= span.called &&
      deletion.calledAt + this.#ages.trash - SLACK > span.answeredAt
    );
  }

  /** The operations on the repository as a whole. */
  #whole(repository: string): Operation[] {
    return [...(this.#removals.get(repository) ?? []), ...(this.#returns.get(repository) ?? [])];
  }

  /** Returns whether a manifest certainly named the digest all the time. */
  isNamed(repository: string, digest: string, span: Span): boolean {
    return (this.#parents.get(digest) ?? []).some((manifest) =>
      this.isManifestThere(repository, manifest, span),
    );
  }

  /** Returns whether a manifest may have named the digest at some moment. */
  mayBeNamed(repository: string, digest: string, span: Span): boolean {
    return (this.#parents.get(digest) ?? []).some(
      (manifest) => !this.isManifestGone(repository, manifest, span),
    );
  }

  /** Returns whether a manifest may have named it, also a deleted one. */
  mayBeKept(repository: string, digest: string, span: Span): boolean {
    return (this.#parents.get(digest) ?? []).some((manifest) =>
      [...this.#of(repository, manifest).makers, ...(this.#returns.get(repository) ?? [])].some(
        (maker) => maker.called < span.answered,
      ),
    );
  }

  #parentIndexes(digest: string): string[] {
    return (this.#parents.get(digest) ?? []).filter((parent) =>
      this.#contents.children.get(parent)?.includes(digest),
    );
  }

  /** Returns the first moment, in milliseconds, at which an existing manifest's row may have been deleted. */
  #holdsUntil(repository: string, manifest: string, seen: Span): number {
    const { takers } = this.#of(repository, manifest);
    const later = takers.filter((one) => one.answered > seen.called);
    return Math.min(...later.map(({ calledAt }) => calledAt + this.#ages.trash));
  }

  /** Content that certainly was in a deleted repository exists again after its restoration. */
  #giveBack(repository: string, restored: Operation): void {
    if (effectOf(restored) !== "yes") return;
    const before = (this.#removals.get(repository) ?? []).filter(
      (one) => one.called < restored.answered,
    );
    const [deletion] = before.toSorted((a, b) => b.called - a.called);
    if (deletion === undefined || effectOf(deletion) !== "yes") return;
    if (before.some((one) => one !== deletion && one.answered > deletion.called)) return;
    const others = (this.#returns.get(repository) ?? []).filter((one) => one !== restored);
    if (others.some(between(deletion, restored))) return;
    for (const [key, { seen, takers }] of this.#signs) {
      const [name, digest = ""] = key.split(" ");
      if (name !== repository || this.#contents.blobs.get(digest) === undefined) continue;
      const removals = before.filter((one) => one !== deletion);
      const gone = [...takers, ...removals];
      const there = seen.some(
        (one) => one.answered <= deletion.called && !gone.some(between(one, restored)),
      );
      if (there) seen.push(restored);
    }
  }

  #note(operation: Operation): void {
    const { repository, action } = operation;
    push(this.#all, repository, operation);
    const effect = effectOf(operation);
    const absent = operation.outcome.status === 404;
    const of = (digest: string) => this.#of(repository, digest);
    switch (action.kind) {
      case "put-manifest":
        if (effect === "no") return;
        return this.#notePut(operation, action.digest, effect === "yes");
      case "read-tag":
        if (effect === "yes" && operation.outcome.digest !== undefined)
          of(operation.outcome.digest).seen.push(operation);
        return;
      case "read-manifest":
        if (effect === "yes") of(action.digest).seen.push(operation);
        if (absent) of(action.digest).missed.push(operation);
        return;
      case "delete-manifest":
      case "delete-blob":
        if (effect !== "no") of(action.digest).takers.push(operation);
        if (effect === "yes" || absent) of(action.digest).missed.push(operation);
        return;
      case "purge-manifest":
        if (absent) of(action.digest).missed.push(operation);
        if (effect !== "no") this.#notePurge(operation, action.digest);
        return;
      case "restore-manifest":
      case "restore-tag":
        if (effect === "maybe") push(this.#returns, repository, operation);
        if (effect === "yes") this.#noteRestored(operation);
        return;
      case "read-blob":
        if (absent) of(action.digest).missed.push(operation);
        return;
      case "confirm-blob":
        if (absent) of(action.digest).missed.push(operation);
        if (effect === "yes") of(action.digest).touches.push(operation);
        return;
      case "finish-upload":
      case "mount-blob":
        // A mount that fails is answered with the session of an upload.
        if (effect === "no" || operation.outcome.status === 202) return;
        of(action.digest).makers.push(operation);
        if (effect === "yes") of(action.digest).touches.push(operation);
        return;
      case "delete-repository":
        if (effect !== "no") push(this.#removals, repository, operation);
        return;
      case "restore-repository":
        if (effect !== "no") push(this.#returns, repository, operation);
        return;
      case "delete-tag":
      case "list-tags":
      case "upload-step":
      case "restart":
        return;
    }
  }

  #notePut(operation: Operation, digest: string, isSure: boolean): void {
    const { repository } = operation;
    const { blobs, children } = this.#contents;
    this.#of(repository, digest).makers.push(operation);
    if (isSure) this.#of(repository, digest).seen.push(operation);
    for (const blob of blobs.get(digest) ?? []) this.#of(repository, blob).makers.push(operation);
    if (!isSure) return;
    for (const child of children.get(digest) ?? [])
      this.#of(repository, child).seen.push(operation);
  }

  /** A purge deletes at once what nothing else names. */
  #notePurge(operation: Operation, digest: string): void {
    for (const one of [digest, ...(this.#contents.blobs.get(digest) ?? [])]) {
      this.#of(operation.repository, one).takers.push(operation);
    }
  }

  #noteRestored(operation: Operation): void {
    const { digest, manifests = [] } = operation.outcome;
    for (const manifest of new Set([...(digest === undefined ? [] : [digest]), ...manifests])) {
      this.#notePut(operation, manifest, true);
    }
  }

  #of(repository: string, digest: string): Signs {
    const key = `${repository} ${digest}`;
    let signs = this.#signs.get(key);
    if (signs === undefined) {
      signs = { seen: [], missed: [], makers: [], takers: [], touches: [] };
      this.#signs.set(key, signs);
    }
    return signs;
  }
}

/** Returns a test for operations that may have taken effect after the first began and before the second ended. */
function between(first: Span, second: Span): (operation: Operation) => boolean {
  return (operation) => operation.answered > first.called && operation.called < second.answered;
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
