import { useEffect, useRef } from "preact/hooks";

/** Returns a reference to what a part was drawn with last, for work that takes long; null when the part is gone. */
export function useLatest<T>(value: T): { readonly current: T | null } {
  const latest = useRef<T | null>(null);
  latest.current = value;
  useEffect(
    () => () => {
      latest.current = null;
    },
    [],
  );
  return latest;
}
