import type { ComponentChildren } from "preact";
import type { Resource } from "../api/use-api.ts";
import { Failure, Loading } from "./parts.tsx";

/** Shows a resource when it is there, and before that that it is read, or why it cannot be. */
export function Shown<T>({
  of,
  rows,
  children,
}: {
  of: Resource<T>;
  rows?: number;
  children: (value: T) => ComponentChildren;
}) {
  if (of.value !== null) return <>{children(of.value)}</>;
  if (of.error !== null) return <Failure error={of.error} retry={of.reload} />;
  return <Loading {...(rows === undefined ? {} : { rows })} />;
}
