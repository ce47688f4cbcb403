import { signCredential } from "../auth/login/token.ts";
import { WORKLOAD, workloadActor } from "../auth/oidc/workload.ts";
import { exchange } from "../auth/oidc/workload-login.ts";
import { namespaceOfRule } from "../auth/oidc/trust.ts";
import { type AuditEntry, auditEvent } from "../db/audit.ts";
import { timestamp } from "../http/resource.ts";
import { one } from "./answer.ts";
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
    // Awaited, so that every credential is in the log. Each namespace gets an audit entry, which its owners can read.
    const byNamespace = [...Map.groupBy(rules, namespaceOfRule)];
    const events = byNamespace.map(([namespace, [first, ...others]]) => {
      const detail = others.length === 0 ? {} : { detail: `also by ${others.join(", ")}` };
      const entry: AuditEntry = {
        action: "oidc.exchange",
        namespace,
        reference: first ?? namespace,
        ...detail,
      };
      const actor = `${WORKLOAD}:${entry.reference}`;
      return auditEvent({ ...initiator, actor, via: "oidc", subject }, entry, "done");
    });
    await registry.audit.add(events);
    return {
      username: WORKLOAD,
      password: signed.token,
      expiresAt: timestamp(signed.expires * 1000),
      rules,
      scopes: scopesOf(workloadActor(workload).grants),
    };
  },
);

export const EXCHANGE: readonly Endpoint[] = [create];
