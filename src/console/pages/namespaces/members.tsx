import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { Member } from "../../../api/schema/namespaces.ts";
import { call, type Page, path, withQuery } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Confirm } from "../../components/confirm.tsx";
import { roleName } from "../../components/gate.tsx";
import { Empty, Time } from "../../components/parts.tsx";
import { List } from "../../components/list.tsx";
import type { Column } from "../../components/table.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { hasRole, useSession } from "../../frame/session.tsx";
import { t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { NamespaceFrame } from "./frame.tsx";
import { MemberForm } from "./member-form.tsx";

/** Who has which role in a namespace. */
export function MembersPage({ name }: PageProps) {
  return (
    <NamespaceFrame name={name} part="/members">
      <Members namespace={name} />
      <ApiNote
        calls={[
          `GET /namespaces/${name}/members`,
          `PUT /namespaces/${name}/members/{user}`,
          `DELETE /namespaces/${name}/members/{user}`,
        ]}
        commands={[`member list ${name}`, `member set ${name} alice writer`]}
      />
    </NamespaceFrame>
  );
}

function Members({ namespace }: { namespace: string }) {
  const { me } = useSession();
  const { query } = useLocation();
  const [edited, setEdited] = useState<Member | "new" | null>(null);
  const [removed, setRemoved] = useState<Member | null>(null);
  const isOwner = hasRole(me, "owner", `${namespace}/`);
  const members = useApi<Page<Member>>(
    isOwner ? withQuery(path`/namespaces/${namespace}/members`, { after: query["after"] }) : null,
  );
  return (
    <>
      <p>{t("membersIntro")}</p>
      <p>
        <button type="button" class="primary" onClick={() => setEdited("new")}>
          {t("addMember")}
        </button>
      </p>
      <List
        of={members}
        empty={
          <Empty title={t("noMembers")}>
            <p>{t("noMembersHint")}</p>
          </Empty>
        }
        caption={t("members")}
        columns={columnsOf(setEdited, setRemoved)}
        keyOf={({ user, repositories }) => `${user} ${repositories}`}
      />
      {edited !== null && (
        <MemberForm
          namespace={namespace}
          member={edited === "new" ? null : edited}
          onClose={() => setEdited(null)}
          onDone={members.reload}
        />
      )}
      {removed !== null && (
        <RemoveMember
          namespace={namespace}
          member={removed}
          onClose={() => setRemoved(null)}
          onDone={members.reload}
        />
      )}
    </>
  );
}

interface RemoveMemberProps {
  readonly namespace: string;
  readonly member: Member;
  readonly onClose: () => void;
  readonly onDone: () => Promise<void>;
}

function RemoveMember({ namespace, member, onClose, onDone }: RemoveMemberProps) {
  const announce = useAnnounce();
  const { user, repositories, role } = member;
  const to = path`/namespaces/${namespace}/members/${user}`;
  return (
    <Confirm
      title={t("removeMember", { name: user })}
      act={t("removeRole")}
      onClose={onClose}
      work={async (confirm) => {
        await call(withQuery(to, { repositories, confirm }), { method: "DELETE" });
        announce({
          text: t("memberRemoved", { name: user }),
          undo: async () => {
            await call(to, { method: "PUT", body: { role, repositories } });
            await onDone();
          },
        });
        await onDone();
      }}
    >
      <p>{t("removeMemberHint", { name: user, role: roleName(role), on: repositories })}</p>
    </Confirm>
  );
}

function columnsOf(
  edit: (member: Member) => void,
  remove: (member: Member) => void,
): readonly Column<Member>[] {
  return [
    { key: "user", title: t("user"), isHeading: true, cell: ({ user }) => user },
    { key: "role", title: t("role"), cell: ({ role }) => roleName(role) },
    {
      key: "repositories",
      title: t("repositories"),
      cell: ({ repositories }) => <code>{repositories}</code>,
    },
    { key: "since", title: t("since"), cell: ({ createdAt }) => <Time at={createdAt} /> },
    {
      key: "actions",
      title: t("actions"),
      cell: (member) => (
        <span class="actions">
          <button type="button" onClick={() => edit(member)}>
            {t("changeRole")}
          </button>
          <button type="button" class="danger" onClick={() => remove(member)}>
            {t("removeRole")}
          </button>
        </span>
      ),
    },
  ];
}
