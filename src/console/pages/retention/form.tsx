import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { call } from "../../api/client.ts";
import { useAction } from "../../api/use-api.ts";
import { Confirm } from "../../components/confirm.tsx";
import { Failure } from "../../components/parts.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { useSession } from "../../frame/session.tsx";
import { number, t } from "../../i18n/i18n.ts";
import { PolicyEditor } from "./editor.tsx";
import { preview, type Previewed } from "./preview.ts";
import { PreviewTable } from "./preview-table.tsx";
import { newSentence, type Policy, policyOf, sentencesOf } from "./rules.ts";

interface RetentionFormProps {
  /** The policy's path below /api/v1. */
  readonly to: string;
  readonly policy: Policy | null;
  /** Whether the policy belongs to what is shown, so that it can be removed. */
  readonly own: boolean;
  readonly warnings: readonly string[];
  /** Lists the repositories that the policy holds in. */
  readonly repositories: () => AsyncIterable<string>;
  readonly onDone: () => Promise<void>;
  readonly children: ComponentChildren;
}

type Open = "set" | "remove" | null;

/** Edits a policy, shows what it would delete, and sets it. */
export function RetentionForm(props: RetentionFormProps) {
  const { to, policy, own, warnings, repositories, onDone, children } = props;
  const announce = useAnnounce();
  const [sentences, setSentences] = useState(() =>
    policy === null ? [newSentence()] : sentencesOf(policy),
  );
  const [previewed, setPreviewed] = useState<Previewed | null>(null);
  const [progress, setProgress] = useState(0);
  const [open, setOpen] = useState<Open>(null);
  const look = useAction(async (then: Open) => {
    setProgress(0);
    setPreviewed(await preview(repositories(), policyOf(sentences), setProgress));
    setOpen(then);
  });
  const restore = async () => {
    await (policy === null || !own
      ? call(to, { method: "DELETE" })
      : call(to, { method: "PUT", body: policy }));
    await onDone();
  };
  return (
    <>
      {children}
      {warnings.map((warning) => (
        <p key={warning} class="warning">
          {warning}
        </p>
      ))}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void look.run("set");
        }}
      >
        <h2>{t("policy")}</h2>
        <p class="hint">{t("policyHint")}</p>
        <PolicyEditor
          sentences={sentences}
          onSentences={(changed) => {
            setSentences([...changed]);
            setPreviewed(null);
          }}
        />
        {look.error !== null && <Failure error={look.error} />}
        <p class="actions above-space">
          <button
            type="submit"
            class="primary"
            disabled={look.isBusy || sentences.length === 0}
          >
            {t("setPolicy")}
          </button>
          <button
            type="button"
            disabled={look.isBusy || sentences.length === 0}
            onClick={() => void look.run(null)}
          >
            {t("preview")}
          </button>
          {own && (
            <button type="button" class="danger" onClick={() => setOpen("remove")}>
              {t("removePolicy")}
            </button>
          )}
        </p>
      </form>
      {look.isBusy && <p role="status">{t("previewing", { images: number(progress) })}</p>}
      {previewed !== null && !look.isBusy && open !== "set" && (
        <PreviewTable previewed={previewed} />
      )}
      {open === "set" && previewed !== null && (
        <SetPolicy
          previewed={previewed}
          onClose={() => setOpen(null)}
          work={async () => {
            await call(to, { method: "PUT", body: policyOf(sentences) });
            announce({ text: t("policySet"), undo: restore });
            await onDone();
          }}
        />
      )}
      {open === "remove" && (
        <Confirm
          title={t("removePolicy")}
          act={t("removePolicy")}
          onClose={() => setOpen(null)}
          work={async () => {
            await call(to, { method: "DELETE" });
            announce({ text: t("policyRemoved"), undo: restore });
            await onDone();
          }}
        >
          <p>{t("removePolicyHint")}</p>
        </Confirm>
      )}
    </>
  );
}

interface SetPolicyProps {
  readonly previewed: Previewed;
  readonly onClose: () => void;
  readonly work: () => Promise<void>;
}

/** Says what the policy deletes before it is set. */
function SetPolicy({ previewed, onClose, work }: SetPolicyProps) {
  const { me } = useSession();
  const days = me?.trashDays ?? 0;
  return (
    <Confirm title={t("setPolicy")} act={t("setPolicy")} onClose={onClose} work={work}>
      <PreviewTable previewed={previewed} />
      <p>{t("policyRuns")}</p>
      <p>{days === 0 ? t("noUndo") : t("undoDays", { days: number(days) })}</p>
    </Confirm>
  );
}
