/** Disabled accounts: who disabled them, and when their tokens and logins end. */
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { basic, RegistryClient, type Send, withSettings } from "../support/client.ts";
import { blob, imageManifest } from "../support/images.ts";
import {
  api,
  done,
  makeNamespace,
  makeToken,
  makeUser,
  problem,
  pushes,
  refused,
} from "../support/management.ts";

const UNAUTHORIZED = { status: 401, code: "UNAUTHORIZED" };

interface Account {
  readonly disabled: boolean;
  readonly disabledAt: string | null;
  readonly disabledBy: string | null;
}

afterEach(() => {
  vi.useRealTimers();
});

/** A caller that may push to a repository with an image, and the path of its account. */
interface Place {
  readonly repository: string;
  readonly path: string;
  /** All that the account can log in with. */
  readonly logins: readonly string[];
}

async function makePlace(kind: "user" | "robot"): Promise<Place> {
  const { namespace, owner } = await makeNamespace();
  const repository = `${namespace}/app`;
  const app = new RegistryClient({ repository });
  const config = await app.pushBlob(blob());
  await app.pushManifest(imageManifest({ config }), "latest");
  if (kind === "user") {
    const user = await makeUser();
    await done("PUT", `/namespaces/${namespace}/members/${user.name}`, { role: "writer" });
    const secret = await makeToken(user, { expiresInDays: null });
    const logins = [user.authorization, basic(user.name, secret), `Bearer ${secret}`];
    return { repository, path: `/users/${user.name}`, logins };
  }
  const scopes = [{ repositories: repository, actions: ["push"] }];
  const { name, secret } = await done<{ name: string; secret: string }>(
    "POST",
    `/namespaces/${namespace}/robots`,
    { name: "ci", scopes },
    { as: owner.authorization },
  );
  const logins = [basic(name, secret), `Bearer ${secret}`];
  return { repository, path: `/namespaces/${namespace}/robots/ci`, logins };
}

const KINDS = ["user", "robot"] as const;

test.each(KINDS)(
  "a disabled %s logs in by nothing, and is told why; enabled again, by all",
  async (kind) => {
    const { path, logins } = await makePlace(kind);
    await done("PATCH", path, { disabled: true });
    for (const as of logins) {
      const response = await api("GET", "/me", undefined, { as, send: withSettings({}) });
      expect(await response.clone().text()).toContain("the account is disabled");
      expect(await problem(response)).toEqual(UNAUTHORIZED);
    }
    await done("PATCH", path, { disabled: false });
    for (const as of logins) await done("GET", "/me", undefined, { as });
  },
);

test("who does not know a disabled user's password is not told that it is disabled", async () => {
  const { path } = await makePlace("user");
  await done("PATCH", path, { disabled: true });
  const as = basic(path.replace("/users/", ""), "wrong");
  const response = await api("GET", "/me", undefined, { as, send: withSettings({}) });
  expect(await response.text()).toContain("wrong user name or password");
});

test.each(KINDS)(
  "what a %s had logged in with before ends: pushes in 30 seconds, pulls in 60",
  async (kind) => {
    const { repository, path, logins } = await makePlace(kind);
    // Another isolate, which has just read the revocations and has the login cached.
    const elsewhere: Send = withSettings({});
    const [login = ""] = logins;
    const client = new RegistryClient({ repository, authorization: login, send: elsewhere });
    const scope = `repository:${repository}:pull,push`;
    const bearer = client.as(await client.token(scope));
    expect((await bearer.request("POST", "blobs/uploads/")).status).toBe(202);
    await bearer.pullManifest("latest");
    await done("PATCH", path, { disabled: true });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 30_001 });
    expect((await bearer.request("POST", "blobs/uploads/")).status).toBe(401);
    expect((await client.get(`/token?service=registry.test&scope=${scope}`)).status).toBe(401);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 30_001 });
    expect((await bearer.get("manifests/latest")).status).toBe(401);
  },
);

test.each(KINDS)("the record and the log say who disabled a %s, and since when", async (kind) => {
  const { path, repository } = await makePlace(kind);
  const [namespace = ""] = repository.split("/");
  const chief = await makeUser({ admin: true });
  const began = Date.now() - 1_000;
  const account = await done<Account>(
    "PATCH",
    path,
    { disabled: true },
    { as: chief.authorization },
  );
  expect(account).toMatchObject({ disabled: true, disabledBy: chief.name });
  expect(Date.parse(account.disabledAt ?? "")).toBeGreaterThan(began);
  // A second caller who disables it again is not recorded as the one who did it.
  expect(await done("PATCH", path, { disabled: true })).toMatchObject({
    disabledBy: chief.name,
    disabledAt: account.disabledAt,
  });
  expect(await done("GET", path)).toMatchObject({ disabled: true, disabledBy: chief.name });
  const enabled = { disabled: false, disabledAt: null, disabledBy: null };
  expect(await done("PATCH", path, { disabled: false })).toMatchObject(enabled);
  const reference = kind === "user" ? path.replace("/users/", "") : `${namespace}+ci`;
  const { results } = await env.DB.prepare(
    `SELECT actor, detail FROM audit WHERE reference = ?1 AND action LIKE '%.update' ORDER BY id`,
  )
    .bind(reference)
    .all();
  expect(results).toEqual([
    { actor: chief.name, detail: "disabled=true" },
    { actor: "admin", detail: "disabled=true" },
    { actor: "admin", detail: "disabled=false" },
  ]);
});

test("another change leaves a disabled account as it is, and its roles and tokens stay", async () => {
  const { path, logins, repository } = await makePlace("user");
  await done("PATCH", path, { disabled: true });
  expect(await done("PATCH", path, { admin: false })).toMatchObject({ disabled: true });
  const robot = await makePlace("robot");
  await done("PATCH", robot.path, { disabled: true });
  expect(await done("PATCH", robot.path, { description: "x" })).toMatchObject({ disabled: true });
  await done("PATCH", path, { disabled: false });
  for (const login of logins.slice(0, 2)) expect(await pushes(login, repository)).toBe(202);
});

test("nobody disables themselves, and the built-in administrator is never disabled", async () => {
  const { name, authorization: as } = await makeUser({ admin: true });
  const own = await refused("PATCH", `/users/${name}`, { disabled: true }, { as });
  expect(own).toEqual({ status: 409, code: "CONFLICT" });
  const admin = await refused("PATCH", "/users/admin", { disabled: true }, { as });
  expect(admin).toEqual({ status: 403, code: "DENIED" });
  const statement = `UPDATE users SET disabled_at = 1, disabled_by = 'x' WHERE name = 'admin'`;
  await expect(env.DB.prepare(statement).run()).rejects.toThrow("CHECK constraint failed");
});
