import { isAdministrator, isPersonal } from "../auth/policy/access.ts";
import { ADMIN } from "../auth/login/admin.ts";
import { hashPassword, verifyPassword } from "../auth/login/password.ts";
import { cookieOf } from "../auth/sign-in/cookie.ts";
import { confirmPassword } from "../auth/sign-in/password.ts";
import { RegistryError } from "../oci/errors.ts";
import { invalid } from "../http/input.ts";
import { timestamp } from "../http/resource.ts";
import { done, one } from "./answer.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { rolesOf, scopesOf } from "./grants.ts";
import { newSession } from "./sessions.ts";
import { Me, NewPassword } from "./schema/accounts.ts";

const DAY_MS = 86_400_000;

/** Describes the caller, what its credentials allow, and the limits of the registry that its work depends on. */
const read = endpoint(
  "GET /me",
  {
    id: "readMe",
    summary: "Read who the caller is, and what it may do",
    access: "login",
    // The console asks this alone when it is told that its session has ended.
    cookie: "authenticates or is dropped",
    answer: one(Me),
  },
  ({ actor: { name, via, grants, limits, expires, token }, actor, settings }) => {
    // Only people have roles; a registry token lists its rights, not the roles that gave them.
    const person = (isPersonal(via) || via === "token") && token === null;
    return {
      // The access "login" takes a named caller.
      name: name ?? "",
      via,
      admin: isAdministrator(actor),
      roles: person ? rolesOf(grants) : [],
      scopes: person ? limits && scopesOf(limits) : scopesOf(grants),
      expires: expires === null ? null : timestamp(expires * 1000),
      trashDays: settings.trashMs / DAY_MS,
      maxRequestBytes: settings.maxRequestBytes,
    };
  },
);

const update = endpoint(
  "PUT /me/password",
  {
    id: "changePassword",
    summary:
      "Change the caller's password, by the current one; all sessions end, and the caller's goes on with a new cookie",
    access: "login",
    requires: [
      {
        // A token must not become a password.
        rule: "The caller must be logged in with the current password, or by a session. The built-in administrator cannot use this.",
        check: ({ actor: { name, via, token } }) => {
          if (name === ADMIN) {
            throw new RegistryError("DENIED", {
              message:
                "the built-in administrator's password is the deployment's secret ADMIN_PASSWORD: change it there (npx wrangler secret put ADMIN_PASSWORD)",
            });
          }
          if (name !== null && isPersonal(via) && token === null) return;
          throw new RegistryError("DENIED", {
            message: "a password is changed by its owner, logged in with the current one",
          });
        },
      },
    ],
    body: NewPassword,
    answer: done,
    refuses: ["NOT_FOUND", "VERSION_MISMATCH"],
  },
  async ({ body, actor, auth, initiator, registry }) => {
    const name = actor.name ?? "";
    const wrong = invalid("current", "this is not the current password");
    const isSignedIn = actor.via === "session";
    if (isSignedIn) await confirmPassword(name, body.current, auth, wrong);
    // Read after the login: an administrator may have replaced the password in the meantime, and must not be overruled.
    const { hash, version } = await registry.users.password(name);
    if (!(await verifyPassword(body.current, hash))) throw wrong;
    const password = await hashPassword(body.password);
    const fresh = isSignedIn ? await newSession(name, { auth, initiator }) : null;
    const change = { admin: null, disabled: null, password, lastOwner: "stays" } as const;
    const session = fresh?.session ?? null;
    await registry.users.update(name, { ...change, session }, version, initiator);
    return { cookie: fresh === null ? null : cookieOf(fresh.secret) };
  },
);

export const ME: readonly Endpoint[] = [read, update];
