/** What is told of the uploads under way. */
import { bytes } from "../output.ts";

export interface ShownUpload {
  /** How many bytes the registry has. */
  at(bytes: number): void;
  /** @param digest null where the upload is not ended yet */
  done(digest: string | null): void;
  failed(text: string): void;
}

export interface UploadReport {
  /** @param totalBytes null where the client does not say */
  begin(name: string, totalBytes: number | null): ShownUpload;
}

/** A line for each upload that ended. */
export function lineReport(write: (line: string) => void): UploadReport {
  return {
    begin(name) {
      let sent = 0;
      return {
        at: (offset) => (sent = offset),
        done: (digest) => digest !== null && write(`${name}: ${bytes(sent)}, ${digest}`),
        failed: (text) => write(`${name}: failed after ${bytes(sent)}: ${text}`),
      };
    },
  };
}
