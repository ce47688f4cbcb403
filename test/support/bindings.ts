/** The Worker's bindings, with a wrapper around their calls. */
import { vi } from "vitest";

export type Method = (...parameters: unknown[]) => unknown;

/** Replaces each method of the object. */
export function intercept<T extends object>(
  object: T,
  replace: (name: string, call: Method) => Method,
): T {
  return new Proxy(object, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function" || typeof name !== "string") return value;
      return replace(name, (...parameters) => Reflect.apply(value, target, parameters) as unknown);
    },
  });
}

const real = caches;

/** Moves the edge cache to another location, where it is empty. */
export function moveElsewhere(): void {
  const place = crypto.randomUUID();
  vi.stubGlobal("caches", { open: (name: string) => real.open(`${name}-${place}`) });
}
