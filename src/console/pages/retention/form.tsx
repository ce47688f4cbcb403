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
import { newSentence, type Policy, policyOf, type Sentence, sentencesOf } from "./rules.ts";

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
  const { policy, own, warnings, repositories, children } = props;
  const [sentences, setSentences] = useState(() =>
    policy === null ? [newSentence()] : sentencesOf(policy),
  );
  const [previewed, setPreviewed] = useState<Previewed | null>(null);
  const [progress, setProgress] = useState(0);
  const [open, setOpen] = useState<Open>(null);
  const changes = useChanges(props, sentences);
  const look = useAction(async (then: Open) => {
    setProgress(0);
    setPreviewed(await preview(repositories(), policyOf(sentences), setProgress));
    setOpen(then);
  });
  return (
    <>
      {children}
      <Warnings warnings={warnings} />
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
        <Buttons
          isReady={!look.isBusy && sentences.length > 0}
          onLook={() => void look.run(null)}
          onRemove={own ? () => setOpen("remove") : null}
        />
      </form>
      {look.isBusy && <p role="status">{t("previewing", { images: number(progress) })}</p>}
      {previewed !== null && !look.isBusy && open !== "set" && (
        <PreviewTable previewed={previewed} />
      )}
      <Dialogs open={open} previewed={previewed} onClose={() => setOpen(null)} {...changes} />
    </>
  );
}

/** What sets and removes the policy, each with an undo. */
function useChanges(
  { to, policy, own, onDone }: RetentionFormProps,
  sentences: readonly Sentence[],
): Pick<DialogsProps, "set" | "remove"> {
  const announce = useAnnounce();
  const undo = async () => {
    await (policy === null || !own
      ? call(to, { method: "DELETE" })
      : call(to, { method: "PUT", body: policy }));
    await onDone();
  };
  return {
    async set() {
      await call(to, { method: "PUT", body: policyOf(sentences) });
      announce({ text: t("policySet"), undo });
      await onDone();
    },
    async remove() {
      await call(to, { method: "DELETE" });
      announce({ text: t("policyRemoved"), undo });
      await onDone();
    },
  };
}

/** What of the policy means nothing here. */
function Warnings({ warnings }: { warnings: readonly string[] }) {
  return (
    <>
      {warnings.map((warning) => (
        <p key={warning} class="warning">
          {warning}
        </p>
      ))}
    </>
  );
}

interface ButtonsProps {
  readonly isReady: boolean;
  readonly onLook: () => void;
  readonly onRemove: (() => void) | null;
}

function Buttons({ isReady, onLook, onRemove }: ButtonsProps) {
  return (
    <p class="actions above-space">
      <button type="submit" class="primary" disabled={!isReady}>
        {t("setPolicy")}
      </button>
      <button type="button" disabled={!isReady} onClick={onLook}>
        {t("preview")}
      </button>
      {onRemove !== null && (
        <button type="button" class="danger" onClick={onRemove}>
          {t("removePolicy")}
        </button>
      )}
    </p>
  );
}

interface DialogsProps {
  readonly open: Open;
  readonly previewed: Previewed | null;
  readonly onClose: () => void;
  readonly set: () => Promise<void>;
  readonly remove: () => Promise<void>;
}

function Dialogs({ open, previewed, onClose, set, remove }: DialogsProps) {
  if (open === "remove") return <RemovePolicy onClose={onClose} work={remove} />;
  if (open === null || previewed === null) return null;
  return <SetPolicy previewed={previewed} onClose={onClose} work={set} />;
}

interface DialogProps {
  readonly onClose: () => void;
  readonly work: () => Promise<void>;
}

function RemovePolicy({ onClose, work }: DialogProps) {
  return (
    <Confirm title={t("removePolicy")} act={t("removePolicy")} onClose={onClose} work={work}>
      <p>{t("removePolicyHint")}</p>
    </Confirm>
  );
}

interface SetPolicyProps extends DialogProps {
  readonly previewed: Previewed;
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
