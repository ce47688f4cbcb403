import type { Actor } from "../auth/policy/access.ts";
import { signCredential } from "../auth/login/token.ts";
import { rulesOf, sentCredential, WORKLOAD, workloadActor } from "../auth/oidc/workload.ts";
import { exchange } from "../auth/oidc/workload-login.ts";
import { namespaceOfRule } from "../auth/oidc/trust.ts";
import { type AuditEvent, auditEvent, type EntryOf, type Initiator } from "../db/audit.ts";
import { RegistryError } from "../oci/errors.ts";
import { timestamp } from "../http/resource.ts";
import { none, one } from "./answer.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { scopesOf } from "./grants.ts";
import { Exchange, Exchanged } from "./schema/namespaces.ts";

/**
 * Exchanges an ID token for a password that Docker can log in with: for the scopes of the rules that it satisfies, and
 * for minutes. Only the named namespaces' rules are compared, since anyone may make rules for anyone's tokens.
 */
const create = endpoint(
  "POST /oidc/exchange",
  {
    id: "exchangeToken",
    summary: "Exchange an ID token for a password that lasts at most an hour",
    access: "none",
    body: Exchange,
    answer: one(Exchanged),
  },
  async ({ body: { token, namespaces = [] }, initiator, auth, registry }) => {
    const workload = await exchange(token, [...new Set(namespaces)], auth);
    const { subject } = workload;
    const rules = workload.ruleGrants.map(({ rule }) => rule);
    const signed = await signCredential(workload, auth.signing);
    // Awaited, so that every credential is in the log.
    await registry.audit.add(eventsOf("oidc.exchange", rules, { ...initiator, subject }));
    return {
      username: WORKLOAD,
      password: signed.token,
      expiresAt: timestamp(signed.expires * 1000),
      rules,
      scopes: scopesOf(workloadActor(workload).grants),
    };
  },
);

/** Ends a credential before its time, such as at the end of the job that it was for. */
const remove = endpoint(
  "DELETE /oidc/credential",
  {
    id: "revokeCredential",
    summary:
      "End the exchanged credential that the request is sent with, and all that was signed by it",
    access: "login",
    requires: [
      {
        rule: "Only with a credential that an ID token was exchanged for.",
        check: ({ actor }) => void credentialOf(actor),
      },
    ],
    answer: none,
  },
  async ({ actor, initiator, registry }) => {
    const events = eventsOf("oidc.revoke", rulesOf(actor), initiator);
    await registry.credentials.revoke(credentialOf(actor), events);
  },
);

export const EXCHANGE: readonly Endpoint[] = [create, remove];

/** @throws DENIED unless the caller sent an exchanged credential */
function credentialOf(actor: Actor): string {
  const subject = sentCredential(actor);
  if (subject !== null) return subject;
  const message =
    "this ends the credential that it is sent with, if an ID token was exchanged for it";
  throw new RegistryError("DENIED", { message });
}

type Entry = EntryOf<"oidc.exchange"> | EntryOf<"oidc.revoke">;

/**
 * Returns one audit event for each namespace, which its owners can read; one without a namespace for a credential of
 * which no rule is left.
 */
function eventsOf(
  action: Entry["action"],
  rules: readonly string[],
  initiator: Initiator,
): AuditEvent[] {
  const entries = [...Map.groupBy(rules, namespaceOfRule)].map(
    ([namespace, [reference = namespace, ...others]]): Entry => {
      const also = others.length === 0 ? {} : { detail: `also by ${others.join(", ")}` };
      return { action, namespace, reference, ...also };
    },
  );
  const bare: Entry = { action, reference: WORKLOAD };
  return (entries.length === 0 ? [bare] : entries).map((entry) => {
    const actor = entry.namespace === undefined ? WORKLOAD : `${WORKLOAD}:${entry.reference}`;
    return auditEvent({ ...initiator, actor, via: "oidc" }, entry, "done");
  });
}
