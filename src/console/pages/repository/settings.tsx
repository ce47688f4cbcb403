import { useState } from "preact/hooks";
import type { RepositoryDetail } from "../../../api/schema/repositories.ts";
import { path } from "../../api/client.ts";
import { useAction, useApi } from "../../api/use-api.ts";
import { Outdated, useDraft } from "../../components/draft.tsx";
import { Choice, Field, Form } from "../../components/form.tsx";
import { Shown } from "../../components/resource.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { ruleText, TagRulesField } from "../../components/tag-rules.tsx";
import { t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { DeleteRepository } from "./delete-repository.tsx";
import { RepositoryFrame } from "./frame.tsx";
import { LabelsField } from "./labels-field.tsx";
import { Readme } from "./readme.tsx";

/** What maintainers decide: who sees the repository, what it says of itself, which tags stay, and its end. */
export function SettingsPage({ name }: PageProps) {
  const repository = useApi<RepositoryDetail>(path`/repositories/${name}`);
  return (
    <RepositoryFrame name={name} view={t("settings")}>
      <Shown of={repository} rows={6}>
        {(found) => (
          <>
            <Settings name={name} found={found} reload={repository.reload} />
            <DeleteRepository name={name} version={found.version} />
          </>
        )}
      </Shown>
    </RepositoryFrame>
  );
}

interface SettingsProps {
  readonly name: string;
  readonly found: RepositoryDetail;
  readonly reload: () => Promise<void>;
}

/** What of a repository the form edits. */
function draftOf({ description, visibility, readme, labels, immutableTags }: RepositoryDetail) {
  return { description, visibility, readme, labels, immutableTags };
}

function Settings({ name, found, reload }: SettingsProps) {
  const announce = useAnnounce();
  const editing = useDraft(found, draftOf, reload);
  const { draft, set } = editing;
  const action = useAction(async () => {
    await editing.save(path`/repositories/${name}`, draft);
    announce({ text: t("saved") });
  });
  return (
    <Form action={action} submit={t("save")}>
      <Outdated of={editing} />
      <Field
        label={t("description")}
        name="description"
        value={draft.description}
        onValue={(description) => set({ description })}
        error={action.error}
        hint={t("descriptionHint")}
      />
      <Choice
        label={t("visibility")}
        value={draft.visibility}
        options={[
          ["private", t("private")],
          ["public", t("public")],
        ]}
        onValue={(visibility) => set({ visibility })}
        hint={t(draft.visibility === "public" ? "publicHint" : "privateHint")}
      />
      <ReadmeField
        value={draft.readme}
        onValue={(readme) => set({ readme })}
        error={action.error}
      />
      <LabelsField
        value={draft.labels}
        onValue={(labels) => set({ labels })}
        error={action.error}
      />
      <TagRulesField
        value={draft.immutableTags}
        onValue={(rules) => set({ immutableTags: [...rules] })}
        error={action.error}
      />
      <InheritedRules rules={found.inheritedImmutableTags} />
    </Form>
  );
}

function InheritedRules({ rules }: { rules: RepositoryDetail["inheritedImmutableTags"] }) {
  if (rules.length === 0) return null;
  return (
    <div>
      <p class="hint">{t("inheritedRules")}</p>
      <ul class="bare">
        {rules.map((rule) => (
          <li key={ruleText(rule)}>
            <code>{ruleText(rule)}</code>
          </li>
        ))}
      </ul>
    </div>
  );
}

interface ReadmeFieldProps {
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly error: Error | null;
}

function ReadmeField({ value, onValue, error }: ReadmeFieldProps) {
  const [isPreview, setPreview] = useState(false);
  return (
    <div class="field">
      <div class="actions">
        <button type="button" aria-pressed={isPreview} onClick={() => setPreview(!isPreview)}>
          {t("previewReadme")}
        </button>
      </div>
      {isPreview ? (
        <section class="readme-preview" aria-label={t("readme")}>
          <Readme text={value} canReload={false} />
        </section>
      ) : (
        <Field
          label={t("readme")}
          name="readme"
          value={value}
          onValue={onValue}
          error={error}
          hint={t("readmeHint")}
          rows={14}
        />
      )}
    </div>
  );
}
