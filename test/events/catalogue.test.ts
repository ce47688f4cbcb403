/** An entry has the fields of its action and no others: the compiler says so, and these lines say that it does. */
import { expect, test } from "vitest";
import { ACTIONS, type AuditEntry, type EntryOf } from "../../src/events/catalogue.ts";

const REPOSITORY = "acme/app";

const ENTRIES: readonly AuditEntry[] = [
  { action: "tag.delete", repository: REPOSITORY, reference: "v1" },
  { action: "retention.set", repository: REPOSITORY },
  { action: "retention.set", namespace: "acme", reference: "acme" },
  { action: "PUT /api/v1/users/:user", detail: "denied" },
  // @ts-expect-error The tag is missing.
  { action: "tag.delete", repository: REPOSITORY },
  // @ts-expect-error A user has no repository.
  { action: "user.delete", reference: "alice", repository: REPOSITORY },
  // @ts-expect-error Nothing is called so.
  { action: "tag.vanish", repository: REPOSITORY },
];

test("a field that came from elsewhere is one too many as well", () => {
  const more = { reference: "alice", digest: "sha256:0" };
  // @ts-expect-error A user has no digest.
  const entry: EntryOf<"user.delete"> = { action: "user.delete", ...more };
  const known = [...ENTRIES, entry].map(({ action }) => action in ACTIONS);
  expect(known).toEqual([true, true, true, false, true, true, false, true]);
});
