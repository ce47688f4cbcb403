import * as v from "valibot";
import { checkRule } from "../auth/oidc/trust-check.ts";
import { selectorOf, type TrustRule } from "../auth/oidc/trust.ts";
import type { Settings } from "../settings.ts";
import { isRefusal, RegistryError } from "../oci/errors.ts";
import type { StoredRule } from "../db/trust-rules.ts";
import type { Context } from "../http/context.ts";
import { accountName, invalid, readJson, requireWithin, scopes } from "../http/input.ts";
import { requireLasting } from "./lasting.ts";
import { listing, pageOf } from "../http/list.ts";
import {
  found,
  noContent,
  requireChange,
  requireCreated,
  resource,
  timestamp,
  wantedVersion,
} from "../http/resource.ts";

const DEFAULT_LIFETIME = 900;
/** Tries of a change: when several writers race, one of them wins each round. */
const MAX_TRIES = 4;

/** Claims that valibot's record ignores: a condition that is ignored would let other tokens in. */
const UNNAMEABLE = ["__proto__", "constructor", "prototype"];

const claims = v.pipe(
  v.unknown(),
  v.check(
    (given) => !UNNAMEABLE.some((name) => Object.hasOwn(Object(given) as object, name)),
    `a claim cannot be called ${UNNAMEABLE.join(" or ")}`,
  ),
  v.record(v.string(), v.array(v.string())),
);

const FIELDS = {
  issuer: v.string(),
  audience: v.string(),
  claims,
  scopes,
  lifetime: v.number(),
};

const NewRule = v.strictObject({
  name: accountName,
  ...FIELDS,
  lifetime: v.optional(FIELDS.lifetime, DEFAULT_LIFETIME),
});

const RuleChange = v.strictObject({
  issuer: v.optional(FIELDS.issuer),
  audience: v.optional(FIELDS.audience),
  claims: v.optional(FIELDS.claims),
  scopes: v.optional(FIELDS.scopes),
  lifetime: v.optional(FIELDS.lifetime),
});

export async function list({ url, params, registry }: Context<"namespace">): Promise<Response> {
  const page = pageOf(url.searchParams);
  const rules = await registry.trustRules.list(params.namespace, page);
  return listing(url, page, rules.map(view), ({ name }) => name);
}

export async function create(context: Context<"namespace">): Promise<Response> {
  const { request, params, actor, initiator, registry, settings } = context;
  const { namespace } = params;
  const { name, ...given } = await readJson(request, NewRule);
  const rule = { ...given, id: `${namespace}+${name}`, version: 1, createdAt: Date.now() };
  requireSound(namespace, rule, settings);
  requireLasting(actor, "a trust rule");
  const creation = await registry.trustRules.create(namespace, rule, selectorOf(rule), initiator);
  requireCreated(creation, `the rule ${rule.id}`);
  const location = `/api/v1/namespaces/${namespace}/trust-rules/${name}`;
  return resource(view(rule), { status: 201, location });
}

export async function read(context: Context<"namespace" | "rule">): Promise<Response> {
  const { request, params, registry } = context;
  return found(request, view(await registry.trustRules.find(idOf(params))));
}

export async function update(context: Context<"namespace" | "rule">): Promise<Response> {
  const { request, params, actor, registry } = context;
  const wanted = await wantedVersion(request, () => registry.trustRules.find(idOf(params)));
  const given = await readJson(request, RuleChange);
  requireChange(given);
  requireLasting(actor, "a changed trust rule");
  for (let tries = 1; ; tries++) {
    try {
      return resource(view(await write(context, given, wanted)));
    } catch (error) {
      const isRace = wanted === null && isRefusal(error, "VERSION_MISMATCH");
      if (!isRace) throw error;
      if (tries < MAX_TRIES) continue;
      // Not 412: the request set no condition.
      const message = "others are changing this rule at the same time: try again";
      throw new RegistryError("CONFLICT", { message, cause: error });
    }
  }
}

/**
 * Writes the whole changed rule, since only a whole rule can be checked, unless another one was written in the
 * meantime.
 * @throws VERSION_MISMATCH
 */
async function write(
  { params, initiator, registry, settings }: Context<"namespace" | "rule">,
  given: v.InferOutput<typeof RuleChange>,
  wanted: number | null,
): Promise<StoredRule> {
  const current = await registry.trustRules.find(idOf(params));
  const rule = {
    id: current.id,
    issuer: given.issuer ?? current.issuer,
    audience: given.audience ?? current.audience,
    claims: given.claims ?? current.claims,
    scopes: given.scopes ?? current.scopes,
    lifetime: given.lifetime ?? current.lifetime,
  };
  requireSound(params.namespace, rule, settings);
  const place = { version: wanted ?? current.version, selector: selectorOf(rule) };
  return registry.trustRules.update(params.namespace, rule, place, initiator);
}

export async function remove(context: Context<"namespace" | "rule">): Promise<Response> {
  const { request, params, initiator, registry } = context;
  const version = await wantedVersion(request, () => registry.trustRules.find(idOf(params)));
  await registry.trustRules.remove(params.namespace, idOf(params), version, initiator);
  return noContent();
}

/** @throws FIELD_INVALID for scopes outside the namespace, or a rule that is too loose */
function requireSound(namespace: string, rule: TrustRule, { insecureIssuers }: Settings): void {
  requireWithin(namespace, rule.scopes);
  const problem = checkRule(rule, { insecure: insecureIssuers });
  if (problem !== null) throw invalid("", problem);
}

function idOf({ namespace, rule }: Context<"namespace" | "rule">["params"]): string {
  return `${namespace}+${rule}`;
}

function view({ id, createdAt, ...rule }: StoredRule) {
  return { name: id, ...rule, createdAt: timestamp(createdAt) };
}
