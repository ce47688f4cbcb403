import { type ComponentChildren, createContext } from "preact";
import { useCallback, useContext, useRef, useState } from "preact/hooks";
import { t } from "../i18n/i18n.ts";

/** Something that was done, for eyes and screen readers; `undo` takes it back. */
interface Notice {
  readonly text: string;
  readonly undo?: () => Promise<void>;
}

const AnnouncerContext = createContext<(notice: Notice) => void>(() => {});

/** Returns the function that tells what was done. */
export function useAnnounce(): (notice: Notice) => void {
  return useContext(AnnouncerContext);
}

/** How long a notice stays, in milliseconds: long enough to decide to undo. */
const SHOWN_MS = 12_000;

export function Announcer({ children }: { children: ComponentChildren }) {
  const [notice, setNotice] = useState<Notice | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const announce = useCallback((next: Notice | null) => {
    if (timer.current !== null) clearTimeout(timer.current);
    setNotice(next);
    if (next !== null) timer.current = setTimeout(() => setNotice(null), SHOWN_MS);
  }, []);
  return (
    <AnnouncerContext.Provider value={announce}>
      {children}
      <div class="notice-area" role="status" aria-live="polite">
        {notice !== null && (
          <div class="notice">
            <span>{notice.text}</span>
            {notice.undo !== undefined && (
              <button type="button" class="link" onClick={() => void undo(notice, announce)}>
                {t("undo")}
              </button>
            )}
            <button
              type="button"
              class="icon"
              aria-label={t("dismiss")}
              onClick={() => announce(null)}
            >
              ×
            </button>
          </div>
        )}
      </div>
    </AnnouncerContext.Provider>
  );
}

async function undo(notice: Notice, announce: (next: Notice) => void): Promise<void> {
  try {
    await notice.undo?.();
    announce({ text: t("undone") });
  } catch (error) {
    announce({ text: (error as Error).message });
  }
}
