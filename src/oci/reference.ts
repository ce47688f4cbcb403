import { type Digest, parseDigest } from "./digest.ts";
import { RegistryError } from "./errors.ts";

export type RepositoryName = string & { readonly brand: "RepositoryName" };
/** The first component of a repository's name, on its own. */
export type Namespace = string & { readonly brand: "Namespace" };
export type Tag = string & { readonly brand: "Tag" };
export type Reference =
  | { readonly kind: "tag"; readonly tag: Tag }
  | { readonly kind: "digest"; readonly digest: Digest };

/** The repositories that content may be mounted from: all, or those named. */
export type Sources = "all" | readonly RepositoryName[];

/** Clients cap host + "/" + name at 255 characters (spec.md, "Pulling manifests", implementers' note). */
const MAX_NAME_LENGTH = 255;
const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const NAME = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const NAMESPACE = new RegExp(`^${COMPONENT}$`);
/**
 * The name of a user, and that of a robot or trust rule within its namespace: no character needs quoting in a shell or
 * a URL.
 */
const ACCOUNT = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
const TOKEN_ID = /^[0-9a-f]{16}$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

export function isRepositoryName(text: string): text is RepositoryName {
  return text.length <= MAX_NAME_LENGTH && NAME.test(text);
}

/** @throws NAME_INVALID unless the text follows the grammar of spec.md, "Pulling manifests". */
export function parseRepositoryName(text: string): RepositoryName {
  if (isRepositoryName(text)) return text;
  throw new RegistryError("NAME_INVALID", {
    message: `invalid repository name: at most ${MAX_NAME_LENGTH} characters, lower-case components of letters and digits joined by ".", "_", "__" or "-", separated by "/"`,
    detail: { name: text.slice(0, 300) },
  });
}

export function namespaceOf(repository: RepositoryName): Namespace {
  return repository.split("/", 1)[0] as Namespace;
}

export function isNamespace(text: string): text is Namespace {
  return text.length <= MAX_NAME_LENGTH && NAMESPACE.test(text);
}

/** @throws NAME_INVALID */
export function parseNamespace(text: string): Namespace {
  if (isNamespace(text)) return text;
  throw new RegistryError("NAME_INVALID", {
    message: `invalid namespace: it is the first component of a repository's name: lower-case letters and digits joined by ".", "_", "__" or "-"`,
  });
}

export function isAccountName(text: string): boolean {
  return ACCOUNT.test(text);
}

/** @throws NAME_INVALID */
export function parseAccountName(text: string): string {
  if (isAccountName(text)) return text;
  throw new RegistryError("NAME_INVALID", {
    message:
      'invalid name: 1 to 64 lower-case letters, digits, ".", "_" or "-", beginning and ending with a letter or digit',
  });
}

/** @throws NOT_FOUND for an id that this registry cannot have given out */
export function parseTokenId(text: string): string {
  if (TOKEN_ID.test(text)) return text;
  throw new RegistryError("NOT_FOUND");
}

/** @throws NOT_FOUND for what is neither "current" nor an id that this registry can have given out */
export function parseSessionId(text: string): string {
  return text === "current" ? text : parseTokenId(text);
}

export function isTag(text: string): text is Tag {
  return TAG.test(text);
}

/** @throws MANIFEST_INVALID for a tag that cannot be written. */
export function parseTag(text: string): Tag {
  if (isTag(text)) return text;
  throw new RegistryError("MANIFEST_INVALID", {
    message:
      "invalid tag: 1 to 128 letters, digits, '_', '.' or '-', not beginning with '.' or '-'",
    detail: { tag: text.slice(0, 200) },
  });
}

/**
 * Parses a reference that is written to: a malformed tag is the client's error.
 * @throws MANIFEST_INVALID for a tag, DIGEST_INVALID for a digest
 */
export function parseTarget(text: string): Reference {
  if (text.includes(":")) return { kind: "digest", digest: parseDigest(text) };
  return { kind: "tag", tag: parseTag(text) };
}

/**
 * Parses a reference that is read or deleted. A malformed tag is unknown, not an error: nothing can be stored under it.
 * @throws MANIFEST_UNKNOWN for a tag, DIGEST_INVALID for a digest
 */
export function parseReference(text: string): Reference {
  if (text.includes(":")) return { kind: "digest", digest: parseDigest(text) };
  if (isTag(text)) return { kind: "tag", tag: text };
  throw new RegistryError("MANIFEST_UNKNOWN", { detail: { reference: text.slice(0, 200) } });
}
