import { useState } from "preact/hooks";
import { call } from "../api/client.ts";
import { t } from "../i18n/i18n.ts";

interface Versioned {
  readonly version: number;
}

/** What a form makes of something that others may change at the same time. */
export interface Editing<Draft> {
  readonly draft: Draft;
  /** Whether somebody else saved after the draft was begun. */
  readonly isOutdated: boolean;
  readonly set: (change: Partial<Draft>) => void;
  /**
   * Saves the draft as a change of the version that it began with, by PATCH.
   * @param to a path below /api/v1
   * @throws ApiError if somebody else saved after that, among others
   */
  readonly save: (to: string, body: object) => Promise<void>;
  /** Gives the draft up for what is saved. */
  readonly restart: () => void;
  /** Keeps the draft: the next save replaces what somebody else saved. */
  readonly keep: () => void;
}

/**
 * Keeps what the reader types while the thing is read again. A form that nobody typed in shows what is saved last.
 * @param draftOf what of the thing the form edits
 * @param reload reads the thing again
 */
export function useDraft<Saved extends Versioned, Draft extends object>(
  read: Saved,
  draftOf: (saved: Saved) => Draft,
  reload: () => Promise<void>,
): Editing<Draft> {
  const [typed, setTyped] = useState<(Versioned & { readonly draft: Draft }) | null>(null);
  const [saved, setSaved] = useState(read);
  // The answer of a save is there before the thing is read again.
  const newest = saved.version > read.version ? saved : read;
  const { draft, version } = typed ?? { draft: draftOf(newest), version: newest.version };
  return {
    draft,
    isOutdated: version < newest.version,
    set: (change) =>
      setTyped((before) => {
        const begun = before ?? { draft, version };
        return { ...begun, draft: { ...begun.draft, ...change } };
      }),
    async save(to, body) {
      try {
        setSaved(await call<Saved>(to, { method: "PATCH", body, version }));
        setTyped(null);
      } finally {
        await reload();
      }
    },
    restart: () => setTyped(null),
    keep: () => setTyped({ draft, version: newest.version }),
  };
}

/** Tells that somebody else saved meanwhile, and lets the reader choose. */
export function Outdated({ of }: { of: Pick<Editing<object>, "isOutdated" | "restart" | "keep"> }) {
  return (
    <div role="status">
      {of.isOutdated && (
        <div class="warning">
          <p>{t("changedElsewhere")}</p>
          <p class="actions">
            <button type="button" onClick={of.restart}>
              {t("takeTheirs")}
            </button>
            <button type="button" onClick={of.keep}>
              {t("keepMine")}
            </button>
          </p>
        </div>
      )}
    </div>
  );
}
