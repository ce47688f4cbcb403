import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "../../components/dialog.tsx";
import { useLatest } from "../../components/latest.ts";
import { sentenceOf, shortDigest, Size } from "../../components/parts.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { useSession } from "../../frame/session.tsx";
import { t } from "../../i18n/i18n.ts";
import { deleteTargets, type Failed, MAX_AT_ONCE, restoreAll, type Target } from "./deletion.ts";

interface DeleteDialogProps {
  readonly name: string;
  readonly targets: readonly Target[];
  /** How many of what was chosen are immutable, and stay. */
  readonly immutable?: number;
  /** What there is to choose before. */
  readonly children?: ComponentChildren;
  readonly onClose: () => void;
  /** Called when something was deleted, and again when it is there again. */
  readonly onChange: (isThere: boolean) => void;
}

/** Shows what goes before it goes, tells how far it is, and offers to undo it. */
export function DeleteDialog(props: DeleteDialogProps) {
  const { name, targets, immutable = 0, children, onClose, onChange } = props;
  const announce = useAnnounce();
  const days = useSession().me?.trashDays ?? 0;
  const [done, setDone] = useState<number | null>(null);
  const [failed, setFailed] = useState<readonly Failed[] | null>(null);
  const isShown = useLatest(true);
  const run = async () => {
    const failures: Failed[] = [];
    for (let at = 0; at < targets.length; at += MAX_AT_ONCE) {
      setDone(at);
      failures.push(...(await deleteTargets(name, targets.slice(at, at + MAX_AT_ONCE))));
    }
    const kept = new Set(failures.map(({ target }) => target));
    const gone = targets.filter((target) => !kept.has(target));
    setDone(null);
    // Nobody reads the failures in a dialog that was closed meanwhile.
    const text = told(gone.length, isShown.current === true ? [] : failures);
    const undo = () => restoreAll(name, gone).finally(() => onChange(true));
    if (text !== "") announce(days === 0 || gone.length === 0 ? { text } : { text, undo });
    if (gone.length > 0) onChange(false);
    if (isShown.current === null) return;
    if (failures.length === 0) onClose();
    else setFailed(failures);
  };
  return (
    <Dialog title={t("deleteTitle")} onClose={onClose}>
      {failed === null ? (
        <>
          {children}
          <Preview targets={targets} immutable={immutable} />
          <div class="form-end">
            <button
              type="button"
              class="danger"
              disabled={done !== null || targets.length === 0}
              onClick={() => void run()}
            >
              {done === null
                ? t("deleteCount", { count: targets.length })
                : t("deleting", { done, count: targets.length })}
            </button>
            <button type="button" disabled={done !== null} onClick={onClose}>
              {t("cancel")}
            </button>
          </div>
        </>
      ) : (
        <Failures of={failed} onClose={onClose} />
      )}
    </Dialog>
  );
}

/** Says what was deleted, and what was not and why, in the words of the first refusal. */
function told(count: number, failures: readonly Failed[]): string {
  const [first] = failures;
  return [
    ...(count > 0 ? [t("deletedCount", { count })] : []),
    ...(first === undefined
      ? []
      : [
          t("notDeleted", { count: failures.length }),
          `${first.target.tag ?? shortDigest(first.target.digest)}: ${sentenceOf(first.error)}`,
        ]),
  ].join(" ");
}

/** The most rows of a preview; the rest is counted. */
const MAX_ROWS = 200;

function Preview({ targets, immutable }: { targets: readonly Target[]; immutable: number }) {
  const { me } = useSession();
  const images = targets.filter(({ tag }) => tag === null);
  const days = me?.trashDays ?? 0;
  return (
    <>
      <p>
        {t("tagsGo", { count: targets.reduce((sum, { tags }) => sum + tags.length, 0) })}{" "}
        {images.length === 0
          ? t("imagesStayByDigest")
          : t("imagesGoWithTags", { count: images.length })}{" "}
        {days === 0 ? t("notUndoable") : t("undoable", { count: days })}
      </p>
      {immutable > 0 && <p class="refusal">{t("immutableStay", { count: immutable })}</p>}
      <div class="preview-rows" tabIndex={0} role="region" aria-label={t("whatGoes")}>
        <ul class="bare">
          {targets.slice(0, MAX_ROWS).map((target) => (
            <li key={target.tag ?? target.digest} class="marks">
              <Name of={target} />
              {target.tag === null && <Size of={target.size} />}
            </li>
          ))}
          {targets.length > MAX_ROWS && (
            <li>{t("andMore", { count: targets.length - MAX_ROWS })}</li>
          )}
        </ul>
      </div>
      {images.length > 0 && <p class="hint">{t("sharedHint")}</p>}
    </>
  );
}

function Name({ of: { tag, tags, digest } }: { of: Target }) {
  if (tag !== null) return <strong>{tag}</strong>;
  return (
    <>
      {tags.length > 0 && <strong>{tags.join(", ")}</strong>}
      <code title={digest}>{shortDigest(digest)}</code>
    </>
  );
}

function Failures({ of, onClose }: { of: readonly Failed[]; onClose: () => void }) {
  return (
    <>
      <div role="alert">
        <p class="refusal">{t("notDeleted", { count: of.length })}</p>
        <ul>
          {of.slice(0, MAX_ROWS).map(({ target, error }) => (
            <li key={target.tag ?? target.digest}>
              <Name of={target} /> {sentenceOf(error)}
            </li>
          ))}
        </ul>
      </div>
      <button type="button" onClick={onClose}>
        {t("close")}
      </button>
    </>
  );
}
