/** What a request of an upload says: who sends it, and which bytes. */
import type { Initiator } from "../db/audit.ts";
import type { RepositoryName } from "../oci/reference.ts";
import type { Intent, Position } from "../session/progress.ts";
import type { Holder } from "../session/upload-id.ts";

/** The client that uploads, and the repository that it uploads to. */
export interface Uploader {
  readonly repository: RepositoryName;
  readonly initiator: Initiator;
  /** When the actor's credentials expire or expired, in milliseconds since 1970; null for never. */
  readonly until: number | null;
}

/** One request's bytes, and the place in the upload that it gives for them. */
export interface Chunk {
  readonly body: ReadableStream<Uint8Array> | null;
  /** Content-Length, or null when the client does not know it. */
  readonly length: number | null;
  readonly position: Position;
}

export function holderOf({ repository, initiator, until }: Uploader): Holder {
  return { repository, actor: initiator.actor, until };
}

export function intentOf({ position, length }: Chunk): Omit<Intent, "finish"> {
  return { position, length };
}
