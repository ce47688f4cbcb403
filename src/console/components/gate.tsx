import type { ComponentChildren } from "preact";
import { useLocation } from "preact-iso/router";
import type { Me } from "../../api/schema/accounts.ts";
import { withQuery } from "../api/client.ts";
import { hasRole, useSession } from "../frame/session.tsx";
import { t } from "../i18n/i18n.ts";
import { Empty, Loading } from "./parts.tsx";

type Role = Me["roles"][number]["role"];

/** Who may see something: everyone who is signed in, administrators, or those with a role. */
export type Need = "user" | "administrator" | { readonly role: Role; readonly on: string };

/** Shows its children to those who may see them, and tells others what it takes. The API decides all the same. */
export function Gate({ need, children }: { need: Need; children: ComponentChildren }) {
  const { me } = useSession();
  const { url } = useLocation();
  if (me === undefined) return <Loading />;
  if (me === null) {
    return (
      <Empty title={t("signInNeeded")}>
        <p>
          <a class="button" href={withQuery("/login", { next: url })}>
            {t("signIn")}
          </a>
        </p>
      </Empty>
    );
  }
  if (isMet(need, me)) return <>{children}</>;
  return (
    <Empty title={t("mayNotSee")}>
      <p>
        {typeof need === "object"
          ? t("takesRole", { role: roleName(need.role), on: need.on, name: me.name })
          : t("takesAdministrator", { name: me.name })}
      </p>
    </Empty>
  );
}

function isMet(need: Need, me: Me): boolean {
  if (need === "user") return true;
  return need === "administrator" ? me.admin : hasRole(me, need.role, need.on);
}

export const ROLES: readonly Role[] = ["reader", "writer", "maintainer", "owner"];

export function roleName(role: Role): string {
  const names = {
    reader: t("roleReader"),
    writer: t("roleWriter"),
    maintainer: t("roleMaintainer"),
    owner: t("roleOwner"),
  };
  return names[role];
}
