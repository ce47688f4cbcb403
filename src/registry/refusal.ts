/** Turns a session's refusals into errors. */
import { RegistryError } from "../oci/errors.ts";
import type { Refused } from "../session/upload-session.ts";

/** The refusal of bytes that do not continue the upload, which has received `offset` bytes. */
export class OutOfOrder extends RegistryError {
  readonly offset: number;

  constructor(offset: number) {
    super("CHUNK_OUT_OF_ORDER", { detail: { offset } });
    this.offset = offset;
  }
}

export function refuse(refused: Refused): never {
  if (refused.reason === "unknown") throw new RegistryError("BLOB_UPLOAD_UNKNOWN");
  throw new OutOfOrder(refused.offset);
}
