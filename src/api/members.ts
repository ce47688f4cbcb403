import { ADMIN } from "../auth/login/admin.ts";
import { RegistryError } from "../oci/errors.ts";
import { type Member as StoredMember, memberKey } from "../db/members.ts";
import { requireWithin } from "../http/input.ts";
import { timestamp } from "../http/resource.ts";
import { none, page, set } from "./answer.ts";
import { type Endpoint, endpoint, type QueryField } from "./endpoint.ts";
import { LAST_OWNER, PAGE, paged, withNext } from "./query.ts";
import { Member, Membership } from "./schema/namespaces.ts";

const list = endpoint(
  "GET /namespaces/:namespace/members",
  {
    id: "listMembers",
    summary: "List who has which role",
    access: "own",
    query: PAGE,
    answer: page(Member),
    refuses: ["NOT_FOUND"],
  },
  async ({ query, params, registry }) => {
    const found = await registry.members.list(params.namespace, withNext(query));
    const { items, next } = paged(query, found, memberKey);
    return { items: items.map(view), next };
  },
);

/** Sets the role of a user for a pattern; there is one for each, so a new one replaces the old one. */
const write = endpoint(
  "PUT /namespaces/:namespace/members/:user",
  {
    id: "setMember",
    summary: "Give a user a role",
    access: "own",
    requires: [
      {
        rule: "The built-in administrator gets no role.",
        check: ({ params }) => {
          if (params.user !== ADMIN) return;
          const message = "the built-in administrator owns everything and needs no role";
          throw new RegistryError("DENIED", { message });
        },
      },
    ],
    lasts: () => "a role",
    query: { lastOwner: LAST_OWNER },
    body: Membership,
    answer: set(Member),
    refuses: ["CONFLICT", "NOT_FOUND", "VERSION_MISMATCH"],
  },
  async ({ request, query, body, params: { namespace, user }, initiator, registry }) => {
    const { role, repositories = `${namespace}/*` } = body;
    requireWithin(namespace, [{ repositories }]);
    const wanted = { user, repositories, role, createdAt: Date.now() };
    // RFC 9110 § 13.1.2: with `*` the request only creates a role and changes none.
    const over = request.headers.get("if-none-match")?.trim() === "*" ? "nothing" : "any";
    const rules = { over, lastOwner: query.lastOwner } as const;
    const { member, created } = await registry.members.set(namespace, wanted, rules, initiator);
    return { value: view(member), isNew: created };
  },
);

/** An empty pattern is not taken for none: it would take all roles away. */
const PATTERN: QueryField<string | null> = {
  name: "repositories",
  schema: {
    type: "string",
    description: "The pattern whose role is taken away; without it, all of the user's here.",
  },
  parse: (given) => given,
};

const remove = endpoint(
  "DELETE /namespaces/:namespace/members/:user",
  {
    id: "removeMember",
    summary: "Take a user's roles away",
    access: "own",
    query: {
      pattern: PATTERN,
      lastOwner: LAST_OWNER,
    },
    answer: none,
    refuses: ["CONFLICT", "NOT_FOUND"],
  },
  async ({ query, params, initiator, registry }) => {
    const { pattern, lastOwner } = query;
    const removal = { user: params.user, pattern, lastOwner };
    await registry.members.remove(params.namespace, removal, initiator);
  },
);

export const MEMBERS: readonly Endpoint[] = [list, write, remove];

function view({ user, repositories, role, createdAt }: StoredMember) {
  return { user, repositories, role, createdAt: timestamp(createdAt) };
}
