import { ADMIN } from "../auth/login/admin.ts";
import { hashPassword } from "../auth/login/password.ts";
import type { Context } from "../http/context.ts";
import { RegistryError } from "../oci/errors.ts";
import type { User as StoredUser } from "../db/users.ts";
import {
  disabledView,
  requireChange,
  requireCreated,
  timestamp,
  wantedVersion,
} from "../http/resource.ts";
import { changed, created, none, page, versioned } from "./answer.ts";
import { type Endpoint, endpoint, type Requirement } from "./endpoint.ts";
import { LAST_OWNER, PAGE, paged, withNext } from "./query.ts";
import { NewUser, User, UserChange } from "./schema/accounts.ts";

/** The built-in administrator is no row that could be changed. */
const EDITABLE: Requirement<Context<"user">> = {
  rule: "The built-in administrator stays as it is.",
  check: ({ params }) => {
    if (params.user !== ADMIN) return;
    throw new RegistryError("DENIED", {
      message:
        "the built-in administrator stays as it is; its password is the deployment's secret ADMIN_PASSWORD",
    });
  },
};

const list = endpoint(
  "GET /users",
  {
    id: "listUsers",
    summary: "List all users",
    access: "administer",
    query: PAGE,
    answer: page(User),
  },
  async ({ query, registry }) => {
    const users = await registry.users.list(withNext(query));
    return paged(query, users.map(view), ({ name }) => name);
  },
);

const create = endpoint(
  "POST /users",
  {
    id: "createUser",
    summary: "Create a user",
    access: "administer",
    lasts: () => "a user",
    body: NewUser,
    answer: created(User),
    refuses: ["CONFLICT"],
  },
  async ({ body: { name, admin, password }, initiator, registry }) => {
    const enabled = { disabledAt: null, disabledBy: null };
    const user = { name, admin, ...enabled, createdAt: Date.now(), version: 1 };
    const creation = await registry.users.create(user, await hashPassword(password), initiator);
    requireCreated(creation, `the user ${name}`);
    return { value: view(user), location: `/users/${name}` };
  },
);

const read = endpoint(
  "GET /users/:user",
  {
    id: "readUser",
    summary: "Read a user",
    access: "administer",
    answer: versioned(User),
    refuses: ["NOT_FOUND"],
  },
  async ({ params, registry }) => view(await registry.users.find(params.user)),
);

const update = endpoint(
  "PATCH /users/:user",
  {
    id: "updateUser",
    summary: "Change a user, or disable it; what it logged in with is revoked",
    access: "administer",
    requires: [EDITABLE],
    requiresFor: [
      {
        rule: "Nobody disables themselves.",
        check: ({ body, params, actor }) => {
          if (body.disabled === true && params.user === actor.name) throw themselves("disables");
        },
      },
      {
        // A token must not become a password, which would outlive it; PUT /me/password has the same rule.
        rule: "To change their own password, callers log in with the current one.",
        check: ({ body, params, actor }) => {
          const isOwn = body.password !== undefined && params.user === actor.name;
          if (!isOwn || actor.via === "password") return;
          const message =
            "one's own password is changed by whoever is logged in with the current one";
          throw new RegistryError("DENIED", { message });
        },
      },
    ],
    lasts: ({ admin, password, disabled }) =>
      admin === true
        ? "an administrator"
        : password !== undefined
          ? "a user's password"
          : disabled === false
            ? "an enabled user"
            : null,
    query: { lastOwner: LAST_OWNER },
    body: UserChange,
    ifMatch: true,
    answer: changed(User),
    refuses: ["CONFLICT", "NOT_FOUND"],
  },
  async ({ request, query, body, params, initiator, registry }) => {
    const version = await wantedVersion(request, () => registry.users.find(params.user));
    requireChange(body);
    const change = {
      admin: body.admin ?? null,
      disabled: body.disabled ?? null,
      password: body.password === undefined ? null : await hashPassword(body.password),
      lastOwner: query.lastOwner,
      session: null,
    };
    return view(await registry.users.update(params.user, change, version, initiator));
  },
);

const remove = endpoint(
  "DELETE /users/:user",
  {
    id: "deleteUser",
    summary: "Delete a user, its tokens and memberships",
    access: "administer",
    requires: [
      EDITABLE,
      {
        rule: "Nobody deletes themselves.",
        check: ({ params, actor }) => {
          if (params.user === actor.name) throw themselves("deletes");
        },
      },
    ],
    query: { lastOwner: LAST_OWNER },
    ifMatch: true,
    answer: none,
    refuses: ["CONFLICT", "NOT_FOUND"],
  },
  async ({ request, query, params, initiator, registry }) => {
    const version = await wantedVersion(request, () => registry.users.find(params.user));
    await registry.users.remove(params.user, version, query.lastOwner, initiator);
  },
);

export const USERS: readonly Endpoint[] = [list, create, read, update, remove];

function themselves(does: "deletes" | "disables"): RegistryError {
  const message = `nobody ${does} themselves: let another administrator do it`;
  return new RegistryError("CONFLICT", { message });
}

function view(user: StoredUser): User {
  const { name, admin, createdAt, version } = user;
  return { name, admin, ...disabledView(user), createdAt: timestamp(createdAt), version };
}
