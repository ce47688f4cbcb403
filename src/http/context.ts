import type { Actor } from "../auth/policy/access.ts";
import type { AuthContext } from "../auth/context.ts";
import type { Defer } from "../defer.ts";
import type { Settings } from "../settings.ts";
import { type Digest, parseDigest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import {
  type Namespace,
  parseAccountName,
  parseNamespace,
  parseReference,
  parseRepositoryName,
  parseSessionId,
  parseTarget,
  parseTokenId,
  type Reference,
  type RepositoryName,
  type Tag,
} from "../oci/reference.ts";
import type { Registry } from "../compose.ts";
import type { Initiator } from "../db/audit.ts";
import { type DeadEventId, parseDeadEventId } from "./event-id.ts";
import { parseUploadId, type UploadId } from "../registry/uploads.ts";

/** The parameters that a path may have, parsed. */
export interface Params {
  readonly name: RepositoryName;
  readonly digest: Digest;
  /** The tag or digest to read or delete. */
  readonly reference: Reference;
  /** The tag or digest to write. */
  readonly target: Reference;
  readonly upload: UploadId;
  readonly namespace: Namespace;
  /** The name of a user or signer, or the part of a robot's or rule's name after the namespace. */
  readonly user: string;
  readonly robot: string;
  readonly rule: string;
  readonly signer: string;
  /** A token's id, not its secret. */
  readonly token: string;
  /** A session's id, or "current". */
  readonly session: string;
  /** The id of an accepted vulnerability's exception. */
  readonly exception: string;
  /** The id of a dead event. */
  readonly event: DeadEventId;
}

const PARSERS: { readonly [K in keyof Params]: (text: string) => Params[K] } = {
  name: parseRepositoryName,
  digest: parseDigest,
  reference: parseReference,
  target: parseTarget,
  upload: parseUploadId,
  namespace: parseNamespace,
  user: parseAccountName,
  robot: parseAccountName,
  rule: parseAccountName,
  signer: parseAccountName,
  token: parseTokenId,
  session: parseSessionId,
  exception: parseTokenId,
  event: parseDeadEventId,
};

/** The manifest or blob that was read; the tag is null for a read by digest. */
interface Asked {
  readonly repository: RepositoryName;
  readonly tag: Tag | null;
  readonly digest: Digest;
}

/** Records use and counts pulls, after the answer is sent: retention keeps what is in use. */
export interface Usage {
  /** A blob was read. */
  readonly read: (blob: Omit<Asked, "tag">) => void;
  /** A client asked for a manifest by HEAD, or has it already. */
  readonly look: (manifest: Asked) => void;
  /** A manifest was pulled; `index` is its text if it is an index, else null. */
  readonly pull: (manifest: Asked & { readonly index: string | null }) => void;
}

/** All that a handler gets; every value from the request is parsed. */
export interface Context<K extends keyof Params = never> {
  readonly request: Request;
  readonly url: URL;
  readonly params: Pick<Params, K>;
  readonly actor: Actor;
  /** The initiator of the request, for the audit log. */
  readonly initiator: Initiator;
  readonly auth: AuthContext;
  readonly settings: Settings;
  readonly registry: Registry;
  /** The static assets of the console. */
  readonly assets: Fetcher;
  readonly defer: Defer;
  readonly usage: Usage;
  /** Whether the actor is within its limit of pushes for this minute. */
  readonly takePush: () => Promise<boolean>;
  /** Whether the actor, or its network if it is nobody, is within the limit of searches for this minute. */
  readonly takeSearch: () => Promise<boolean>;
}

/**
 * Decodes and parses the router's untyped parameters.
 * @throws the error for the malformed parameter
 */
export function bind(raw: Readonly<Record<string, string>>): Partial<Params> {
  const parsed: Partial<Record<keyof Params, unknown>> = {};
  for (const key of Object.keys(PARSERS) as (keyof Params)[]) {
    const text = raw[key];
    if (text !== undefined) parsed[key] = PARSERS[key](decode(text));
  }
  return parsed as Partial<Params>;
}

/** Requires that the repository exists, where pushes do not create one. @throws NAME_UNKNOWN */
export async function requireRepository({
  params,
  settings,
  registry,
}: Context<"name">): Promise<void> {
  if (settings.createOnPush || (await registry.repositories.exists(params.name))) return;
  throw new RegistryError("NAME_UNKNOWN", {
    message: "repository unknown: here a push makes none; create it first (slipway repo create)",
    detail: { name: params.name },
  });
}

/** Limits the pushes of an account: each writes rows that stay for long. @throws TOO_MANY_REQUESTS */
export async function requirePace({ actor, takePush }: Context): Promise<void> {
  if (await takePush()) return;
  throw new RegistryError("TOO_MANY_REQUESTS", {
    message: `${actor.name ?? "everybody"} pushed too much in the last minute; try again in 60 seconds`,
    headers: { "retry-after": "60" },
  });
}

/** Limits searches: visitors may search too, and each search reads many rows. @throws TOO_MANY_REQUESTS */
export async function requireSearchPace({ takeSearch }: Context): Promise<void> {
  if (await takeSearch()) return;
  throw new RegistryError("TOO_MANY_REQUESTS", {
    message: "too many searches in the last minute; try again in 60 seconds",
    headers: { "retry-after": "60" },
  });
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
