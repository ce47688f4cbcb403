import * as v from "valibot";
import { signCredential } from "../auth/login/token.ts";
import { MAX_NAMESPACES, WORKLOAD, workloadActor } from "../auth/oidc/workload.ts";
import { exchange } from "../auth/oidc/workload-login.ts";
import { namespaceOfRule } from "../auth/oidc/trust.ts";
import { isNamespace } from "../oci/reference.ts";
import { type AuditEntry, auditEvent } from "../db/audit.ts";
import type { Context } from "../http/context.ts";
import { scopesOf } from "./grants.ts";
import { invalid, readJson } from "../http/input.ts";
import { timestamp } from "../http/resource.ts";

const WANTED = `name the 1 to ${MAX_NAMESPACES} namespaces that the login is for, such as ["acme"]`;

const Exchange = v.strictObject({
  token: v.string(),
  namespaces: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.check(isNamespace, WANTED)), WANTED),
      v.minLength(1, WANTED),
      v.maxLength(MAX_NAMESPACES, WANTED),
    ),
  ),
});

/**
 * Exchanges an ID token for a password that Docker can log in with: for the scopes of the rules that it satisfies, and
 * for minutes. Only the named namespaces' rules are compared, since anyone may make rules for anyone's tokens.
 */
export async function create({ request, initiator, auth, registry }: Context): Promise<Response> {
  const { token, namespaces } = await readJson(request, Exchange);
  if (namespaces === undefined) throw invalid("namespaces", WANTED);
  const workload = await exchange(token, [...new Set(namespaces)], auth);
  const { subject } = workload;
  const rules = workload.ruleGrants.map(({ rule }) => rule);
  const signed = await signCredential(workload, auth.signing);
  // Awaited, so that every credential is in the log. Each namespace gets an audit entry, which its owners can read.
  const events = [...Map.groupBy(rules, namespaceOfRule)].map(([namespace, [first, ...others]]) => {
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
  return Response.json({
    username: WORKLOAD,
    password: signed.token,
    expiresAt: timestamp(signed.expires * 1000),
    rules,
    scopes: scopesOf(workloadActor(workload).grants),
  });
}
