import * as v from "valibot";
import type { Context } from "../http/context.ts";
import { readJson } from "../http/input.ts";
import { requireChange } from "../http/resource.ts";

/** null: no limit. */
const limit = v.optional(
  v.nullable(
    v.pipe(v.number(), v.safeInteger("must be a whole number"), v.minValue(0, "must be 0 or more")),
  ),
);
const Limits = v.strictObject({ bytes: limit, repositories: limit });

export async function read({ params, registry }: Context<"namespace">): Promise<Response> {
  return Response.json(await registry.quotas.find(params.namespace));
}

/** What is left out stays as it is. */
export async function update(context: Context<"namespace">): Promise<Response> {
  const { request, params, initiator, registry } = context;
  const limits = await readJson(request, Limits);
  requireChange(limits);
  return Response.json(await registry.quotas.set(params.namespace, limits, initiator));
}
