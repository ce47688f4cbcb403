import { useState } from "preact/hooks";
import type { RepositoryDetail } from "../../../api/schema/repositories.ts";
import { call, path } from "../../api/client.ts";
import { type Resource, useAction, useApi } from "../../api/use-api.ts";
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
            {/* What somebody else saved meanwhile does not replace what is being written: saving is refused then. */}
            <Settings name={name} first={found} resource={repository} />
            <DeleteRepository name={name} version={found.version} />
          </>
        )}
      </Shown>
    </RepositoryFrame>
  );
}

type Changed = Pick<
  RepositoryDetail,
  "description" | "visibility" | "readme" | "labels" | "immutableTags"
>;

interface SettingsProps {
  readonly name: string;
  readonly first: RepositoryDetail;
  readonly resource: Resource<RepositoryDetail>;
}

function Settings({ name, first, resource }: SettingsProps) {
  const announce = useAnnounce();
  const [version, setVersion] = useState(first.version);
  const [given, setGiven] = useState<Changed>(first);
  const set =
    <Key extends keyof Changed>(key: Key) =>
    (value: Changed[Key]) =>
      setGiven((before) => ({ ...before, [key]: value }));
  const action = useAction(async () => {
    const { description, visibility, readme, labels, immutableTags } = given;
    const body = { description, visibility, readme, labels, immutableTags };
    const changed = await call<RepositoryDetail>(path`/repositories/${name}`, {
      method: "PATCH",
      body,
      version,
    });
    setVersion(changed.version);
    announce({ text: t("saved") });
    await resource.reload();
  });
  return (
    <Form action={action} submit={t("save")}>
      <Field
        label={t("description")}
        name="description"
        value={given.description}
        onValue={set("description")}
        error={action.error}
        hint={t("descriptionHint")}
      />
      <Choice
        label={t("visibility")}
        value={given.visibility}
        options={[
          ["private", t("private")],
          ["public", t("public")],
        ]}
        onValue={set("visibility")}
        hint={t(given.visibility === "public" ? "publicHint" : "privateHint")}
      />
      <ReadmeField value={given.readme} onValue={set("readme")} error={action.error} />
      <LabelsField value={given.labels} onValue={set("labels")} error={action.error} />
      <TagRulesField
        value={given.immutableTags}
        onValue={(rules) => set("immutableTags")([...rules])}
        error={action.error}
      />
      <InheritedRules rules={first.inheritedImmutableTags} />
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
