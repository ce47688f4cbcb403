/** Names that no user can have, since the audit log and the code use them for parts of the registry. */
import { expect, test } from "vitest";
import { VIAS } from "../../../src/auth/policy/access.ts";
import { isReserved } from "../../../src/auth/policy/reserved.ts";
import { PASSWORD, refused } from "../../support/management.ts";

const SOURCES = import.meta.glob<string>("../../../src/**/*.ts", {
  query: "?raw",
  import: "default",
  eager: true,
});

/** Collects the names of the registry's own work in the code: the `via` of audit entries, and the names of jobs. */
function namesInCode(): string[] {
  const all = Object.values(SOURCES).join("\n");
  const names = [
    ...all.matchAll(
      /\bvia: "([a-z-]+)"|\b(?:[A-Z]+_)?JOB = "([a-z-]+)"|^  readonly name = "([a-z-]+)"|statelessJob\("([a-z-]+)"/gm,
    ),
  ];
  return [...new Set(names.map(([, ...found]) => found.find((name) => name !== undefined) ?? ""))];
}

test("the code's names for what is no person are found, and each is reserved", () => {
  const names = namesInCode();
  expect(names).toEqual(
    expect.arrayContaining(["retention", "registry", "fsck", "export", "gc", "prune", "oidc"]),
  );
  expect([...names, ...VIAS].filter((name) => !isReserved(name))).toEqual([]);
});

test.each(["anonymous", "oidc", "retention", "registry", "fsck", "export", "gc", "token", "robot"])(
  "POST /users: nobody is called %s",
  async (name) => {
    const answer = await refused("POST", "/users", { name, password: PASSWORD });
    expect(answer).toEqual({ status: 400, code: "FIELD_INVALID" });
  },
);

test("POST /users: the built-in administrator's name is taken", async () => {
  const answer = await refused("POST", "/users", { name: "admin", password: PASSWORD });
  expect(answer).toEqual({ status: 409, code: "CONFLICT" });
});
