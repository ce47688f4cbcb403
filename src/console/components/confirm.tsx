import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ApiError } from "../api/client.ts";
import { useAction } from "../api/use-api.ts";
import { t } from "../i18n/i18n.ts";
import { Dialog } from "./dialog.tsx";
import { Field } from "./form.tsx";
import { Failure } from "./parts.tsx";

interface ConfirmProps {
  readonly title: string;
  /** What the button does: "Delete". */
  readonly act: string;
  /** A name that has to be typed first, for what cannot be undone. */
  readonly typed?: string;
  /** @param confirmed what the API asked to be confirmed the last time; null for nothing */
  readonly work: (confirmed: string | null) => Promise<void>;
  readonly onClose: () => void;
  /** What goes, and how to get it back. */
  readonly children?: ComponentChildren;
}

/** Asks before something is deleted. If the API then asks once more, its question is shown and answered here too. */
export function Confirm({ title, act, typed, work, onClose, children }: ConfirmProps) {
  const [name, setName] = useState("");
  const [asked, setAsked] = useState<string | null>(null);
  const action = useAction(async () => {
    try {
      await work(asked);
    } catch (error) {
      if (error instanceof ApiError) setAsked(error.confirms);
      throw error;
    }
    onClose();
  });
  const isReady = typed === undefined || name === typed;
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) void action.run();
        }}
      >
        {children}
        {typed !== undefined && (
          <Field
            label={t("typeName", { name: typed })}
            name="confirmation"
            value={name}
            onValue={setName}
          />
        )}
        {action.error !== null && <Failure error={action.error} />}
        <div class="form-end">
          <button type="submit" class="danger" disabled={action.isBusy || !isReady}>
            {action.isBusy ? t("working") : asked === null ? act : t("allTheSame", { act })}
          </button>
          <button type="button" onClick={onClose}>
            {t("cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
