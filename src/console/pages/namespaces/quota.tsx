import { useState } from "preact/hooks";
import type { Quota } from "../../../quota/schema.ts";
import { call, path } from "../../api/client.ts";
import { useAction, useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Choice, Field, Form } from "../../components/form.tsx";
import { Shown } from "../../components/resource.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { useSession } from "../../frame/session.tsx";
import { bytes, number, t } from "../../i18n/i18n.ts";
import type { PageProps } from "../../routes.ts";
import { NamespaceFrame } from "./frame.tsx";

/** What a namespace uses and may use; administrators set it. */
export function QuotaPage({ name }: PageProps) {
  return (
    <NamespaceFrame name={name} part="/quota">
      <QuotaPart namespace={name} />
      <ApiNote
        calls={[`GET /namespaces/${name}/quota`, `PUT /namespaces/${name}/quota`]}
        commands={[`namespace quota ${name}`, `namespace quota ${name} --bytes 10GB`]}
      />
    </NamespaceFrame>
  );
}

function QuotaPart({ namespace }: { namespace: string }) {
  const { me } = useSession();
  const to = path`/namespaces/${namespace}/quota`;
  const quota = useApi<Quota>(to);
  return (
    <Shown of={quota}>
      {(value) => (
        <>
          <p>{t("quotaIntro")}</p>
          <Measure label={t("stored")} measure={value.bytes} show={bytes} />
          <Measure label={t("repositories")} measure={value.repositories} show={number} />
          {me?.admin === true && (
            <>
              <h2>{t("limits")}</h2>
              <LimitsForm quota={value} to={to} onDone={quota.reload} />
            </>
          )}
        </>
      )}
    </Shown>
  );
}

/** The share of a quota at which the registry warns. */
const WARN_SHARE = 0.85;

function Measure({
  label,
  measure: { used, limit },
  show,
}: {
  label: string;
  measure: Quota["bytes"];
  show: (value: number) => string;
}) {
  const text =
    limit === null
      ? t("usedOfAny", { used: show(used) })
      : t("usedOf", { used: show(used), limit: show(limit) });
  return (
    <div class="measure">
      <h2>{label}</h2>
      <p>{text}</p>
      {limit !== null && (
        <meter
          min={0}
          max={Math.max(limit, 1)}
          high={Math.max(limit, 1) * WARN_SHARE}
          optimum={0}
          value={used}
          aria-label={`${label}: ${text}`}
        />
      )}
      {limit !== null && used >= limit && <p class="refusal">{t("quotaFull")}</p>}
    </div>
  );
}

const UNITS = { MB: 1e6, GB: 1e9, TB: 1e12 } as const;
type Unit = keyof typeof UNITS;

interface LimitsFormProps {
  readonly quota: Quota;
  readonly to: string;
  readonly onDone: () => Promise<void>;
}

function LimitsForm({ quota, to, onDone }: LimitsFormProps) {
  const announce = useAnnounce();
  const given = quota.bytes.limit;
  const [unit, setUnit] = useState<Unit>("GB");
  const [size, setSize] = useState(given === null ? "" : String(given / UNITS.GB));
  const [repositories, setRepositories] = useState(String(quota.repositories.limit ?? ""));
  const action = useAction(async () => {
    const body = {
      bytes: size === "" ? null : Math.round(Number(size) * UNITS[unit]),
      repositories: repositories === "" ? null : Number(repositories),
    };
    await call(to, { method: "PUT", body });
    announce({ text: t("quotaSet") });
    await onDone();
  });
  return (
    <Form action={action} submit={t("save")}>
      <div class="side-by-side">
        <Field
          label={t("storedLimit")}
          name="bytes"
          type="number"
          value={size}
          onValue={setSize}
          error={action.error}
          hint={t("noLimitHint")}
        />
        <Choice
          label={t("unit")}
          value={unit}
          options={(Object.keys(UNITS) as Unit[]).map((one) => [one, one])}
          onValue={setUnit}
        />
      </div>
      <Field
        label={t("repositoriesLimit")}
        name="repositories"
        type="number"
        value={repositories}
        onValue={setRepositories}
        error={action.error}
        hint={t("noLimitHint")}
      />
    </Form>
  );
}
