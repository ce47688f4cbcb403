import { useState } from "preact/hooks";
import type { User } from "../../../api/schema/accounts.ts";
import { call, path, withQuery } from "../../api/client.ts";
import { useAction } from "../../api/use-api.ts";
import { Check } from "../../components/check.tsx";
import { Confirm } from "../../components/confirm.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { Field, Form } from "../../components/form.tsx";
import { Command } from "../../components/parts.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { type MessageKey, t } from "../../i18n/i18n.ts";

interface NewUserProps {
  readonly onClose: () => void;
  readonly onDone: () => Promise<void>;
}

/** Creates a user with a password that the browser makes, unless another is written. */
export function NewUser({ onClose, onDone }: NewUserProps) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState(newPassword);
  const [admin, setAdmin] = useState(false);
  const [isMade, setMade] = useState(false);
  const action = useAction(async () => {
    await call("/users", { method: "POST", body: { name, password, admin } });
    setMade(true);
    await onDone();
  });
  if (isMade) return <PasswordOnce name={name} password={password} onClose={onClose} />;
  return (
    <Dialog title={t("createUser")} onClose={onClose}>
      <Form action={action} submit={t("createUser")}>
        <Field
          label={t("userName")}
          name="name"
          value={name}
          onValue={setName}
          error={action.error}
          isRequired
        />
        <Field
          label={t("password")}
          name="password"
          value={password}
          onValue={setPassword}
          error={action.error}
          hint={t("madePasswordHint")}
          isRequired
        />
        <Check
          label={t("administrator")}
          value={admin}
          onValue={setAdmin}
          hint={t("administratorHint")}
        />
      </Form>
    </Dialog>
  );
}

/** Gives a user another password. */
export function ResetPassword({ user, onClose }: { user: User; onClose: () => void }) {
  const [password, setPassword] = useState(newPassword);
  const [isDone, setDone] = useState(false);
  const action = useAction(async () => {
    await call(path`/users/${user.name}`, { method: "PATCH", body: { password } });
    setDone(true);
  });
  if (isDone) return <PasswordOnce name={user.name} password={password} onClose={onClose} />;
  return (
    <Dialog title={t("resetPasswordOf", { name: user.name })} onClose={onClose}>
      <p>{t("resetPasswordHint")}</p>
      <Form action={action} submit={t("resetPassword")}>
        <Field
          label={t("newPassword")}
          name="password"
          value={password}
          onValue={setPassword}
          error={action.error}
          hint={t("madePasswordHint")}
          isRequired
        />
      </Form>
    </Dialog>
  );
}

interface PasswordOnceProps {
  readonly name: string;
  readonly password: string;
  readonly onClose: () => void;
}

function PasswordOnce({ name, password, onClose }: PasswordOnceProps) {
  return (
    <Dialog title={t("passwordOf", { name })} onClose={onClose}>
      <p>{t("passwordOnce")}</p>
      <Command text={password} label={t("password")} />
      <div class="form-end">
        <button type="button" class="primary" onClick={onClose}>
          {t("close")}
        </button>
      </div>
    </Dialog>
  );
}

/** Makes a password of 20 characters that are not mistaken for each other, about 113 bits. */
function newPassword(): string {
  const letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  const made: string[] = [];
  while (made.length < 20) {
    const [byte = 0] = crypto.getRandomValues(new Uint8Array(1));
    // Bytes beyond the last multiple would make the first letters more likely.
    if (byte < letters.length * 4) made.push(letters.charAt(byte % letters.length));
  }
  return made.join("");
}

export type UserChange = "promote" | "demote" | "disable" | "enable" | "delete";

interface ChangeText {
  readonly act: MessageKey;
  readonly hint: MessageKey;
  readonly body: { readonly admin?: boolean; readonly disabled?: boolean } | null;
  /** What takes it back; null for what cannot be. */
  readonly undo: { readonly admin?: boolean; readonly disabled?: boolean } | null;
}

const CHANGES: Readonly<Record<UserChange, ChangeText>> = {
  promote: {
    act: "makeAdministrator",
    hint: "administratorHint",
    body: { admin: true },
    undo: { admin: false },
  },
  demote: {
    act: "removeAdministrator",
    hint: "removeAdministratorHint",
    body: { admin: false },
    undo: { admin: true },
  },
  disable: {
    act: "disable",
    hint: "disableUserHint",
    body: { disabled: true },
    undo: { disabled: false },
  },
  enable: {
    act: "enable",
    hint: "enableUserHint",
    body: { disabled: false },
    undo: { disabled: true },
  },
  delete: { act: "delete", hint: "deleteUserHint", body: null, undo: null },
};

interface ChangeUserProps extends NewUserProps {
  readonly user: User;
  readonly change: UserChange;
}

/** Asks before a user is changed, disabled or deleted. */
export function ChangeUser({ user: { name }, change, onClose, onDone }: ChangeUserProps) {
  const announce = useAnnounce();
  const { act, hint, body, undo } = CHANGES[change];
  const to = path`/users/${name}`;
  return (
    <Confirm
      title={`${t(act)}: ${name}`}
      act={t(act)}
      onClose={onClose}
      {...(change === "delete" ? { typed: name } : {})}
      work={async (confirm) => {
        const asked = withQuery(to, { confirm });
        await call(asked, body === null ? { method: "DELETE" } : { method: "PATCH", body });
        announce({
          text: change === "delete" ? t("deleted", { name }) : t("changed", { name }),
          ...(undo === null
            ? {}
            : {
                undo: async () => {
                  await call(to, { method: "PATCH", body: undo });
                  await onDone();
                },
              }),
        });
        await onDone();
      }}
    >
      <p>{t(hint)}</p>
    </Confirm>
  );
}
