import * as v from "valibot";
import { Lru } from "../../memory/lru.ts";
import { RegistryError } from "../../oci/errors.ts";
import { isRepositoryName, namespaceOf } from "../../oci/reference.ts";
import {
  type Actor,
  memberships,
  publicBasis,
  type PullPatterns,
  sourcesOf,
  VIAS,
} from "../policy/access.ts";
import { type Invalidity, sign, type Signed, type Signing, verify } from "./jwt.ts";
import { type Granted, isAction, type ScopeEntry } from "../policy/scope.ts";
import { namespaceOfRule } from "../oidc/trust.ts";
import { type Credential, MAX_PASSWORD, WORKLOAD, type Workload } from "../oidc/workload.ts";

/** The two token types are kept apart (RFC 8725 § 3.11): a registry token opens /v2/, a credential is a password. */
const REGISTRY_TOKEN = "JWT";
const CREDENTIAL = "slipway-credential+jwt";
/** The prefix by which an exchanged credential is recognised. */
const CREDENTIAL_PREFIX = "slpo_";

const Rights = v.array(v.picklist(["pull", "push", "delete", "maintain", "own"]));
const Grants = v.array(v.object({ pattern: v.string(), rights: Rights }));
const Patterns = v.object({
  grants: v.array(v.string()),
  limits: v.nullable(v.array(v.string())),
});
const TokenClaims = v.object({
  sub: v.string(),
  exp: v.number(),
  via: v.picklist(VIAS),
  dependsOn: v.array(v.string()),
  subject: v.nullable(v.string()),
  /** When the rights were read, in milliseconds since 1970: `iat` is too coarse to be compared with a revocation. */
  grantedAt: v.number(),
  access: v.array(v.object({ type: v.string(), name: v.string(), actions: v.array(v.string()) })),
  refused: Grants,
  sources: v.picklist(["all", "granted"]),
  catalog: v.optional(v.nullable(Patterns), null),
});
const CredentialClaims = v.object({
  /** The credential's id, by which it is revoked. */
  jti: v.string(),
  /** The rules of each namespace as one text, "acme+ci,deploy": a hundred of the longest names are 7 KB. */
  rules: v.array(v.string()),
  subject: v.string(),
  grantedAt: v.number(),
  exp: v.number(),
});

/**
 * Signs what the actor was granted. The token is the whole decision: checking it needs no lookup.
 * @param seconds its lifetime; it never outlasts the actor's own credentials
 */
export function signToken(
  actor: Actor,
  granted: Granted,
  seconds: number,
  signing: Signing,
): Promise<Signed> {
  const sources = sourcesOf(actor) === "all" ? "all" : "granted";
  const { name, via, subject } = actor;
  const claims = {
    ...granted,
    sources,
    via,
    subject,
    dependsOn: [
      ...actor.dependsOn,
      ...memberships(actor.dependsOn, [
        ...namespacesIn(granted.access),
        ...namespacesOf(granted.catalog),
      ]),
      ...publicBasesOf(actor, granted.access),
    ],
    // A token made from a signed one keeps that one's age: else it would outlive a revocation that came in between.
    grantedAt: actor.grantedAt ?? Date.now(),
  };
  const expires = Math.min(now() + seconds, actor.expires ?? Number.POSITIVE_INFINITY);
  return sign(claims, { typ: REGISTRY_TOKEN, sub: name ?? "", expires }, signing);
}

function namespacesIn(access: readonly ScopeEntry[]): string[] {
  return access.flatMap(({ type, name }) =>
    type === "repository" && isRepositoryName(name) ? namespaceOf(name) : [],
  );
}

/** Returns the namespaces of the catalog's patterns. A pattern over many namespaces comes from no role. */
function namespacesOf(catalog: PullPatterns | null): string[] {
  return (catalog?.grants ?? []).flatMap((pattern) => {
    const [namespace = ""] = pattern.split("/", 1);
    return namespace.includes("*") ? [] : namespace;
  });
}

/** Returns the subjects of public access: a repository being public, or the setting that makes all of them so. */
function publicBasesOf(actor: Actor, access: readonly ScopeEntry[]): Set<string> {
  const bases = access.flatMap(({ type, name }) =>
    type === "repository" ? (publicBasis(actor, name) ?? []) : [],
  );
  return new Set(bases);
}

/**
 * Signs the rules that a workload satisfied, as a password that lasts as long as the rules allow.
 * @throws FIELD_INVALID when it would be longer than a password may be
 */
export async function signCredential(
  { ruleGrants, subject, grantedAt }: Workload,
  signing: Signing,
): Promise<Signed> {
  const names = Map.groupBy(ruleGrants, ({ rule }) => namespaceOfRule(rule));
  const rules = [...names].map(
    ([namespace, of]) =>
      `${namespace}+${of.map(({ rule }) => rule.slice(namespace.length + 1)).join(",")}`,
  );
  const expires = Math.max(...ruleGrants.map(({ until }) => until));
  const header = { typ: CREDENTIAL, sub: WORKLOAD, expires };
  const signed = await sign({ rules, subject, grantedAt }, header, signing);
  const token = CREDENTIAL_PREFIX + signed.token;
  if (token.length > MAX_PASSWORD) {
    const message = `the ID token satisfies ${ruleGrants.length} rules, more than a login of ${MAX_PASSWORD} characters can name: name fewer namespaces`;
    throw new RegistryError("FIELD_INVALID", { message });
  }
  return { token, expires };
}

export function isCredential(text: string): boolean {
  return text.startsWith(CREDENTIAL_PREFIX);
}

/** A registry token with a correct signature, and the keys that checked it: a pull sends its token with every layer. */
interface Verified {
  readonly actor: Actor;
  readonly exp: number;
  readonly signing: Signing;
}

const verified = new Lru<Verified>(1024 * 1024);
/** Memory of a cached token and its actor, in bytes: this many for each character of the token, and a constant. */
const ACTOR_FACTOR = 6;
const ACTOR_BYTES = 500;

/** @param grace seconds after expiry for which a token is still accepted */
export async function verifyToken(
  token: string,
  signing: Signing,
  grace = 0,
): Promise<Actor | Invalidity> {
  const known = verified.get(token);
  // Compares the expiry as jose does.
  if (known !== undefined && isSame(known.signing, signing)) {
    return known.exp <= now() - grace ? "expired" : known.actor;
  }
  const payload = await verify(token, { typ: REGISTRY_TOKEN, grace }, signing);
  if (typeof payload === "string") return payload;
  const claims = v.safeParse(TokenClaims, payload);
  // We signed it, in another version's format, so it is not a forgery.
  if (!claims.success) return "expired";
  const { sub, via, dependsOn, subject, exp, grantedAt, access, refused, sources, catalog } =
    claims.output;
  const actor: Actor = {
    name: sub === "" ? null : sub,
    via,
    dependsOn,
    subject,
    expires: exp,
    grantedAt,
    limits: null,
    grants: access.flatMap(({ type, name, actions }) =>
      type === "repository" && isRepositoryName(name)
        ? { pattern: name, rights: actions.filter(isAction) }
        : [],
    ),
    token: {
      refused,
      catalog,
      sources,
    },
  };
  verified.set(token, { actor, exp, signing }, ACTOR_BYTES + ACTOR_FACTOR * token.length);
  return actor;
}

function isSame(one: Signing, other: Signing): boolean {
  const { key, nextKey, service } = one;
  return key === other.key && nextKey === other.nextKey && service === other.service;
}

export async function verifyCredential(
  text: string,
  signing: Signing,
): Promise<Credential | Invalidity> {
  const token = text.slice(CREDENTIAL_PREFIX.length);
  const payload = await verify(token, { typ: CREDENTIAL, grace: 0 }, signing);
  if (typeof payload === "string") return payload;
  const claims = v.safeParse(CredentialClaims, payload);
  // We signed it, in another version's format, so it is not a forgery.
  if (!claims.success) return "expired";
  const { jti: id, rules, subject, grantedAt, exp } = claims.output;
  const named = rules.flatMap((of) => {
    const namespace = namespaceOfRule(of);
    const names = of.slice(namespace.length + 1).split(",");
    return names.map((name) => `${namespace}+${name}`);
  });
  return { id, rules: named, subject, grantedAt, expires: exp };
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}
