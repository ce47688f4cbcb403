/** An edge that has nothing yet. */
import { vi } from "vitest";

const real = caches;

/** Moves the edge cache to another location, where it is empty. */
export function moveElsewhere(): void {
  const place = crypto.randomUUID();
  vi.stubGlobal("caches", { open: (name: string) => real.open(`${name}-${place}`) });
}
