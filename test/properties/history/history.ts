/** The operations of clients on a registry, with their answers. Nothing here depends on how the requests travelled. */

export type Action =
  | { readonly kind: "put-manifest"; readonly digest: string; readonly tags: readonly string[] }
  | { readonly kind: "read-tag"; readonly tag: string }
  | { readonly kind: "read-manifest"; readonly digest: string }
  | { readonly kind: "list-tags" }
  | { readonly kind: "delete-tag"; readonly tag: string }
  | { readonly kind: "delete-manifest"; readonly digest: string }
  | { readonly kind: "restore-tag"; readonly tag: string }
  | { readonly kind: "restore-manifest"; readonly digest: string }
  | { readonly kind: "purge-manifest"; readonly digest: string }
  /** A HEAD after which a push skips the upload: the answer 200 is a promise. */
  | { readonly kind: "confirm-blob"; readonly digest: string }
  | { readonly kind: "read-blob"; readonly digest: string }
  /** A repeated one may come after the blob was deleted again. */
  | { readonly kind: "finish-upload"; readonly digest: string; readonly repeated: boolean }
  | { readonly kind: "mount-blob"; readonly digest: string; readonly from: string }
  | { readonly kind: "delete-blob"; readonly digest: string }
  | { readonly kind: "delete-repository" }
  | { readonly kind: "restore-repository" }
  /** A step of an upload session, of which only the client knows the right answer. */
  | { readonly kind: "upload-step"; readonly upload: string; readonly step: string }
  /** The server was killed and has restarted: a request without an answer by now gets none, and has no later effect. */
  | { readonly kind: "restart" };

export interface Outcome {
  /** 0 when no answer came. */
  readonly status: number;
  /** The code of a refusal. */
  readonly code?: string;
  /** Docker-Content-Digest. */
  readonly digest?: string;
  /** The digest of the bytes that came; none for HEAD. */
  readonly bytes?: string;
  /** Content-Length of the answer to a HEAD. */
  readonly length?: number;
  /** Existing tags, or those that a restoration brought back. */
  readonly tags?: readonly string[];
  /** The digest that a restored tag pointed to just before. */
  readonly replaced?: string | null;
  /** The manifests that a restoration brought back. */
  readonly manifests?: readonly string[];
  /** The fault in the answer, where the client can tell by itself. */
  readonly wrong?: string;
}

export interface Operation {
  readonly id: number;
  readonly client: string;
  readonly repository: string;
  readonly action: Action;
  readonly outcome: Outcome;
  /** Positions in the single order of all calls and answers. */
  readonly called: number;
  readonly answered: number;
  /** Milliseconds since 1970. */
  readonly calledAt: number;
  readonly answeredAt: number;
}

/** Records each operation when it has been answered. */
export class Recorder {
  readonly operations: Operation[] = [];
  readonly #now: () => number;
  #place = 0;
  #id = 0;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  async record(
    client: string,
    repository: string,
    action: Action,
    call: () => Promise<Outcome>,
  ): Promise<void> {
    const id = ++this.#id;
    const called = ++this.#place;
    const calledAt = this.#now();
    const outcome = await call();
    const answered = ++this.#place;
    const answeredAt = this.#now();
    this.operations.push({
      id,
      client,
      repository,
      action,
      outcome,
      called,
      answered,
      calledAt,
      answeredAt,
    });
  }
}

/** Whether the operation changed what it should. */
export type Effect = "yes" | "no" | "maybe";

export function effectOf({ outcome: { status, code } }: Operation): Effect {
  if (status >= 200 && status < 300) return "yes";
  // The answer says that nothing was written.
  if (status >= 400 && (status < 500 || code === "UNAVAILABLE")) return "no";
  return "maybe";
}

/** Formats an operation as one line. */
export function formatOperation(operation: Operation): string {
  const { id, client, repository, action, outcome, called, answered, calledAt } = operation;
  const { kind, ...asked } = action;
  const { status, ...answer } = outcome;
  const place = `${String(called).padStart(6)}–${String(answered).padEnd(6)} ${calledAt % 1_000_000}`;
  const result = `${status === 0 ? "no answer" : status} ${brief(answer)}`;
  return `${place} #${id} ${client} ${repository} ${kind} ${brief(asked)} → ${result}`.trimEnd();
}

/** Formats fields without quotes and braces, with short digests. */
function brief(fields: object): string {
  return JSON.stringify(fields)
    .replaceAll(/[{}"]/g, "")
    .replaceAll(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, "$1");
}
