import { useEffect, useRef } from "preact/hooks";

/** How long to wait for the next key, in milliseconds. */
const TYPING_MS = 200;

interface Pause {
  /** Does something when no key was pressed for a moment. */
  readonly wait: (work: () => void) => void;
  readonly cancel: () => void;
}

/** Waits for a pause while somebody types; who goes on to another path does not want to be brought back. */
export function usePause(path: string): Pause {
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const cancel = () => {
    if (timer.current !== null) clearTimeout(timer.current);
  };
  useEffect(() => cancel, [path]);
  return {
    wait: (work) => {
      cancel();
      timer.current = setTimeout(work, TYPING_MS);
    },
    cancel,
  };
}
