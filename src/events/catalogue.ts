/**
 * Every action that the audit log records, as `<noun>.<verb>`: what each one means, for whoever writes a filter or a
 * consumer. Types hold the code to this list, and a test holds the triggers to it.
 */
export const ACTIONS = {
  "audit.suppress": "refusals of a kind were dropped, for the log had enough of them",
  "blob.delete": "a blob was deleted from a repository",
  "blob.link": "a blob that an import found in the bucket was linked to its repository",
  "event.drop": "an event that a subscriber failed to receive was dropped",
  "event.retry": "an event that a subscriber failed to receive was sent again",
  "exception.create": "a vulnerability was accepted: in a namespace, a repository or an image",
  "exception.delete": "a vulnerability is no longer accepted",
  "export.begin": "a full backup of the index was asked for",
  "fsck.finding": "a background check found something",
  "fsck.repair": "fsck repaired something",
  "image.rescan": "another scan of an image was asked for",
  "image.scanned": "an image was scanned first, or its number of known vulnerabilities changed",
  "import.begin": "a backup is being imported",
  "import.end": "the import of a backup has ended",
  login: "a login failed, or was refused for too many failures",
  "manifest.delete": "a manifest was deleted, with its tags",
  "manifest.expire": "a retention policy deleted an image",
  "manifest.purge": "a manifest was purged",
  "manifest.push": "a manifest was pushed, with new blobs perhaps, or a tag was moved to it",
  "manifest.restore": "a deleted manifest was restored",
  "member.remove": "a user lost a role in a namespace",
  "member.set": "a user got a role in a namespace",
  "namespace.create": "a namespace was created",
  "namespace.delete": "a namespace was deleted",
  "namespace.update": "a namespace's settings were changed",
  "oidc.exchange": "an ID token was exchanged for a credential",
  "oidc.revoke": "a credential that an ID token was exchanged for was ended by its holder",
  "policy.exempt": "an account that a scan policy exempts pulled an image that it refuses",
  "policy.remove": "a scan policy was removed",
  "policy.set": "a scan policy was set",
  "quota.update": "a namespace's quota was changed",
  "quota.warn": "a namespace has used 85 % of its quota",
  "repository.create": "a repository was created",
  "repository.delete": "a repository was deleted",
  "repository.purge": "a repository was purged",
  "repository.restore": "a deleted repository was restored",
  "repository.update": "a repository's settings were changed",
  "retention.remove": "a retention policy was removed",
  "retention.set": "a retention policy was set",
  "robot.create": "a robot was created, with its first secret",
  "robot.delete": "a robot was deleted",
  "robot.token.create": "a robot got another secret",
  "robot.token.delete": "a robot's secret was deleted",
  "robot.token.update": "a robot's secret got another end",
  "robot.update": "a robot was changed",
  "rule.create": "a trust rule was created",
  "rule.delete": "a trust rule was deleted",
  "rule.update": "a trust rule was changed",
  "session.begin": "a user signed in, for a session",
  "session.end":
    "a session was ended: its user signed out, a sign-in replaced it or made it one too many, or an administrator ended it",
  "signer.remove": "a namespace trusts somebody's signatures no longer",
  "signer.set": "a namespace trusts a key, an identity or certificates to sign images",
  "tag.delete": "a tag was deleted",
  "tag.purge": "a tag was purged with its history",
  "tag.restore": "a tag was restored",
  "token.create": "a user's token was created",
  "token.delete": "a user's token was deleted",
  "token.update": "a user's token got another end",
  "user.create": "a user was created",
  "user.delete": "a user was deleted",
  "user.update": "a user was changed",
  "vulnerability.found": "vulnerabilities are known in an image that were not before",
} as const satisfies Record<keyof Payloads, string>;

/** What was done, or what a denied request would have done: its method and route. */
export type Action = keyof Payloads | Denied;
type Denied = `${string} ${string}`;

/** The fields of an entry, besides its action. */
interface Fields {
  readonly namespace: string;
  /** The repository. Its namespace is recorded with it, so `namespace` can be left out. */
  readonly repository: string;
  /** The tag, or the name of whatever else was changed. */
  readonly reference: string;
  readonly digest: string;
  /** Anything else that is worth knowing; never a secret. */
  readonly detail: string;
}

/** The fields that an entry has, and those that it may have; it has no others. */
export type Payload<Has extends keyof Fields, MayHave extends keyof Fields = never> = Pick<
  Fields,
  Has
> &
  Partial<Pick<Fields, MayHave>> & {
    readonly [Field in Exclude<keyof Fields, Has | MayHave>]?: never;
  };

type OfNamespace = Payload<"namespace" | "reference">;
type OfNamespaceWithDetail = Payload<"namespace" | "reference" | "detail">;
/** One of the rules that a credential is by; none of them may be left when it is revoked. */
type OfCredential = Payload<"reference", "namespace" | "detail">;
/** A policy of a repository, or of a namespace, which is also the reference. */
type OfPolicy = Payload<"repository"> | OfNamespace;

/** The fields of each action's entry. A statement may add those that it may have. */
export interface Payloads {
  "audit.suppress": Payload<"reference" | "detail", "namespace">;
  "blob.delete": Payload<"repository" | "digest">;
  "blob.link": Payload<"repository" | "digest">;
  "event.drop": Payload<"reference">;
  "event.retry": Payload<"reference">;
  "exception.create": OfNamespaceWithDetail;
  "exception.delete": OfNamespaceWithDetail;
  "export.begin": Payload<"reference">;
  "fsck.finding": Payload<"detail", "namespace" | "repository" | "reference" | "digest">;
  "fsck.repair": Payload<"detail", "namespace" | "repository" | "reference" | "digest">;
  "image.rescan": Payload<"repository" | "digest">;
  "image.scanned": Payload<"repository" | "digest" | "detail">;
  "import.begin": Payload<"reference">;
  "import.end": Payload<"reference">;
  login: Payload<never, "namespace" | "reference" | "detail">;
  "manifest.delete": Payload<"repository" | "digest", "reference" | "detail">;
  "manifest.expire": Payload<"repository" | "digest" | "detail", "reference">;
  "manifest.purge": Payload<"repository" | "digest">;
  "manifest.push": Payload<"repository" | "digest", "reference" | "detail">;
  "manifest.restore": Payload<"repository" | "digest", "detail">;
  "member.remove": OfNamespaceWithDetail;
  "member.set": OfNamespaceWithDetail;
  "namespace.create": Payload<"namespace" | "reference", "detail">;
  "namespace.delete": OfNamespace;
  "namespace.update": OfNamespaceWithDetail;
  "oidc.exchange": OfCredential;
  "oidc.revoke": OfCredential;
  "policy.exempt": Payload<"repository" | "digest" | "detail">;
  "policy.remove": OfPolicy;
  "policy.set": Payload<"repository" | "detail"> | OfNamespaceWithDetail;
  "quota.update": OfNamespaceWithDetail;
  "quota.warn": OfNamespaceWithDetail;
  "repository.create": Payload<"repository", "detail">;
  "repository.delete": Payload<"repository">;
  "repository.purge": Payload<"repository">;
  "repository.restore": Payload<"repository" | "detail">;
  "repository.update": Payload<"repository" | "detail">;
  "retention.remove": OfPolicy;
  "retention.set": OfPolicy;
  "robot.create": OfNamespaceWithDetail;
  "robot.delete": OfNamespace;
  "robot.token.create": OfNamespaceWithDetail;
  "robot.token.delete": OfNamespaceWithDetail;
  "robot.token.update": OfNamespaceWithDetail;
  "robot.update": OfNamespaceWithDetail;
  "rule.create": OfNamespaceWithDetail;
  "rule.delete": OfNamespace;
  "rule.update": OfNamespaceWithDetail;
  "session.begin": Payload<"reference">;
  "session.end": Payload<"reference">;
  "signer.remove": OfNamespace;
  "signer.set": OfNamespaceWithDetail;
  "tag.delete": Payload<"repository" | "reference", "digest" | "detail">;
  "tag.purge": Payload<"repository" | "reference", "digest" | "detail">;
  "tag.restore": Payload<"repository" | "reference" | "digest", "detail">;
  "token.create": Payload<"reference" | "detail">;
  "token.delete": Payload<"reference">;
  "token.update": Payload<"reference" | "detail">;
  "user.create": Payload<"reference", "detail">;
  "user.delete": Payload<"reference">;
  "user.update": Payload<"reference" | "detail">;
  "vulnerability.found": Payload<"repository" | "digest" | "detail">;
}

/** The entry of an action. */
export type EntryOf<A extends keyof Payloads> = { readonly action: A } & Payloads[A];

/** The entry of a denied request. */
type DeniedEntry = { readonly action: Denied } & Payload<
  "detail",
  "namespace" | "repository" | "digest"
>;

/** What was done, or refused: an action with its fields, and no others. */
export type AuditEntry = { [A in keyof Payloads]: EntryOf<A> }[keyof Payloads] | DeniedEntry;

/** What is known of an entry whatever its action is. */
export interface AnyEntry extends Partial<Fields> {
  readonly action: Action;
}
