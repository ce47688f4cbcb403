import { InvalidArgumentError } from "commander";
import { isRepositoryName, isTag } from "../oci/reference.ts";
import { isDigestOrPrefix } from "./digest-prefix.ts";

/** The target of a command: a tag, a manifest, or the repository where there is neither. */
export interface Target {
  readonly repository: string;
  readonly tag?: string;
  /** Whole, or as a table shows it. */
  readonly digest?: string;
}

export function parseTarget(text: string): Target {
  const [, repository = "", mark, rest = ""] = /^([^:@]*)(?:([:@])(.*))?$/.exec(text) ?? [];
  if (isRepositoryName(repository)) {
    if (mark === undefined) return { repository };
    if (mark === ":" && isTag(rest)) return { repository, tag: rest };
    if (mark === "@" && isDigestOrPrefix(rest)) return { repository, digest: rest };
  }
  throw new InvalidArgumentError("Write it as acme/app, acme/app:v1 or acme/app@sha256:….");
}
