import * as v from "valibot";
import { ADMIN } from "../auth/login/admin.ts";
import { parseNamespace } from "../oci/reference.ts";
import type { NamespaceRecord } from "../db/namespaces.ts";
import type { Context } from "../http/context.ts";
import { namespacesOf } from "./grants.ts";
import { accountName, invalid, readJson } from "../http/input.ts";
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
import { immutableTags } from "./tag-rules.ts";

const visibility = v.picklist(["private", "public"]);

const NewNamespace = v.strictObject({
  name: v.string(),
  visibility: v.optional(visibility, "private"),
  immutableTags: v.optional(immutableTags, []),
  owner: v.optional(accountName),
});

const NamespaceChange = v.strictObject({
  visibility: v.optional(visibility),
  immutableTags: v.optional(immutableTags),
});

/** Lists the namespaces in which the caller has any right. */
export async function list({ url, actor, registry }: Context): Promise<Response> {
  const page = pageOf(url.searchParams);
  const ranges = namespacesOf(actor);
  const some =
    ranges === "all"
      ? await registry.namespaces.list(page)
      : await registry.namespaces.listAmong(ranges, page);
  return listing(url, page, some.map(view), ({ name }) => name);
}

export async function create({ request, actor, initiator, registry }: Context): Promise<Response> {
  const given = await readJson(request, NewNamespace);
  if (given.owner !== undefined) requireLasting(actor, "a namespace's owner");
  if (given.visibility === "public") requireLasting(actor, "a public namespace");
  const name = parseNamespace(given.name);
  const namespace = {
    name,
    visibility: given.visibility,
    immutableTags: given.immutableTags,
    createdAt: Date.now(),
    version: 1,
  };
  const owner = given.owner ?? null;
  // PUT /members refuses this user too.
  if (owner === ADMIN) {
    throw invalid("owner", "the built-in administrator owns everything and needs no role");
  }
  const creation = await registry.namespaces.create(namespace, owner, initiator);
  if (creation === "orphan") throw invalid("owner", `there is no user ${owner}: create it first`);
  requireCreated(creation, `the namespace ${name}`);
  return resource(view(namespace), { status: 201, location: `/api/v1/namespaces/${name}` });
}

export async function read(context: Context<"namespace">): Promise<Response> {
  const { request, params, registry } = context;
  return found(request, view(await registry.namespaces.find(params.namespace)));
}

export async function update(context: Context<"namespace">): Promise<Response> {
  const { request, params, actor, initiator, registry } = context;
  const { namespaces } = registry;
  const version = await wantedVersion(request, () => namespaces.find(params.namespace));
  const given = await readJson(request, NamespaceChange);
  requireChange(given);
  if (given.visibility === "public") requireLasting(actor, "a public namespace");
  return resource(view(await namespaces.update(params.namespace, given, version, initiator)));
}

export async function remove(context: Context<"namespace">): Promise<Response> {
  const { request, params, initiator, registry } = context;
  const { namespaces } = registry;
  const version = await wantedVersion(request, () => namespaces.find(params.namespace));
  await namespaces.remove(params.namespace, version, initiator);
  return noContent();
}

function view(namespace: NamespaceRecord) {
  return { ...namespace, createdAt: timestamp(namespace.createdAt) };
}
