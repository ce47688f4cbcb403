import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { User } from "../../../api/schema/accounts.ts";
import { type Page, withQuery } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Badge, Empty, Time } from "../../components/parts.tsx";
import { List } from "../../components/list.tsx";
import type { Column } from "../../components/table.tsx";
import { useSession } from "../../frame/session.tsx";
import { t } from "../../i18n/i18n.ts";
import { AdminFrame } from "./frame.tsx";
import { ChangeUser, NewUser, ResetPassword, type UserChange } from "./user-dialogs.tsx";

/** The people who can log in. */
export function UsersPage() {
  return (
    <AdminFrame part="/users">
      <Users />
      <ApiNote
        calls={["GET /users", "POST /users", "PATCH /users/{user}", "DELETE /users/{user}"]}
        commands={["user list", "user create alice", "user disable alice", "user password alice"]}
      />
    </AdminFrame>
  );
}

/** The administrator whom every registry has. The API leaves that one as it is. */
const BUILT_IN = "admin";

/** The dialog that is open: of a user, or of a new one. */
type Open =
  | { readonly kind: "new" }
  | { readonly kind: "password"; readonly user: User }
  | { readonly kind: "change"; readonly user: User; readonly change: UserChange };

function Users() {
  const { me } = useSession();
  const { query } = useLocation();
  const [open, setOpen] = useState<Open | null>(null);
  const users = useApi<Page<User>>(withQuery("/users", { after: query["after"] }));
  const close = () => setOpen(null);
  return (
    <>
      <p>{t("usersIntro")}</p>
      <p>
        <button type="button" class="primary" onClick={() => setOpen({ kind: "new" })}>
          {t("createUser")}
        </button>
      </p>
      <List
        of={users}
        empty={<Empty title={t("noUsers")} />}
        caption={t("users")}
        columns={columnsOf(me?.name ?? "", setOpen)}
        keyOf={({ name }) => name}
      />
      {open?.kind === "new" && <NewUser onClose={close} onDone={users.reload} />}
      {open?.kind === "password" && <ResetPassword user={open.user} onClose={close} />}
      {open?.kind === "change" && (
        <ChangeUser user={open.user} change={open.change} onClose={close} onDone={users.reload} />
      )}
    </>
  );
}

function columnsOf(self: string, open: (open: Open) => void): readonly Column<User>[] {
  return [
    {
      key: "name",
      title: t("user"),
      isHeading: true,
      cell: ({ name, admin, disabled }) => (
        <>
          {name} {name === BUILT_IN && <Badge>{t("builtIn")}</Badge>}{" "}
          {admin && <Badge>{t("administrator")}</Badge>}{" "}
          {disabled && <Badge kind="warn">{t("disabled")}</Badge>}
        </>
      ),
    },
    {
      key: "created",
      title: t("created"),
      cell: ({ name, createdAt }) => (name === BUILT_IN ? "" : <Time at={createdAt} />),
    },
    {
      key: "disabled",
      title: t("disabledSince"),
      cell: ({ disabledAt, disabledBy }) =>
        disabledAt === null ? (
          ""
        ) : (
          <>
            <Time at={disabledAt} /> {disabledBy}
          </>
        ),
    },
    {
      key: "actions",
      title: t("actions"),
      cell: (user) =>
        user.name === BUILT_IN ? (
          t("builtInHint")
        ) : (
          <UserActions user={user} isSelf={user.name === self} open={open} />
        ),
    },
  ];
}

function UserActions({
  user,
  isSelf,
  open,
}: {
  user: User;
  isSelf: boolean;
  open: (open: Open) => void;
}) {
  const change = (wanted: UserChange) => () => open({ kind: "change", user, change: wanted });
  return (
    <span class="actions">
      <button type="button" onClick={() => open({ kind: "password", user })}>
        {t("resetPassword")}
      </button>
      <button type="button" onClick={change(user.admin ? "demote" : "promote")}>
        {user.admin ? t("removeAdministrator") : t("makeAdministrator")}
      </button>
      {!isSelf && (
        <button type="button" onClick={change(user.disabled ? "enable" : "disable")}>
          {user.disabled ? t("enable") : t("disable")}
        </button>
      )}
      {!isSelf && (
        <button type="button" class="danger" onClick={change("delete")}>
          {t("delete")}
        </button>
      )}
    </span>
  );
}
