/** The checker: finds the answers of a history that cannot be right, in whatever order things happened. Pure. */
import { type Ages, type Contents, Evidence } from "./evidence.ts";
import { effectOf, formatOperation, type Operation } from "./history.ts";
import { concerns, firstContradiction, isBarrier } from "./tags.ts";

export type { Ages, Contents };

export type ViolationKind =
  /** A tag was read with a digest that it did not have. */
  | "tag"
  /** Something that must exist did not, or was reported missing. */
  | "missing"
  /** Something that was deleted was still there. */
  | "stale"
  /** Bytes with another digest or length than stated, or bytes that came twice. */
  | "bytes"
  /** Any other answer without a reason. */
  | "answer"
  /** Something is left that nothing reaches. */
  | "garbage"
  /** The stored rows contradict each other. */
  | "fsck";

export interface Violation {
  readonly kind: ViolationKind;
  readonly message: string;
  /** The operations that show it, the wrong one at the end. */
  readonly context: readonly Operation[];
}

export interface Universe extends Contents {
  /** The size of each blob and manifest. */
  readonly sizes: ReadonlyMap<string, number>;
}

/** The most operations on the same object that are printed before the impossible one. */
const SHOWN = 14;

export function check(
  operations: readonly Operation[],
  universe: Universe,
  ages: Ages,
): Violation[] {
  const history = withoutEnds(operations.toSorted((a, b) => a.called - b.called));
  const evidence = new Evidence(history, universe, ages);
  const judge = new Judge(evidence, universe);
  const wrong = history.flatMap((operation) => {
    const found = judge.verdict(operation);
    return found === null ? [] : [{ ...found, context: contextOf(operation, history) }];
  });
  return [...wrong, ...checkTags(history)];
}

/** An operation without an answer may have taken effect at any time until the server was back. */
function withoutEnds(history: readonly Operation[]): Operation[] {
  const restarts = history.filter(isBarrier);
  return history.map((operation) => {
    if (effectOf(operation) !== "maybe" || isBarrier(operation)) return operation;
    const end = restarts.find(({ called }) => called > operation.called);
    const { called: answered, calledAt: answeredAt } = end ?? {
      called: Infinity,
      calledAt: Infinity,
    };
    return { ...operation, answered, answeredAt };
  });
}

function checkTags(history: readonly Operation[]): Violation[] {
  const byRepository = Map.groupBy(history, ({ repository }) => repository);
  const restarts = history.filter(isBarrier);
  return [...byRepository].flatMap(([repository, own]) => {
    const operations = [...own, ...restarts.filter((restart) => !own.includes(restart))];
    return [...tagsOf(own)].flatMap((tag): Violation[] => {
      const wrong = firstContradiction(tag, operations);
      if (wrong === null) return [];
      const same = own.filter(
        (operation) => concerns(tag, operation) && operation.called <= wrong.answered,
      );
      const message = `${repository}:${tag}: no order of the operations explains this answer`;
      return [{ kind: "tag", message, context: [...shown(same, wrong), wrong] }];
    });
  });
}

function tagsOf(operations: readonly Operation[]): Set<string> {
  return new Set(
    operations.flatMap(({ action, outcome }) => {
      if (action.kind === "put-manifest") return action.tags;
      return "tag" in action ? [action.tag] : (outcome.tags ?? []);
    }),
  );
}

function contextOf(wrong: Operation, history: readonly Operation[]): Operation[] {
  const { action } = wrong;
  const digest = "digest" in action ? action.digest : null;
  const same = history.filter(
    (operation) =>
      operation.called < wrong.answered &&
      (operation.repository === wrong.repository || operation.action.kind === "mount-blob") &&
      ("upload" in action && "upload" in operation.action
        ? operation.action.upload === action.upload
        : isOf(digest, operation)),
  );
  return [...shown(same, wrong), wrong];
}

function isOf(digest: string | null, { action, outcome }: Operation): boolean {
  if (digest === null) return false;
  return outcome.digest === digest || ("digest" in action && action.digest === digest);
}

function shown(operations: readonly Operation[], wrong: Operation): Operation[] {
  return operations.filter((operation) => operation !== wrong).slice(-SHOWN);
}

type Verdict = Pick<Violation, "kind" | "message"> | null;

/** Checks one operation after the other by the evidence of all. */
class Judge {
  readonly #evidence: Evidence;
  readonly #universe: Universe;

  constructor(evidence: Evidence, universe: Universe) {
    this.#evidence = evidence;
    this.#universe = universe;
  }

  verdict(operation: Operation): Verdict {
    const { action, outcome } = operation;
    if (action.kind === "restart" || outcome.status === 0) return null;
    if (outcome.wrong !== undefined) return { kind: "bytes", message: outcome.wrong };
    if (outcome.status >= 500 && outcome.code !== "UNAVAILABLE") return unexpected(operation);
    return this.#bytes(operation) ?? this.#answer(operation);
  }

  #bytes({ action, outcome }: Operation): Verdict {
    const digest = "digest" in action ? action.digest : outcome.digest;
    if (outcome.status !== 200 || digest === undefined) return null;
    if (outcome.digest !== undefined && outcome.digest !== digest) {
      return { kind: "bytes", message: `Docker-Content-Digest is ${outcome.digest}` };
    }
    if (outcome.bytes !== undefined && outcome.bytes !== digest) {
      return { kind: "bytes", message: `the bytes have the digest ${outcome.bytes}` };
    }
    const size = this.#universe.sizes.get(digest);
    if (outcome.length !== undefined && outcome.length !== size) {
      return { kind: "bytes", message: `Content-Length is ${outcome.length}, not ${size}` };
    }
    return null;
  }

  #answer(operation: Operation): Verdict {
    switch (operation.action.kind) {
      case "put-manifest":
        return this.#put(operation, operation.action.digest);
      case "read-manifest":
      case "delete-manifest":
      case "purge-manifest":
      case "restore-manifest":
        return this.#manifest(operation, operation.action.digest);
      case "confirm-blob":
      case "read-blob":
      case "delete-blob":
        return this.#blob(operation, operation.action.digest);
      case "mount-blob":
        return this.#mount(operation, operation.action);
      case "finish-upload":
        return this.#finish(operation, operation.action);
      case "read-tag":
        return this.#readTag(operation);
      case "restore-tag":
        return this.#restoreTag(operation, operation.action.tag);
      case "restore-repository":
        return this.#restoreRepository(operation);
      case "list-tags":
        return among(operation, [200, 404]);
      case "delete-tag":
        return among(operation, [202, 404]);
      case "delete-repository":
        return among(operation, [204, 404]);
      // The client itself reports faults in the steps of an upload.
      case "upload-step":
      case "restart":
        return null;
    }
  }

  #put(operation: Operation, digest: string): Verdict {
    const { repository, outcome } = operation;
    if (outcome.status === 201) return null;
    const isRefusal = outcome.code === "MANIFEST_BLOB_UNKNOWN" || outcome.code === "UNAVAILABLE";
    if (!isRefusal) return unexpected(operation);
    return this.#evidence.canBeNamed(repository, digest, operation)
      ? missing("the push was refused, but all that the manifest names was there")
      : null;
  }

  #manifest(operation: Operation, digest: string): Verdict {
    const { repository, action, outcome } = operation;
    const { status } = outcome;
    const isDeletion = action.kind === "delete-manifest" || action.kind === "purge-manifest";
    const isUndo = action.kind === "restore-manifest" || action.kind === "purge-manifest";
    // Other requests changed the same just then, again and again.
    if (isUndo && outcome.code === "UNAVAILABLE") return null;
    if (status === 404 || (status === 409 && action.kind === "restore-manifest")) {
      return this.#absent(operation, digest);
    }
    if (isDeletion && status === 405) return this.#named(operation, digest);
    if (status !== (action.kind === "delete-manifest" ? 202 : 200)) return unexpected(operation);
    const reads = action.kind === "read-manifest" || action.kind === "delete-manifest";
    if (reads && this.#evidence.isManifestGone(repository, digest, operation)) {
      return { kind: "stale", message: "the manifest was surely gone" };
    }
    return isDeletion && this.#evidence.isNamed(repository, digest, operation)
      ? { kind: "answer", message: "it was deleted though an index names it" }
      : null;
  }

  #absent(operation: Operation, digest: string): Verdict {
    const { repository, action } = operation;
    if (this.#evidence.isManifestThere(repository, digest, operation)) {
      return missing("the manifest was surely there");
    }
    const isRestoration = action.kind === "restore-manifest";
    return isRestoration && this.#evidence.isRestorable(repository, digest, operation)
      ? missing("the manifest was surely to be restored")
      : null;
  }

  #finish(
    operation: Operation,
    { digest, repeated }: { digest: string; repeated: boolean },
  ): Verdict {
    const { repository, outcome } = operation;
    if (outcome.status === 201) return null;
    if (outcome.code === "DIGEST_INVALID") {
      return { kind: "bytes", message: "the right bytes were said to have another digest" };
    }
    if (!repeated || outcome.code !== "BLOB_UPLOAD_UNKNOWN") return unexpected(operation);
    return this.#evidence.isBlobThere(repository, digest, operation)
      ? missing("the upload had ended, and its blob was surely there")
      : null;
  }

  #restoreTag(operation: Operation, tag: string): Verdict {
    const { repository, outcome } = operation;
    // The tag's past target may have been purged since.
    if (outcome.status === 200 || outcome.status === 409) return null;
    if (outcome.code === "UNAVAILABLE") return null;
    if (outcome.status !== 404) return unexpected(operation);
    return this.#evidence.hasPast(repository, tag, operation)
      ? missing("the tag was surely to be restored")
      : null;
  }

  #restoreRepository(operation: Operation): Verdict {
    const { repository, outcome } = operation;
    if (outcome.status === 200 || outcome.code === "UNAVAILABLE") return null;
    if (outcome.status !== 404 && outcome.status !== 409) return unexpected(operation);
    return this.#evidence.isRepositoryRestorable(repository, operation)
      ? missing("the repository was surely to be restored")
      : null;
  }

  #blob(operation: Operation, digest: string): Verdict {
    const { repository, action, outcome } = operation;
    if (outcome.status === 404) {
      return this.#evidence.isBlobThere(repository, digest, operation)
        ? missing("the blob was surely there")
        : null;
    }
    if (action.kind === "delete-blob" && outcome.status === 405) {
      return this.#named(operation, digest);
    }
    if (outcome.status !== (action.kind === "delete-blob" ? 202 : 200))
      return unexpected(operation);
    if (this.#evidence.isBlobGone(repository, digest, operation)) {
      return { kind: "stale", message: "the blob was surely gone" };
    }
    return action.kind === "delete-blob" && this.#evidence.isNamed(repository, digest, operation)
      ? { kind: "answer", message: "it was deleted though a manifest names it" }
      : null;
  }

  #mount(operation: Operation, { digest, from }: { digest: string; from: string }): Verdict {
    const { repository, outcome } = operation;
    if (outcome.status === 201) {
      return this.#evidence.isBlobGone(from, digest, operation) &&
        this.#evidence.isBlobGone(repository, digest, operation)
        ? { kind: "stale", message: "the blob was surely in neither repository" }
        : null;
    }
    if (outcome.status !== 202) return unexpected(operation);
    return this.#evidence.isBlobThere(from, digest, operation)
      ? missing("the blob was surely there to be mounted")
      : null;
  }

  #readTag(operation: Operation): Verdict {
    const { repository, outcome } = operation;
    if (outcome.status === 404) return null;
    if (outcome.status !== 200 || outcome.digest === undefined) return unexpected(operation);
    return this.#evidence.isManifestGone(repository, outcome.digest, operation)
      ? { kind: "stale", message: "the tag's manifest was surely gone" }
      : null;
  }

  #named(operation: Operation, digest: string): Verdict {
    const { repository, action } = operation;
    const mayBe =
      action.kind === "purge-manifest"
        ? this.#evidence.mayBeKept(repository, digest, operation)
        : this.#evidence.mayBeNamed(repository, digest, operation);
    return mayBe
      ? null
      : { kind: "answer", message: "it was refused though nothing can have named it" };
  }
}

function missing(message: string): Verdict {
  return { kind: "missing", message };
}

function among(operation: Operation, statuses: readonly number[]): Verdict {
  return statuses.includes(operation.outcome.status) ? null : unexpected(operation);
}

function unexpected({ action, outcome }: Operation): Verdict {
  const message = `${action.kind} was answered with ${outcome.status} ${outcome.code ?? ""}`;
  return { kind: "answer", message: message.trimEnd() };
}

export function formatViolation({ kind, message, context }: Violation): string {
  return [`${kind}: ${message}`, ...context.map((one) => `    ${formatOperation(one)}`)].join("\n");
}
