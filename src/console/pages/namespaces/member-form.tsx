import { useState } from "preact/hooks";
import type { Member } from "../../../api/schema/namespaces.ts";
import { ApiError, call, path, withQuery } from "../../api/client.ts";
import { useAction } from "../../api/use-api.ts";
import { Dialog } from "../../components/dialog.tsx";
import { Choice, Field, Form } from "../../components/form.tsx";
import { roleName, ROLES } from "../../components/gate.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { t } from "../../i18n/i18n.ts";

interface MemberFormProps {
  readonly namespace: string;
  /** Whose role is changed; null to add somebody. */
  readonly member: Member | null;
  readonly onClose: () => void;
  readonly onDone: () => Promise<void>;
}

/** Gives a user a role, on all repositories of the namespace or on those that a pattern names. */
export function MemberForm({ namespace, member, onClose, onDone }: MemberFormProps) {
  const announce = useAnnounce();
  const [user, setUser] = useState(member?.user ?? "");
  const [role, setRole] = useState<Member["role"]>(member?.role ?? "reader");
  const [repositories, setRepositories] = useState(member?.repositories ?? `${namespace}/*`);
  const [asked, setAsked] = useState<string | null>(null);
  const action = useAction(async () => {
    const to = withQuery(path`/namespaces/${namespace}/members/${user}`, { confirm: asked });
    try {
      await call(to, { method: "PUT", body: { role, repositories } });
    } catch (error) {
      if (error instanceof ApiError) setAsked(error.confirms);
      throw error;
    }
    onClose();
    announce({ text: t("memberSet", { name: user, role: roleName(role) }) });
    await onDone();
  });
  const title = member === null ? t("addMember") : t("changeRoleOf", { name: user });
  return (
    <Dialog title={title} onClose={onClose}>
      <Form
        action={action}
        submit={asked === null ? t("save") : t("allTheSame", { act: t("save") })}
      >
        {member === null && (
          <Field
            label={t("userName")}
            name="user"
            value={user}
            onValue={setUser}
            error={action.error}
            isRequired
          />
        )}
        <Choice
          label={t("role")}
          value={role}
          options={ROLES.map((one) => [one, roleName(one)])}
          onValue={setRole}
          hint={roleHint(role)}
        />
        {member === null && (
          <Field
            label={t("repositoryPattern")}
            name="repositories"
            value={repositories}
            onValue={setRepositories}
            error={action.error}
            hint={t("repositoryPatternHint")}
            isRequired
          />
        )}
      </Form>
    </Dialog>
  );
}

function roleHint(role: Member["role"]): string {
  const hints = {
    reader: t("readerHint"),
    writer: t("writerHint"),
    maintainer: t("maintainerHint"),
    owner: t("ownerHint"),
  };
  return hints[role];
}
