import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { Namespace } from "../../../api/schema/namespaces.ts";
import { call, path } from "../../api/client.ts";
import { useAction, useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Confirm } from "../../components/confirm.tsx";
import { Outdated, useDraft } from "../../components/draft.tsx";
import { Form } from "../../components/form.tsx";
import { Shown } from "../../components/resource.tsx";
import { TagRulesField } from "../../components/tag-rules.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { useSession } from "../../frame/session.tsx";
import { t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { NamespaceFrame } from "./frame.tsx";
import { VisibilityChoice } from "./list.tsx";

/** What holds for all repositories of a namespace, and its deletion. */
export function NamespaceSettingsPage({ name }: PageProps) {
  return (
    <NamespaceFrame name={name} part="/settings">
      <Settings name={name} />
      <ApiNote
        calls={[`PATCH /namespaces/${name}`, `DELETE /namespaces/${name}`]}
        commands={[
          `namespace set ${name} --visibility public --immutable semver`,
          `namespace delete ${name}`,
        ]}
      />
    </NamespaceFrame>
  );
}

function Settings({ name }: { name: string }) {
  const { me } = useSession();
  const { route } = useLocation();
  const announce = useAnnounce();
  const [isDeleting, setDeleting] = useState(false);
  const to = path`/namespaces/${name}`;
  const namespace = useApi<Namespace>(to);
  return (
    <>
      <Shown of={namespace}>
        {(value) => <SettingsForm namespace={value} to={to} reload={namespace.reload} />}
      </Shown>
      {me?.admin === true && (
        <>
          <h2>{t("deleteNamespace")}</h2>
          <p>{t("deleteNamespaceHint")}</p>
          <button type="button" class="danger" onClick={() => setDeleting(true)}>
            {t("deleteNamespace")}
          </button>
        </>
      )}
      {isDeleting && (
        <Confirm
          title={t("deleteNamespaceNamed", { name })}
          act={t("delete")}
          typed={name}
          onClose={() => setDeleting(false)}
          work={async () => {
            await call(to, { method: "DELETE" });
            announce({ text: t("deleted", { name }) });
            route("/namespaces");
          }}
        >
          <p>{t("deleteNamespaceLoss")}</p>
        </Confirm>
      )}
    </>
  );
}

interface SettingsFormProps {
  readonly namespace: Namespace;
  readonly to: string;
  readonly reload: () => Promise<void>;
}

/** What of a namespace the form edits. */
function draftOf({ visibility, immutableTags }: Namespace) {
  return { visibility, immutableTags };
}

function SettingsForm({ namespace, to, reload }: SettingsFormProps) {
  const announce = useAnnounce();
  const editing = useDraft(namespace, draftOf, reload);
  const { draft, set } = editing;
  const action = useAction(async () => {
    await editing.save(to, draft);
    announce({ text: t("changed", { name: namespace.name }) });
  });
  return (
    <Form action={action} submit={t("save")}>
      <Outdated of={editing} />
      <VisibilityChoice value={draft.visibility} onValue={(visibility) => set({ visibility })} />
      <TagRulesField
        value={draft.immutableTags}
        onValue={(rules) => set({ immutableTags: [...rules] })}
        error={action.error}
      />
    </Form>
  );
}
