import type { Actor } from "../auth/access.ts";
import type { Realm } from "../auth/authenticate.ts";
import type { Settings } from "../env.ts";
import { type Digest, parseDigest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import {
  parseReference,
  parseRepositoryName,
  parseTarget,
  type Reference,
  type RepositoryName,
} from "../oci/reference.ts";
import type { Registry } from "../registry/registry.ts";
import { parseUploadId, type UploadId } from "../registry/uploads.ts";

/** The parameters that a path may have, parsed. */
export interface Params {
  readonly name: RepositoryName;
  readonly digest: Digest;
  /** What to read or delete. */
  readonly reference: Reference;
  /** What to write. */
  readonly target: Reference;
  readonly upload: UploadId;
}

const PARSERS: { readonly [K in keyof Params]: (text: string) => Params[K] } = {
  name: parseRepositoryName,
  digest: parseDigest,
  reference: parseReference,
  target: parseTarget,
  upload: parseUploadId,
};

/** All that a handler gets. Below it there are no raw strings. */
export interface Context<K extends keyof Params = never> {
  readonly request: Request;
  readonly url: URL;
  readonly params: Pick<Params, K>;
  readonly actor: Actor;
  readonly realm: Realm;
  readonly settings: Settings;
  readonly registry: Registry;
}

/**
 * The router's untyped parameters, decoded and parsed.
 * @throws the refusal that belongs to the malformed one
 */
export function bind(raw: Readonly<Record<string, string>>): Partial<Params> {
  const parsed: Partial<Record<keyof Params, unknown>> = {};
  for (const key of Object.keys(PARSERS) as (keyof Params)[]) {
    const text = raw[key];
    if (text !== undefined) parsed[key] = PARSERS[key](decode(text));
  }
  return parsed as Partial<Params>;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new RegistryError("REQUEST_INVALID", {
      message: "malformed percent-encoding in the path",
      cause,
    });
  }
}
