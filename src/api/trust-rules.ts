import type * as v from "valibot";
import { checkRule } from "../auth/oidc/trust-check.ts";
import { selectorOf, type TrustRule as Rule } from "../auth/oidc/trust.ts";
import type { Settings } from "../settings.ts";
import { isRefusal, RegistryError } from "../oci/errors.ts";
import type { StoredRule } from "../db/trust-rules.ts";
import { invalid, requireWithin } from "../http/input.ts";
import { requireChange, requireCreated, timestamp, wantedVersion } from "../http/resource.ts";
import { changed, created, none, page, versioned } from "./answer.ts";
import { type Call, type Endpoint, endpoint } from "./endpoint.ts";
import { PAGE, paged, withNext } from "./query.ts";
import { NewTrustRule, TrustRule, TrustRuleChange } from "./schema/namespaces.ts";

/** Tries of a change: when several writers race, one of them wins each round. */
const MAX_TRIES = 4;

const list = endpoint(
  "GET /namespaces/:namespace/trust-rules",
  {
    id: "listTrustRules",
    summary: "List trust rules",
    access: "own",
    query: PAGE,
    answer: page(TrustRule),
    refuses: ["NOT_FOUND"],
  },
  async ({ query, params, registry }) => {
    const rules = await registry.trustRules.list(params.namespace, withNext(query));
    return paged(query, rules.map(view), ({ name }) => name);
  },
);

const create = endpoint(
  "POST /namespaces/:namespace/trust-rules",
  {
    id: "createTrustRule",
    summary: "Trust an issuer's ID tokens",
    access: "own",
    lasts: () => "a trust rule",
    body: NewTrustRule,
    answer: created(TrustRule),
    refuses: ["CONFLICT", "NOT_FOUND"],
  },
  async ({ body: { name, ...given }, params: { namespace }, initiator, registry, settings }) => {
    const rule = { ...given, id: `${namespace}+${name}`, version: 1, createdAt: Date.now() };
    requireSound(namespace, rule, settings);
    const creation = await registry.trustRules.create(namespace, rule, selectorOf(rule), initiator);
    requireCreated(creation, `the rule ${rule.id}`);
    return { value: view(rule), location: `/namespaces/${namespace}/trust-rules/${name}` };
  },
);

const read = endpoint(
  "GET /namespaces/:namespace/trust-rules/:rule",
  {
    id: "readTrustRule",
    summary: "Read a trust rule",
    access: "own",
    answer: versioned(TrustRule),
    refuses: ["NOT_FOUND"],
  },
  async ({ params, registry }) => view(await registry.trustRules.find(idOf(params))),
);

const update = endpoint(
  "PATCH /namespaces/:namespace/trust-rules/:rule",
  {
    id: "updateTrustRule",
    summary: "Change a trust rule",
    access: "own",
    lasts: () => "a changed trust rule",
    body: TrustRuleChange,
    ifMatch: true,
    answer: changed(TrustRule),
    refuses: ["CONFLICT", "NOT_FOUND"],
  },
  async (call) => {
    const { request, params, registry } = call;
    const wanted = await wantedVersion(request, () => registry.trustRules.find(idOf(params)));
    requireChange(call.body);
    for (let tries = 1; ; tries++) {
      try {
        return view(await write(call, wanted));
      } catch (error) {
        const isRace = wanted === null && isRefusal(error, "VERSION_MISMATCH");
        if (!isRace) throw error;
        if (tries < MAX_TRIES) continue;
        // Not 412: the request set no condition.
        const message = "others are changing this rule at the same time: try again";
        throw new RegistryError("CONFLICT", { message, cause: error });
      }
    }
  },
);

const remove = endpoint(
  "DELETE /namespaces/:namespace/trust-rules/:rule",
  {
    id: "deleteTrustRule",
    summary: "Delete a trust rule",
    access: "own",
    ifMatch: true,
    answer: none,
    refuses: ["NOT_FOUND"],
  },
  async ({ request, params, initiator, registry: { trustRules } }) => {
    const version = await wantedVersion(request, () => trustRules.find(idOf(params)));
    await trustRules.remove(params.namespace, idOf(params), version, initiator);
  },
);

export const TRUST_RULES: readonly Endpoint[] = [list, create, read, update, remove];

/**
 * Writes the whole changed rule, since only a whole rule can be checked, unless another one was written in the
 * meantime.
 * @throws VERSION_MISMATCH
 */
async function write(
  {
    params,
    body,
    initiator,
    registry,
    settings,
  }: Call<"namespace" | "rule", v.InferOutput<typeof TrustRuleChange>, unknown>,
  wanted: number | null,
): Promise<StoredRule> {
  const current = await registry.trustRules.find(idOf(params));
  const rule = {
    id: current.id,
    issuer: body.issuer ?? current.issuer,
    audience: body.audience ?? current.audience,
    claims: body.claims ?? current.claims,
    scopes: body.scopes ?? current.scopes,
    lifetime: body.lifetime ?? current.lifetime,
  };
  requireSound(params.namespace, rule, settings);
  const place = { version: wanted ?? current.version, selector: selectorOf(rule) };
  return registry.trustRules.update(params.namespace, rule, place, initiator);
}

/** @throws FIELD_INVALID for scopes outside the namespace, or a rule that is too loose */
function requireSound(namespace: string, rule: Rule, { insecureIssuers }: Settings): void {
  requireWithin(namespace, rule.scopes);
  const problem = checkRule(rule, { insecure: insecureIssuers });
  if (problem !== null) throw invalid("", problem);
}

function idOf({ namespace, rule }: { readonly namespace: string; readonly rule: string }): string {
  return `${namespace}+${rule}`;
}

function view({ id, createdAt, ...rule }: StoredRule) {
  return { name: id, ...rule, createdAt: timestamp(createdAt) };
}
