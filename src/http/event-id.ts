import { RegistryError } from "../oci/errors.ts";

/** What a dead event's id says: the subscriber that failed to receive it, and its number. */
export interface DeadEventId {
  readonly subscriber: string;
  readonly order: number;
}

/** Returns the text of an id, such as "jobs-41". */
export function formatDeadEventId({ subscriber, order }: DeadEventId): string {
  return `${subscriber}-${order}`;
}

/** Reads the text of an id; null for one that this registry cannot have given out. */
export function readDeadEventId(text: string): DeadEventId | null {
  const [, subscriber, order] = /^([a-z]{1,40})-(\d{1,15})$/.exec(text) ?? [];
  if (subscriber === undefined || order === undefined) return null;
  return { subscriber, order: Number(order) };
}

/** Parses the id in a path. @throws NOT_FOUND */
export function parseDeadEventId(text: string): DeadEventId {
  const id = readDeadEventId(text);
  if (id === null) throw new RegistryError("NOT_FOUND");
  return id;
}
