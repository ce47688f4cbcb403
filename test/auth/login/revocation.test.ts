/** A revoked right ends at once, or half a minute later. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { addRobot, addSecret, signAsRegistry, takeBack } from "../../support/accounts.ts";
import { basic, RegistryClient, refusal, type Send, withSettings } from "../../support/client.ts";
import { blob, imageManifest, type Manifest } from "../../support/images.ts";
import { newNamespace, newUser } from "../../support/principals.ts";
import { leavesNothing } from "../../support/storage.ts";
import { laterMoment } from "../../support/waits.ts";

const push = [{ repositories: "*", actions: ["push" as const, "delete" as const] }];

let repository: string;
let image: Manifest;

beforeAll(async () => {
  const namespace = await newNamespace();
  repository = `${namespace}/app`;
  const admin = new RegistryClient({ repository });
  const config = await admin.pushBlob(blob());
  image = await admin.pushManifest(imageManifest({ config }), "latest");
});

afterEach(() => {
  vi.useRealTimers();
});

function client(authorization: string, send: Send = withSettings({})): RegistryClient {
  return new RegistryClient({ repository, authorization, send });
}

function bearerOf(authorization: string): Promise<string> {
  return client(authorization).token(`repository:${repository}:pull,push,delete`);
}

/** Moves the clock alone. */
function wait(milliseconds: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + milliseconds });
}

async function expectRevoked(response: Response): Promise<void> {
  expect(response.headers.get("www-authenticate")).toContain('error="invalid_token"');
  expect(await refusal(response)).toEqual({ status: 401, code: "UNAUTHORIZED" });
}

function everything(): string {
  return repository.replace(/\/.*/, "/*");
}

async function byUser() {
  const user = await newUser({ [everything()]: "maintainer" });
  return { subject: `user:${user.name}`, bearer: await bearerOf(user.authorization) };
}

async function byOwner() {
  const user = await newUser({ [everything()]: "maintainer" });
  const { secret } = await addSecret({ user: user.name, scopes: push });
  return { subject: `user:${user.name}`, bearer: await bearerOf(basic("", secret)) };
}

async function byToken() {
  const user = await newUser({ [everything()]: "maintainer" });
  const { id, secret } = await addSecret({ user: user.name, scopes: push });
  return { subject: `token:${id}`, bearer: await bearerOf(basic("", secret)) };
}

async function byRobot() {
  const robot = await addRobot(repository.split("/", 1)[0] ?? "", push);
  const { secret } = await addSecret({ robot });
  return { subject: `robot:${robot}`, bearer: await bearerOf(basic("", secret)) };
}

async function byRobotsToken() {
  const robot = await addRobot(repository.split("/", 1)[0] ?? "", push);
  const { id, secret } = await addSecret({ robot });
  return { subject: `token:${id}`, bearer: await bearerOf(basic("", secret)) };
}

async function byRule() {
  const dependsOn = ["rule:acme+one", "rule:acme+two"];
  const bearer = await signAsRegistry({ repository, name: "oidc:acme+one", dependsOn });
  return { subject: "rule:acme+two", bearer };
}

test.each([
  ["a user", byUser],
  ["the owner of a token", byOwner],
  ["a user's token", byToken],
  ["a robot", byRobot],
  ["a robot's token", byRobotsToken],
  ["one of a workload's rules", byRule],
])("%s that was revoked pushes, deletes and pulls no more", async (_, make) => {
  const { subject, bearer } = await make();
  expect((await client(bearer).request("POST", "blobs/uploads/")).status).toBe(202);
  await takeBack(subject);
  const late = client(bearer);
  await leavesNothing(async () => {
    await expectRevoked(await late.request("POST", "blobs/uploads/"));
    await expectRevoked(await late.putManifest("v2", image));
    await expectRevoked(await late.request("DELETE", "manifests/latest"));
    await expectRevoked(await late.request("DELETE", `blobs/${blob().digest}`));
  });
  await expectRevoked(await late.get("manifests/latest"));
  await expectRevoked(await client(bearer).get(`manifests/${image.digest}`));
});

test("a registry token that was revoked makes no repository by the management API", async () => {
  const { subject, bearer } = await byUser();
  await takeBack(subject);
  const name = repository.replace("/app", "/made");
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ name });
  const response = await client(bearer).request("POST", "/api/v1/repositories", { headers, body });
  expect(response.status).toBe(401);
  const row = await env.DB.prepare(`SELECT 1 FROM repositories WHERE name = ?1`).bind(name).first();
  expect(row).toBeNull();
});

test("an isolate that has just looked goes on for 30 seconds at most", async () => {
  const { subject, bearer } = await byUser();
  const pusher = client(bearer);
  const start = async () => pusher.request("POST", "blobs/uploads/");
  expect((await start()).status).toBe(202);
  await takeBack(subject);
  expect((await start()).status).toBe(202);
  wait(29_000);
  expect((await start()).status).toBe(202);
  wait(1_500);
  await expectRevoked(await start());
});

test("looking is one query in 30 seconds, whatever is pushed", async () => {
  const { bearer } = await byUser();
  let queries = 0;
  const database = new Proxy(env.DB, {
    get(target, name) {
      if (name !== "prepare") return Reflect.get(target, name) as unknown;
      return (sql: string) => {
        if (sql.includes("FROM revocations")) queries++;
        return target.prepare(sql);
      };
    },
  });
  const pusher = client(bearer, withSettings({ DB: database as never }));
  for (let i = 0; i < 5; i++) await pusher.request("POST", "blobs/uploads/");
  expect(queries).toBe(1);
});

test.each([
  ["a millisecond before the revocation", -1, 401],
  ["at its very millisecond", 0, 401],
  ["a millisecond after it, in the same second", 1, 202],
])("what was signed %s: %3$i", async (_, offset, status) => {
  const name = `u${crypto.randomUUID().slice(0, 8)}`;
  const revokedAt = Date.now() - 5_000;
  await env.DB.prepare(`INSERT INTO revocations VALUES (?1, ?2)`)
    .bind(`user:${name}`, revokedAt)
    .run();
  vi.useFakeTimers({ toFake: ["Date"], now: revokedAt + offset });
  const bearer = await signAsRegistry({ repository, name, signed: 0 });
  vi.useRealTimers();
  const response = await client(bearer).request("POST", "blobs/uploads/");
  expect(response.status).toBe(status);
});

test("who logs in anew after the revocation pushes on", async () => {
  const user = await newUser({ [everything()]: "writer" });
  await takeBack(`user:${user.name}`);
  await laterMoment();
  const bearer = await client(user.authorization).token(`repository:${repository}:pull,push`);
  expect((await client(bearer).request("POST", "blobs/uploads/")).status).toBe(202);
});

test("the revocation of one is not that of another", async () => {
  const { bearer } = await byUser();
  await takeBack("user:somebody-else");
  await takeBack("user:");
  expect((await client(bearer).request("POST", "blobs/uploads/")).status).toBe(202);
});

test("another ADMIN_PASSWORD ends what the administrator's tokens could do, and the same one does not", async () => {
  const bearer = await bearerOf(basic("admin", env.ADMIN_PASSWORD));
  const other = withSettings({ ADMIN_PASSWORD: "another password of the deployment" });
  const pushed = await client(bearer).request("POST", "blobs/uploads/");
  expect(pushed.status).toBe(202);
  await expectRevoked(await client(bearer, other).request("POST", "blobs/uploads/"));
  await expectRevoked(await client(bearer, other).get("manifests/latest"));
});
