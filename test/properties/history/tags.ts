/** A tag is a register: a read returns what was last written, whoever else writes and reads at the same time. */
import { effectOf, type Operation } from "./history.ts";
import { linearize, type Sequential } from "./linearize.ts";

interface Tag {
  /** The digest that it points to; null without such a tag. */
  readonly digest: string | null;
  /** The digest that it pointed to before that. */
  readonly past: string | null;
  /** Its digests in deleted repositories of this name, the last one deleted at the end. */
  readonly buried: readonly (string | null)[];
}

/** @returns the first operation of the repository whose answer contradicts the others, as far as this tag goes; or null */
export function firstContradiction(
  tag: string,
  operations: readonly Operation[],
): Operation | null {
  return linearize(
    operations.filter((operation) => concerns(tag, operation)),
    {
      isUnknown: (operation) => effectOf(operation) === "maybe" && !isBarrier(operation),
      isBarrier,
    },
    registerOf(tag),
  );
}

export function isBarrier({ action }: Operation): boolean {
  return action.kind === "restart";
}

/** Returns whether it reads or changes the tag, or might. A refused change says nothing about it. */
export function concerns(tag: string, operation: Operation): boolean {
  const { action, outcome } = operation;
  const effect = effectOf(operation);
  switch (action.kind) {
    case "put-manifest":
      return effect !== "no" && action.tags.includes(tag);
    case "read-tag":
      return action.tag === tag && effect !== "maybe";
    case "delete-tag":
      return action.tag === tag && (effect !== "no" || outcome.status === 404);
    case "restore-tag":
      return action.tag === tag && effect !== "no";
    case "list-tags":
      return effect !== "maybe";
    case "delete-manifest":
    case "restore-manifest":
    case "purge-manifest":
    case "delete-repository":
    case "restore-repository":
      return effect !== "no";
    case "restart":
      return true;
    case "read-manifest":
    case "confirm-blob":
    case "read-blob":
    case "finish-upload":
    case "mount-blob":
    case "delete-blob":
    case "upload-step":
      return false;
  }
}

function registerOf(tag: string): Sequential<Tag> {
  return {
    initial: { digest: null, past: null, buried: [] },
    step: (state, operation, answer) => step(tag, state, operation, answer),
    isRead: ({ action: { kind } }) => kind === "read-tag" || kind === "list-tags",
    key: ({ digest, past, buried }) => [digest, past, ...buried].join(),
  };
}

function step(
  tag: string,
  state: Tag,
  { action, outcome }: Operation,
  answer: "known" | "unknown",
): readonly Tag[] {
  const { digest, buried } = state;
  const isGone = outcome.status === 404;
  switch (action.kind) {
    case "put-manifest":
      return [pointed(state, action.digest)];
    case "read-tag":
      return (isGone ? null : outcome.digest) === digest ? [state] : [];
    case "list-tags": {
      const isListed = !isGone && outcome.tags?.includes(tag) === true;
      return isListed === (digest !== null) ? [state] : [];
    }
    case "delete-tag":
      if (answer === "known" && isGone !== (digest === null)) return [];
      return [pointed(state, null)];
    case "restore-tag":
      return restoredTag(state, outcome, answer);
    case "delete-manifest":
    case "purge-manifest":
      return [digest === action.digest ? pointed(state, null) : state];
    case "restore-manifest":
      if (answer === "unknown") return digest === null ? [pointed(state, action.digest)] : [state];
      if (outcome.tags?.includes(tag) !== true) return [state];
      // The tag belonged to one of the restored manifests.
      return digest !== null ? [] : (outcome.manifests ?? []).map((one) => pointed(state, one));
    case "delete-repository":
      return [{ digest: null, past: null, buried: [...buried, digest] }];
    case "restore-repository":
      if (buried.length === 0 || digest !== null) return [];
      return [{ digest: buried.at(-1) ?? null, past: null, buried: buried.slice(0, -1) }];
    case "read-manifest":
    case "confirm-blob":
    case "read-blob":
    case "finish-upload":
    case "mount-blob":
    case "delete-blob":
    case "upload-step":
    case "restart":
      return [state];
  }
}

/** Reads from the answer the tag's digests before and after the restoration. */
function restoredTag(
  state: Tag,
  { digest, replaced = null, tags = [] }: Operation["outcome"],
  answer: "known" | "unknown",
): readonly Tag[] {
  if (answer === "unknown") return state.past === null ? [] : [pointed(state, state.past)];
  if (digest === undefined) return [];
  const before = tags.length === 0 ? digest : replaced;
  return state.digest === before ? [pointed(state, digest)] : [];
}

function pointed(state: Tag, digest: string | null): Tag {
  if (state.digest === digest) return state;
  return { ...state, digest, past: state.digest ?? state.past };
}
