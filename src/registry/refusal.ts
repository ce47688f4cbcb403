/** What a session refuses, as an error. */
import { RegistryError } from "../oci/errors.ts";
import type { Refused } from "../session/upload-session.ts";

/** The bytes do not continue the upload, which stands at `offset`. */
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
