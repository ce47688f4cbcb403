import * as v from "valibot";
import { ROLES } from "../auth/policy/access.ts";
import { ADMIN } from "../auth/login/admin.ts";
import { RegistryError } from "../oci/errors.ts";
import { type Member, memberKey } from "../db/members.ts";
import type { Context } from "../http/context.ts";
import { pattern, readJson, requireWithin } from "../http/input.ts";
import { requireLasting } from "./lasting.ts";
import { listing, pageOf } from "../http/list.ts";
import { lastOwnerOf, noContent, timestamp } from "../http/resource.ts";

const Membership = v.strictObject({
  role: v.picklist(ROLES),
  repositories: v.optional(pattern),
});

export async function list({ url, params, registry }: Context<"namespace">): Promise<Response> {
  const page = pageOf(url.searchParams);
  const members = await registry.members.list(params.namespace, page);
  return listing(url, page, members.map(view), memberKey);
}

/** Sets the role of a user for a pattern; there is one for each, so a new one replaces the old one. */
export async function write(context: Context<"namespace" | "user">): Promise<Response> {
  const { request, url, params, actor, initiator, registry } = context;
  const { namespace, user } = params;
  if (user === ADMIN) {
    const message = "the built-in administrator owns everything and needs no role";
    throw new RegistryError("DENIED", { message });
  }
  const { role, repositories = `${namespace}/*` } = await readJson(request, Membership);
  requireWithin(namespace, [{ repositories }]);
  requireLasting(actor, "a role");
  const wanted = { user, repositories, role, createdAt: Date.now() };
  // RFC 9110 § 13.1.2: with `*` the request only creates a role and changes none.
  const over = request.headers.get("if-none-match")?.trim() === "*" ? "nothing" : "any";
  const rules = { over, lastOwner: lastOwnerOf(url) } as const;
  const { member, created } = await registry.members.set(namespace, wanted, rules, initiator);
  // No Location: roles are listed, and have no paths of their own.
  return Response.json(view(member), { status: created ? 201 : 200 });
}

export async function remove(context: Context<"namespace" | "user">): Promise<Response> {
  const { url, params, initiator, registry } = context;
  const one = url.searchParams.get("repositories");
  const removal = { user: params.user, pattern: one, lastOwner: lastOwnerOf(url) };
  await registry.members.remove(params.namespace, removal, initiator);
  return noContent();
}

function view({ user, repositories, role, createdAt }: Member) {
  return { user, repositories, role, createdAt: timestamp(createdAt) };
}
