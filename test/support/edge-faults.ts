/** What goes wrong between a client and its registry, one fault for one request. */
import { random } from "./images.ts";

export type Fault =
  /** Both connections break when this many bytes of the request's body have passed. */
  | { readonly kind: "cut-request"; readonly afterBytes: number }
  /** Both connections break when this many bytes of the answer's body have passed. */
  | { readonly kind: "cut-answer"; readonly afterBytes: number }
  /** The registry answers, and the client's connection breaks instead. */
  | { readonly kind: "lose-answer" }
  /** The registry answers, and the client gets this status instead. */
  | { readonly kind: "replace-answer"; readonly status: ErrorStatus }
  /** The registry does not see the request. */
  | { readonly kind: "refuse"; readonly status: ErrorStatus; readonly retryAfterSeconds?: number }
  /** The request waits before it goes on. */
  | { readonly kind: "delay"; readonly ms: number };

export type ErrorStatus = 429 | 502 | 503 | 520;

/** A request before its body. */
export interface Head {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Null for a chunked body. */
  readonly length: number | null;
}

export type Faults = (head: Head) => Fault | null;

export interface Seeded {
  readonly seed: number;
  /** How many of a hundred requests have a fault. */
  readonly percent: number;
  /** The requests that may have one; by default those that carry an upload. */
  readonly among?: (head: Head) => boolean;
  /** No fault after so many. */
  readonly most?: number;
}

/** The requests of an upload after its POST. */
export function isUpload({ method, path }: Head): boolean {
  return /\/blobs\/uploads\/[^/?]/.test(path) && method !== "DELETE";
}

/** Draws faults of every kind, the same ones for the same seed and the same order of requests. */
export function seededFaults({ seed, percent, among = isUpload, most = Infinity }: Seeded): Faults {
  const next = random(seed);
  let made = 0;
  return (head) => {
    if (!among(head) || made >= most || next() % 100 >= percent) return null;
    made += 1;
    return draw(head, next);
  };
}

const STATUSES: readonly ErrorStatus[] = [429, 502, 503, 520];

function draw({ length }: Head, next: () => number): Fault {
  const status = STATUSES[next() % STATUSES.length] ?? 502;
  switch (next() % 6) {
    case 0:
      return { kind: "cut-request", afterBytes: next() % ((length ?? 1_000_000) + 1) };
    case 1:
      return { kind: "cut-answer", afterBytes: next() % 200 };
    case 2:
      return { kind: "lose-answer" };
    case 3:
      return { kind: "replace-answer", status };
    case 4:
      return { kind: "refuse", status, ...(next() % 2 === 0 ? { retryAfterSeconds: 1 } : {}) };
    default:
      return { kind: "delay", ms: next() % 200 };
  }
}
