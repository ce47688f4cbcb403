import { ADMIN } from "../auth/login/admin.ts";
import { parseNamespace } from "../oci/reference.ts";
import type { NamespaceRecord } from "../db/namespaces.ts";
import { invalid } from "../http/input.ts";
import { requireChange, requireCreated, timestamp, wantedVersion } from "../http/resource.ts";
import { changed, created, none, page, versioned } from "./answer.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { namespacesOf } from "./grants.ts";
import { PAGE, paged, withNext } from "./query.ts";
import { Namespace, NamespaceChange, NewNamespace } from "./schema/namespaces.ts";

const list = endpoint(
  "GET /namespaces",
  {
    id: "listNamespaces",
    summary: "List the namespaces in which the caller has a right",
    access: "login",
    query: PAGE,
    answer: page(Namespace),
  },
  async ({ query, actor, registry }) => {
    const ranges = namespacesOf(actor);
    const some =
      ranges === "all"
        ? await registry.namespaces.list(withNext(query))
        : await registry.namespaces.listAmong(ranges, withNext(query));
    return paged(query, some.map(view), ({ name }) => name);
  },
);

const create = endpoint(
  "POST /namespaces",
  {
    id: "createNamespace",
    summary: "Create a namespace",
    access: "administer",
    lasts: ({ owner, visibility }) =>
      owner !== undefined
        ? "a namespace's owner"
        : visibility === "public"
          ? "a public namespace"
          : null,
    body: NewNamespace,
    answer: created(Namespace),
    refuses: ["CONFLICT", "NAME_INVALID"],
  },
  async ({ body: { visibility, immutableTags, owner = null, ...body }, initiator, registry }) => {
    const name = parseNamespace(body.name);
    const namespace = { name, visibility, immutableTags, createdAt: Date.now(), version: 1 };
    // PUT /members refuses this user too.
    if (owner === ADMIN) {
      throw invalid("owner", "the built-in administrator owns everything and needs no role");
    }
    const creation = await registry.namespaces.create(namespace, owner, initiator);
    if (creation === "orphan") throw invalid("owner", `there is no user ${owner}: create it first`);
    requireCreated(creation, `the namespace ${name}`);
    return { value: view(namespace), location: `/namespaces/${name}` };
  },
);

const read = endpoint(
  "GET /namespaces/:namespace",
  {
    id: "readNamespace",
    summary: "Read a namespace",
    access: "own",
    answer: versioned(Namespace),
    refuses: ["NOT_FOUND"],
  },
  async ({ params, registry }) => view(await registry.namespaces.find(params.namespace)),
);

const update = endpoint(
  "PATCH /namespaces/:namespace",
  {
    id: "updateNamespace",
    summary:
      "Change a namespace: the visibility of new repositories, and the immutable tags of all",
    access: "own",
    lasts: ({ visibility }) => (visibility === "public" ? "a public namespace" : null),
    body: NamespaceChange,
    ifMatch: true,
    answer: changed(Namespace),
    refuses: ["NOT_FOUND"],
  },
  async ({ request, body, params: { namespace }, initiator, registry: { namespaces } }) => {
    const version = await wantedVersion(request, () => namespaces.find(namespace));
    requireChange(body);
    return view(await namespaces.update(namespace, body, version, initiator));
  },
);

const remove = endpoint(
  "DELETE /namespaces/:namespace",
  {
    id: "deleteNamespace",
    summary: "Delete a namespace without repositories",
    access: "administer",
    ifMatch: true,
    answer: none,
    refuses: ["CONFLICT", "NOT_FOUND"],
  },
  async ({ request, params: { namespace }, initiator, registry: { namespaces } }) => {
    const version = await wantedVersion(request, () => namespaces.find(namespace));
    await namespaces.remove(namespace, version, initiator);
  },
);

export const NAMESPACES: readonly Endpoint[] = [list, create, read, update, remove];

function view(namespace: NamespaceRecord) {
  return { ...namespace, createdAt: timestamp(namespace.createdAt) };
}
