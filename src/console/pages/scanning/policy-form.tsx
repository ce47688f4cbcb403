import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { ScanPolicy } from "../../../scan/policy-schema.ts";
import { call } from "../../api/client.ts";
import { useAction } from "../../api/use-api.ts";
import { Check } from "../../components/check.tsx";
import { Confirm } from "../../components/confirm.tsx";
import { Choice, Field, Form } from "../../components/form.tsx";
import { severityName, WORST_FIRST } from "../../components/severity.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { t } from "../../i18n/i18n.ts";
import { PolicySentences } from "./policy-sentences.tsx";

const NONE: ScanPolicy = {
  severity: null,
  fixableOnly: false,
  unscanned: false,
  unscannable: false,
  unsigned: false,
  vex: false,
  graceHours: 0,
  exempt: [],
};

interface PolicyFormProps {
  /** The policy's path below /api/v1. */
  readonly to: string;
  /** The policy that holds; null for none. */
  readonly policy: ScanPolicy | null;
  /** Whether it is the one at `to`, and not an inherited one. */
  readonly isOwn: boolean;
  readonly onDone: () => Promise<void>;
  /** Where the policy comes from. */
  readonly children: ComponentChildren;
}

/** Says which images may not be pulled: the fields, and what they mean in sentences. */
export function PolicyForm({ to, policy, isOwn, onDone, children }: PolicyFormProps) {
  const announce = useAnnounce();
  const [draft, setDraft] = useState<Draft>(draftOf(policy ?? NONE));
  const [isRemoving, setRemoving] = useState(false);
  const action = useAction(async () => {
    await call(to, { method: "PUT", body: policyOf(draft) });
    announce({ text: t("scanPolicySet") });
    await onDone();
  });
  const set = (change: Partial<Draft>) => setDraft({ ...draft, ...change });
  return (
    <>
      {children}
      <Form action={action} submit={t("setPolicy")}>
        <Fields of={draft} set={set} error={action.error} />
        <section aria-live="polite">
          <h3>{t("policyMeans")}</h3>
          <PolicySentences of={policyOf(draft)} />
        </section>
      </Form>
      {isOwn && (
        <p class="above-space">
          <button type="button" class="danger" onClick={() => setRemoving(true)}>
            {t("removePolicy")}
          </button>
        </p>
      )}
      {isRemoving && (
        <Confirm
          title={t("removePolicy")}
          act={t("removePolicy")}
          onClose={() => setRemoving(false)}
          work={async () => {
            await call(to, { method: "DELETE" });
            announce({ text: t("policyRemoved") });
            await onDone();
          }}
        >
          <p>{t("removeScanPolicyHint")}</p>
        </Confirm>
      )}
    </>
  );
}

/** A policy as it is typed. */
interface Draft extends Omit<ScanPolicy, "severity" | "graceHours" | "exempt"> {
  /** "" for none. */
  readonly severity: NonNullable<ScanPolicy["severity"]> | "";
  readonly graceHours: string;
  /** Names with blanks between them. */
  readonly exempt: string;
}

function draftOf({ severity, graceHours, exempt, ...switches }: ScanPolicy): Draft {
  return {
    ...switches,
    severity: severity ?? "",
    graceHours: String(graceHours),
    exempt: exempt.join(" "),
  };
}

function policyOf({ severity, graceHours, exempt, ...switches }: Draft): ScanPolicy {
  return {
    ...switches,
    severity: severity === "" ? null : severity,
    graceHours: Number(graceHours),
    exempt: exempt.split(/[\s,]+/).filter((name) => name !== ""),
  };
}

interface FieldsProps {
  readonly of: Draft;
  readonly set: (change: Partial<Draft>) => void;
  readonly error: Error | null;
}

function Fields({ of, set, error }: FieldsProps) {
  return (
    <>
      <Choice
        label={t("policySeverity")}
        value={of.severity}
        options={[
          ["", t("policyAnySeverity")],
          ...WORST_FIRST.map((one, at) => {
            const name = severityName(one);
            return [one, at === 0 ? name : t("severityFrom", { severity: name })] as const;
          }),
        ]}
        onValue={(severity) => set({ severity })}
      />
      {of.severity !== "" && <OfVulnerabilities of={of} set={set} error={error} />}
      <Check
        label={t("policyUnscanned")}
        hint={t("policyUnscannedHint")}
        value={of.unscanned}
        onValue={(unscanned) => set({ unscanned })}
      />
      <Check
        label={t("policyUnscannable")}
        hint={t("policyUnscannableHint")}
        value={of.unscannable}
        onValue={(unscannable) => set({ unscannable })}
      />
      <Check
        label={t("policyUnsigned")}
        hint={t("policyUnsignedHint")}
        value={of.unsigned}
        onValue={(unsigned) => set({ unsigned })}
      />
      <Field
        label={t("policyExempt")}
        name="exempt"
        value={of.exempt}
        onValue={(exempt) => set({ exempt })}
        error={error}
        hint={t("policyExemptHint")}
      />
    </>
  );
}

/** What of the vulnerabilities counts. */
function OfVulnerabilities({ of, set, error }: FieldsProps) {
  return (
    <>
      <Check
        label={t("policyFixable")}
        value={of.fixableOnly}
        onValue={(fixableOnly) => set({ fixableOnly })}
      />
      <Field
        label={t("policyGrace")}
        name="graceHours"
        type="number"
        value={of.graceHours}
        onValue={(graceHours) => set({ graceHours })}
        error={error}
        hint={t("policyGraceHint")}
      />
      <Check
        label={t("policyVex")}
        hint={t("policyVexHint")}
        value={of.vex}
        onValue={(vex) => set({ vex })}
      />
    </>
  );
}
