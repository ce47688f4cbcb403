import * as v from "valibot";
import { workload, WORKLOAD } from "../../auth/login.ts";
import { signCredential } from "../../auth/token.ts";
import { auditEvent } from "../../registry/registry.ts";
import type { Context } from "../context.ts";
import { scopesOf } from "./grants.ts";
import { readJson } from "./input.ts";
import { timestamp } from "./resource.ts";

const Exchange = v.strictObject({ token: v.string() });
const PREFIX = "rule:";

/** An ID token for a password that Docker can log in with: for the scopes of the rules that it matches, and for minutes. */
export async function create({ request, origin, realm, registry }: Context): Promise<Response> {
  const { token } = await readJson(request, Exchange);
  const credentials = { username: WORKLOAD, password: token };
  const actor = await workload(credentials, realm, { repositories: [], scope: null });
  const { name, via, subject } = actor;
  const rules = actor.by.map((rule) => rule.slice(PREFIX.length));
  const signed = await signCredential(actor, realm.signing);
  // Awaited, so that no credential is out that the log knows nothing of; one event for each rule, where its owners look.
  const events = rules.map((rule) => {
    const [namespace = rule] = rule.split("+", 1);
    const detail = subject ?? "";
    const deed = { action: "oidc.exchange", namespace, reference: rule, detail };
    return auditEvent({ ...origin, actor: name, via, subject }, deed, "done");
  });
  await registry.audit.add(events);
  return Response.json({
    username: WORKLOAD,
    password: signed.token,
    expiresAt: timestamp(signed.expires * 1000),
    rules,
    scopes: scopesOf(actor.grants),
  });
}
