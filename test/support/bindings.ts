/** The Worker's bindings, with something put between. */
import { vi } from "vitest";

export type Method = (...parameters: unknown[]) => unknown;

/** The object, with each of its methods replaced. */
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

/** From now on the edge is another place's, at which there is nothing yet. */
export function moveElsewhere(): void {
  const place = crypto.randomUUID();
  vi.stubGlobal("caches", { open: (name: string) => real.open(`${name}-${place}`) });
}
