/** Logs workloads in, with an ID token or with the credential that they exchanged it for. */
import { RegistryError } from "../../oci/errors.ts";
import { type Actor, withPublic } from "../policy/access.ts";
import type { Credentials, AuthTarget, AuthContext } from "../context.ts";
import { failed, type LoginFailed, type Tried } from "../login/login-failed.ts";
import { lookupOf, type VerifiedClaims, verifyIdToken } from "./id-token.ts";
import type { Trust } from "../identity-store.ts";
import {
  loginKey,
  onRevocationsFor,
  cachedLogin,
  withCachedPublic,
  cacheWriter,
} from "../login/login-cache.ts";
import { revokedAmong } from "../login/revocation.ts";
import { verifyCredential } from "../login/token.ts";
import { compare, namespaceOfRule, type TrustRule } from "./trust.ts";
import {
  credentialSubject,
  matchedRules,
  explain,
  type Explanation,
  MAX_NAMESPACES,
  namespacesAmong,
  ruleSubject,
  WORKLOAD,
  type Workload,
  workloadActor,
} from "./workload.ts";

/** Logs in with a credential of POST /api/v1/oidc/exchange. Its rights are read again, from the rules that it names. */
export async function exchanged(
  { username, password }: Credentials,
  auth: AuthContext,
  target: AuthTarget,
): Promise<Actor> {
  const credential = await verifyCredential(password, auth.signing);
  const refuse = (reason: string, tried: Tried = "secret") =>
    failed({ user: WORKLOAD, tried, reason }, auth, target);
  if (credential === "expired") throw await refuse("the credential has expired");
  if (typeof credential === "string") {
    throw await refuse("the credential is not ours", credential === "foreign" ? null : "secret");
  }
  if (username !== WORKLOAD) throw await refuse("the credential was revoked or is another's");
  const { identities } = auth;
  const { repositories } = target;
  const namespaces = namespacesAmong(repositories);
  // The credential's rights depend on the namespaces asked for, so these are part of the cache key.
  const who = `${WORKLOAD} ${namespaces.toSorted().join(" ")}`;
  const key = await loginKey({ username: who, password }, auth.signing.key, "");
  const known = target.isSufficient === null ? null : cachedLogin(key, identities);
  if (known !== null) {
    const actor = withCachedPublic(known.actor, repositories, identities);
    if (target.isSufficient?.(actor) === true) return actor;
  }
  const concerned = credential.rules.filter(
    (rule) => repositories.length === 0 || namespaces.includes(namespaceOfRule(rule)),
  );
  const cache = cacheWriter(identities);
  const record = await identities.rulesNamed(
    concerned,
    repositories,
    onRevocationsFor(auth, target),
  );
  const { grantedAt, subject } = credential;
  const itself = credentialSubject(credential.id);
  const dependsOn = [itself, ...credential.rules.map(ruleSubject)];
  const revoked = await revokedAmong(dependsOn, grantedAt, auth, "fresh");
  const isOver = credential.rules.every((rule) => revoked.includes(ruleSubject(rule)));
  if (isOver || revoked.includes(itself)) {
    throw await refuse("the credential was revoked or is another's");
  }
  const left = record.rules.filter(({ id }) => !revoked.includes(ruleSubject(id)));
  const ruleGrants = matchedRules(left, grantedAt).filter(({ until }) => until * 1000 > Date.now());
  const actor = workloadActor({ ruleGrants, subject, grantedAt }, credential);
  cache.login(key, actor, null);
  cache.publics(record);
  return withPublic(actor, record.public, record.readAt);
}

/** Logs in with an ID token itself. @throws REQUEST_INVALID for too many namespaces at once */
export async function identified(
  { password }: Credentials,
  auth: AuthContext,
  target: AuthTarget,
): Promise<Actor> {
  const namespaces = namespacesAmong(target.repositories);
  if (namespaces.length > MAX_NAMESPACES) {
    const message = `an ID token is a login for at most ${MAX_NAMESPACES} namespaces at a time`;
    throw new RegistryError("REQUEST_INVALID", { message });
  }
  const wanted = { namespaces, others: true, auth, target };
  const { claims, trust } = await verifyWorkload(password, wanted);
  const { matching, mismatches } = compare(trust.rules, claims);
  const { readAt: grantedAt } = trust;
  const workload = {
    ruleGrants: matchedRules(matching, Date.now()),
    subject: subjectOf(claims),
    grantedAt,
  };
  const actor = withPublic(workloadActor(workload), trust.public);
  if (matching.length > 0) return actor;
  // A token that satisfies rules of other namespaces may do here what the public may.
  const isKnown = trust.hasMore || compare(trust.others, claims).matching.length > 0;
  const isSufficient = target.isSufficient?.(actor) ?? trust.public.length > 0;
  if (isKnown && (isSufficient || mismatches.length === 0)) return actor;
  const explained = explain(claims.sub, mismatches);
  const hint = "; exchange it for the namespaces that it is for to hear why";
  const message = namespaces.length === 0 ? explained.message + hint : explained.message;
  throw await unmatched({ ...explained, message }, claims, { auth, target });
}

/**
 * Finds the rules of the named namespaces that an ID token satisfies. Each namespace must have one, so that a missing
 * one is reported and not just left out.
 * @throws LoginFailed
 */
export async function exchange(
  token: string,
  namespaces: readonly string[],
  auth: AuthContext,
): Promise<Workload> {
  const target = { repositories: [], scope: null, isSufficient: null };
  const wanted = { namespaces, others: false, auth, target };
  const { claims, trust } = await verifyWorkload(token, wanted);
  const { matching, mismatches } = compare(trust.rules, claims);
  const missing = namespaces.filter((namespace) => !hasRule(matching, namespace));
  if (missing.length === 0) {
    const { readAt: grantedAt } = trust;
    return { ruleGrants: matchedRules(matching, grantedAt), subject: subjectOf(claims), grantedAt };
  }
  const unruled = missing.filter((namespace) => !hasRule(trust.rules, namespace));
  const concerned = mismatches.filter(({ namespace }) => missing.includes(namespace));
  throw await unmatched(explain(claims.sub, concerned, unruled), claims, { auth, target });
}

function hasRule(rules: readonly TrustRule[], namespace: string): boolean {
  return rules.some(({ id }) => namespaceOfRule(id) === namespace);
}

interface Wanted {
  readonly namespaces: readonly string[];
  /** Whether to read rules of other namespaces too, to tell if the token is valid anywhere. */
  readonly others: boolean;
  readonly auth: AuthContext;
  readonly target: AuthTarget;
}

/** Verifies an ID token and reads the rules for its issuer. @throws LoginFailed */
async function verifyWorkload(
  token: string,
  { namespaces, others, auth, target }: Wanted,
): Promise<{ readonly claims: VerifiedClaims; readonly trust: Trust }> {
  const lookup = lookupOf(token);
  const failure = { user: WORKLOAD, tried: "secret" } as const;
  if (lookup === null) {
    const reason = "send an OIDC ID token";
    throw await failed({ ...failure, tried: null, reason }, auth, target);
  }
  const { repositories } = target;
  const selectors = others ? lookup.selectors : [];
  const query = { issuer: lookup.issuer, namespaces, selectors, repositories };
  const trust = await auth.identities.trusting(query, onRevocationsFor(auth, target));
  const options = { insecure: auth.insecureIssuers };
  const rules = [...trust.rules, ...trust.others];
  const verified = await verifyIdToken(token, rules, options);
  if (!verified.ok) {
    // Anyone can write a token of an issuer that no rule names, so such a failure concerns nobody here.
    const tried = rules.length === 0 ? null : failure.tried;
    throw await failed({ ...failure, ...verified, tried }, auth, target);
  }
  return { claims: verified.claims, trust };
}

function unmatched(
  { message, records }: Explanation,
  claims: VerifiedClaims,
  { auth, target }: Pick<Wanted, "auth" | "target">,
): Promise<LoginFailed> {
  const subject = subjectOf(claims);
  const reason = "no trust rule matches";
  const failure = { user: WORKLOAD, tried: "secret", reason, message } as const;
  return failed({ ...failure, workload: { subject, records } }, auth, target);
}

function subjectOf({ sub }: VerifiedClaims): string {
  return sub.slice(0, 200);
}
