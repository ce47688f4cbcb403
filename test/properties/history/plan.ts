/** The steps of each client, determined by a seed. The results of a step depend on the other clients. */
import { random } from "../../support/images.ts";
import type { Universe } from "./universe.ts";

export const STEPS = [
  "push",
  "retag",
  "pull",
  "look",
  "confirm",
  "orphan",
  "mount",
  "abandon",
  "delete-tag",
  "delete-manifest",
  "delete-blob",
  "delete-repository",
  "restore-tag",
  "restore-manifest",
  "restore-repository",
  "purge-manifest",
] as const;

export type StepKind = (typeof STEPS)[number];

/** The frequency of each kind of step, in proportion to the others. */
export type Weights = Readonly<Record<StepKind, number>>;

export const USUAL: Weights = {
  push: 30,
  retag: 8,
  pull: 25,
  look: 12,
  confirm: 6,
  orphan: 6,
  mount: 5,
  abandon: 3,
  "delete-tag": 6,
  "delete-manifest": 8,
  "delete-blob": 3,
  "delete-repository": 2,
  "restore-tag": 3,
  "restore-manifest": 4,
  "restore-repository": 4,
  "purge-manifest": 2,
};

/** Many blobs that no manifest names, and clients that rely on them: this tests the grace period. */
export const WAITING: Weights = { ...USUAL, confirm: 60, orphan: 60, push: 15, pull: 5, look: 3 };

export const UPLOADS = ["put", "post", "stream", "chunks"] as const;

export interface Step {
  readonly kind: StepKind;
  readonly repository: string;
  /** The repository to mount from. */
  readonly other: string;
  readonly tag: string;
  /** Indexes in the universe's lists. */
  readonly image: number;
  readonly layer: number;
  readonly upload: (typeof UPLOADS)[number];
  /** The part of the grace period, 0 to 1, that the client waits between being told of a blob and naming it. */
  readonly hesitation: number;
  /** Decides on everything else: where chunks end, what is disturbed. */
  readonly seed: number;
}

/** Yields steps without end. */
export function* stepsOf(
  seed: number,
  client: number,
  universe: Universe,
  weights: Weights = USUAL,
): Generator<Step, never> {
  const next = random((seed ^ Math.imul(client + 1, 0x9e37_79b1)) >>> 0);
  const { repositories, tags, images, layers } = universe;
  for (;;) {
    const kind = chosen(weights, next);
    const first = next() % repositories.length;
    const far = (first + 1 + (next() % (repositories.length - 1))) % repositories.length;
    // Whole repositories are deleted and restored in one place only, so that the content of the others is certain.
    const isWhole = kind === "delete-repository" || kind === "restore-repository";
    yield {
      kind,
      repository: repositories[isWhole ? repositories.length - 1 : first] ?? "",
      other: repositories[far] ?? "",
      tag: tags[next() % tags.length] ?? "",
      image: next() % images.length,
      layer: next() % layers.length,
      upload: UPLOADS[next() % UPLOADS.length] ?? "put",
      hesitation: next() % 3 === 0 ? (next() % 80) / 100 : 0,
      seed: next(),
    };
  }
}

function chosen(weights: Weights, next: () => number): StepKind {
  const total = STEPS.reduce((sum, kind) => sum + weights[kind], 0);
  let left = next() % total;
  for (const kind of STEPS) {
    left -= weights[kind];
    if (left < 0) return kind;
  }
  return "push";
}
