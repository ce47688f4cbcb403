import * as v from "valibot";
import { verifyWorkload } from "../../auth/login.ts";
import { signCredential } from "../../auth/token.ts";
import { WORKLOAD, workloadActor } from "../../auth/workload.ts";
import { auditEvent } from "../../registry/registry.ts";
import type { Context } from "../context.ts";
import { scopesOf } from "./grants.ts";
import { readJson } from "./input.ts";
import { timestamp } from "./resource.ts";

const Exchange = v.strictObject({ token: v.string() });

/** An ID token for a password that Docker can log in with: for the scopes of the rules that it matches, and for minutes. */
export async function create({ request, origin, realm, registry }: Context): Promise<Response> {
  const { token } = await readJson(request, Exchange);
  const purpose = { repositories: [], scope: null, suffices: null };
  const workload = await verifyWorkload(token, realm, purpose);
  const { subject } = workload;
  const rules = workload.admissions.map(({ rule }) => rule);
  const signed = await signCredential(workload, realm.signing);
  // Awaited, so that no credential is out that the log knows nothing of; one event for each rule, where its owners look.
  const events = rules.map((rule) => {
    const [namespace = rule] = rule.split("+", 1);
    const deed = { action: "oidc.exchange", namespace, reference: rule };
    const actor = `${WORKLOAD}:${rule}`;
    return auditEvent({ ...origin, actor, via: "oidc", subject }, deed, "done");
  });
  await registry.audit.add(events);
  return Response.json({
    username: WORKLOAD,
    password: signed.token,
    expiresAt: timestamp(signed.expires * 1000),
    rules,
    scopes: scopesOf(workloadActor(workload, []).grants),
  });
}
