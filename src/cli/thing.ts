import { InvalidArgumentError } from "commander";
import { isDigest } from "../oci/digest.ts";
import { isRepositoryName, isTag } from "../oci/reference.ts";

/** What is to be restored or purged: a tag, a manifest, or the repository where there is neither. */
export interface Thing {
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

export function parseThing(text: string): Thing {
  const [, repository = "", mark, rest = ""] = /^([^:@]*)(?:([:@])(.*))?$/.exec(text) ?? [];
  if (isRepositoryName(repository)) {
    if (mark === undefined) return { repository };
    if (mark === ":" && isTag(rest)) return { repository, tag: rest };
    if (mark === "@" && isDigest(rest)) return { repository, digest: rest };
  }
  throw new InvalidArgumentError("It is written as acme/app, acme/app:v1 or acme/app@sha256:….");
}
