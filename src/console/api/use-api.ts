import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, call } from "./client.ts";

/** What a page knows of a resource of the API. The last value stays while it is read again. */
export interface Resource<T> {
  readonly value: T | null;
  readonly error: Error | null;
  readonly isLoading: boolean;
  readonly reload: () => Promise<void>;
}

/** How often a page in sight asks for changes that others made, in milliseconds. */
const REFRESH_MS = 10_000;

/** Reads a resource, and again every ten seconds while the page is in sight. @param path below /api/v1; null for none */
export function useApi<T>(path: string | null): Resource<T> {
  const [state, setState] = useState<State<T>>({ path: null, value: null, error: null });
  const current = useRef(path);
  current.current = path;
  const load = useCallback(
    async (signal?: AbortSignal) => {
      if (path === null) return;
      try {
        const value = await call<T>(path, signal === undefined ? {} : { signal });
        if (current.current === path) setState({ path, value, error: null });
      } catch (error) {
        if (signal?.aborted === true || current.current !== path) return;
        // What was read before stays in sight when a refresh fails for once.
        setState((before) => ({
          path,
          value: before.path === path && mayPass(error) ? before.value : null,
          error: error as Error,
        }));
      }
    },
    [path],
  );
  useEffect(() => {
    const controller = new AbortController();
    void load(controller.signal);
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void load(controller.signal);
    }, REFRESH_MS);
    const onFocus = () => void load(controller.signal);
    addEventListener("focus", onFocus);
    return () => {
      controller.abort();
      clearInterval(timer);
      removeEventListener("focus", onFocus);
    };
  }, [load]);
  const isCurrent = state.path === path;
  return {
    // Another page of the same list keeps the old rows until the new ones are there, so that nothing jumps.
    value: isCurrent || sameList(state.path, path) ? state.value : null,
    error: isCurrent ? state.error : null,
    isLoading: path !== null && !isCurrent,
    reload: load,
  };
}

interface State<T> {
  readonly path: string | null;
  readonly value: T | null;
  readonly error: Error | null;
}

function sameList(one: string | null, other: string | null): boolean {
  return one !== null && other !== null && one.split("?", 1)[0] === other.split("?", 1)[0];
}

/** Whether a failure says nothing of what was asked for: no answer came, or the registry had none at that moment. */
function mayPass(error: unknown): boolean {
  if (error instanceof ApiError) return error.status === 429 || error.status >= 500;
  // Browsers throw a TypeError if no answer came.
  return error instanceof TypeError;
}

export interface Action<Arguments extends readonly unknown[]> {
  readonly run: (...given: Arguments) => Promise<void>;
  readonly isBusy: boolean;
  readonly error: Error | null;
  readonly clear: () => void;
}

/** Makes an action that runs once at a time, and whose failure is shown and not thrown. */
export function useAction<Arguments extends readonly unknown[]>(
  work: (...given: Arguments) => Promise<void>,
): Action<Arguments> {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const running = useRef(false);
  const run = async (...given: Arguments) => {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    setError(null);
    try {
      await work(...given);
    } catch (caught) {
      setError(caught as Error);
    } finally {
      running.current = false;
      setBusy(false);
    }
  };
  return { run, isBusy, error, clear: () => setError(null) };
}
