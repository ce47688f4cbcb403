import { useState } from "preact/hooks";
import type { Me } from "../../../api/schema/accounts.ts";
import { ApiError, call } from "../../api/client.ts";
import { useAction } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Field, Form } from "../../components/form.tsx";
import { roleName } from "../../components/gate.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { useSession } from "../../frame/session.tsx";
import { number, t } from "../../i18n/i18n.ts";
import { AccountFrame } from "./frame.tsx";

/** Who one is, what one may do, and one's password. */
export function AccountPage() {
  const { me } = useSession();
  return (
    <AccountFrame title={me?.name ?? t("account")}>
      {me && <Profile me={me} />}
      <h2>{t("changePassword")}</h2>
      <PasswordForm />
      <ApiNote calls={["GET /me", "PUT /me/password"]} commands={["whoami", "user password"]} />
    </AccountFrame>
  );
}

function Profile({ me }: { me: Me }) {
  return (
    <dl class="facts">
      <dt>{t("userName")}</dt>
      <dd>{me.name}</dd>
      <dt>{t("rights")}</dt>
      <dd>
        {me.admin && <p>{t("administratorRights")}</p>}
        {!me.admin && me.roles.length === 0 && <p>{t("noRoles")}</p>}
        <ul class="plain-list">
          {me.roles.map(({ repositories, role }) => (
            <li key={`${repositories} ${role}`}>
              {roleName(role)}: <code>{repositories}</code>
            </li>
          ))}
        </ul>
      </dd>
      <dt>{t("undoTime")}</dt>
      <dd>{me.trashDays === 0 ? t("noUndo") : t("undoDays", { days: number(me.trashDays) })}</dd>
    </dl>
  );
}

function PasswordForm() {
  const announce = useAnnounce();
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const action = useAction(async () => {
    if (password !== again) throw new ApiError(400, { detail: t("passwordsDiffer") });
    await call("/me/password", { method: "PUT", body: { current, password } });
    setCurrent("");
    setPassword("");
    setAgain("");
    announce({ text: t("passwordChanged") });
  });
  return (
    <Form action={action} submit={t("changePassword")}>
      <Field
        label={t("currentPassword")}
        name="current"
        type="password"
        value={current}
        onValue={setCurrent}
        error={action.error}
        autocomplete="current-password"
        isRequired
      />
      <Field
        label={t("newPassword")}
        name="password"
        type="password"
        value={password}
        onValue={setPassword}
        error={action.error}
        hint={t("newPasswordHint")}
        autocomplete="new-password"
        isRequired
      />
      <Field
        label={t("newPasswordAgain")}
        name="again"
        type="password"
        value={again}
        onValue={setAgain}
        autocomplete="new-password"
        isRequired
      />
    </Form>
  );
}
