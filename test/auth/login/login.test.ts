/** The ways to log in, and the rights that each gives. */
import { env } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import type { ScopeAction } from "../../../src/auth/policy/access.ts";
import { addRobot, addSecret, logIn, makePublic, takeBack } from "../../support/accounts.ts";
import {
  basic,
  HOST,
  RegistryClient,
  refusal,
  tokenPath,
  withSettings,
} from "../../support/client.ts";
import { blob, imageManifest, type Manifest } from "../../support/images.ts";
import { newNamespace, newUser, type Person } from "../../support/principals.ts";
import { leavesNothing } from "../../support/storage.ts";

const PASSWORD = "a password of twelve and more";
const UNAUTHORIZED = { status: 401, code: "UNAUTHORIZED" };
const DENIED = { status: 403, code: "DENIED" };
const DAY = 86_400_000;

let namespace: string;
/** A user who may push to the namespace, and an image in it. */
let writer: Person;
let app: RegistryClient;
let image: Manifest;

beforeAll(async () => {
  namespace = await newNamespace();
  writer = await newUser({ [`${namespace}/*`]: "writer" });
  app = new RegistryClient({ repository: `${namespace}/app` });
  image = await pushImage(app);
});

afterEach(() => {
  vi.useRealTimers();
});

/** Moves the clock alone. */
function wait(milliseconds: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + milliseconds });
}

async function pushImage(client: RegistryClient): Promise<Manifest> {
  const config = await client.pushBlob(blob());
  return client.pushManifest(imageManifest({ config }), "latest");
}

function scope(...actions: string[]): string {
  return `repository:${namespace}/app:${actions.join(",")}`;
}

function scopes(repositories: string, ...actions: ScopeAction[]) {
  return [{ repositories, actions }];
}

/** Returns the access in the answer's token. */
async function granted(response: Response): Promise<string[]> {
  expect(response.status, await response.clone().text()).toBe(200);
  const { token } = await response.json<{ token: string }>();
  const { access } = decodeJwt<{ access: { name: string; actions: string[] }[] }>(token);
  return access.map(({ name, actions }) => `${name}:${actions.join(",")}`);
}

function all(): string {
  return scope("pull", "push", "delete");
}

test("GET /token: a user logs in with the password, and gets what the role gives", async () => {
  const client = app.as(writer.authorization);
  expect(await granted(await client.get(tokenPath(all())))).toEqual([`${namespace}/app:pull,push`]);
});

test("POST /token: a user logs in with the password", async () => {
  const response = await logIn(writer.name, PASSWORD, all());
  expect(await granted(response)).toEqual([`${namespace}/app:pull,push`]);
});

test.each([
  ["a wrong password", () => [writer.name, "wrong"]],
  ["no password", () => [writer.name, ""]],
  ["another's name", () => ["nobody", PASSWORD]],
  ["no name", () => ["", PASSWORD]],
  ["the name in capitals", () => [writer.name.toUpperCase(), PASSWORD]],
  ["a zero after the name", () => [`${writer.name}\0`, PASSWORD]],
  ["a space after the name", () => [`${writer.name} `, PASSWORD]],
  ["the hash for a password", async () => [writer.name, await storedHash()]],
  ["the administrator's password", () => [writer.name, env.ADMIN_PASSWORD]],
  ["a user's password for the administrator", () => ["admin", PASSWORD]],
  ["nothing for the administrator", () => ["admin", ""]],
  ["a name of 256 characters", () => ["x".repeat(256), PASSWORD]],
  ["a password of 20,000 characters", () => [writer.name, "x".repeat(20_000)]],
])("%s: 401 by form, by Basic at /token and by Basic at /v2/", async (_, make) => {
  const [username = "", password = ""] = await make();
  const send = at();
  const client = new RegistryClient({ authorization: basic(username, password), send });
  const answers = [
    await logIn(username, password, all(), send),
    await client.get(tokenPath()),
    await client.get("/v2/"),
  ];
  for (const answer of answers) {
    expect(answer.headers.get("www-authenticate")).toMatch(
      /^Bearer realm="https:\/\/registry.test\/token"/,
    );
    expect(answer.headers.get("retry-after")).toBeNull();
    expect(await refusal(answer)).toEqual(UNAUTHORIZED);
  }
});

let addresses = 0;

/** Calls the Worker from an address of its own. */
function at(): (request: Request) => Promise<Response> {
  const address = `198.18.0.${++addresses}`;
  const send = withSettings({});
  return (request) => {
    request.headers.set("cf-connecting-ip", address);
    return send(request);
  };
}

async function storedHash(): Promise<string> {
  const row = await env.DB.prepare(`SELECT password FROM users WHERE name = ?1`)
    .bind(writer.name)
    .first<{ password: string }>();
  return row?.password ?? "";
}

test("an account that is not there is refused in the same words as a wrong password", async () => {
  const wrong = await logIn(writer.name, "wrong", "", at());
  const absent = await logIn("nobody-at-all", "wrong", "", at());
  expect(await absent.text()).toBe(await wrong.text());
});

test("a token of the user's is a password for its owner's name, limited to its scopes", async () => {
  const { secret } = await addSecret({
    user: writer.name,
    scopes: scopes(`${namespace}/app`, "pull"),
  });
  expect(await granted(await logIn(writer.name, secret, all()))).toEqual([`${namespace}/app:pull`]);
  const client = app.as(basic(writer.name, secret));
  expect(await client.pullManifest("latest")).toEqual(image.bytes);
  expect((await client.request("POST", "blobs/uploads/")).status).toBe(403);
});

test("a token's scopes give nothing that its owner may not do", async () => {
  const { secret } = await addSecret({ user: writer.name, scopes: scopes("*", "admin") });
  expect(await granted(await logIn(writer.name, secret, all()))).toEqual([
    `${namespace}/app:pull,push`,
  ]);
  const response = await app.as(`Bearer ${secret}`).get("/api/v1/users");
  expect(response.status).toBe(403);
});

test.each([
  ["another user's", () => newUser().then(({ name }) => name)],
  ["the administrator's", () => "admin"],
  ["nobody's", () => "nobody"],
  ["the workloads'", () => "oidc"],
])("a token with %s name is refused", async (_, nameOf) => {
  const { secret } = await addSecret({ user: writer.name, scopes: scopes("*", "admin") });
  const response = await logIn(await nameOf(), secret, all(), at());
  expect(await refusal(response)).toEqual(UNAUTHORIZED);
});

test("a token needs no name as a Bearer token on /v2/, nor as a password without one", async () => {
  const { secret } = await addSecret({ user: writer.name, scopes: scopes("*", "push") });
  for (const authorization of [`Bearer ${secret}`, basic("", secret)]) {
    const client = app.as(authorization);
    expect((await client.get("/v2/")).status).toBe(200);
    expect(await client.pullManifest("latest")).toEqual(image.bytes);
    expect((await client.request("POST", "blobs/uploads/")).status).toBe(202);
  }
});

function users({ secret }: { readonly secret: string }): Promise<Response> {
  return app.as(`Bearer ${secret}`).get("/api/v1/users");
}

test("an administrator's token is an administrator's only where nothing limits it", async () => {
  const everything = await addSecret({ user: "admin", scopes: scopes("*", "admin") });
  const limited = await addSecret({ user: "admin", scopes: scopes("*", "push", "delete") });
  expect((await users(everything)).status).toBe(200);
  expect((await users(limited)).status).toBe(403);
});

test("a robot logs in with its name and secret, for its scopes", async () => {
  const robot = await addRobot(namespace, scopes(`${namespace}/*`, "push"));
  const { secret } = await addSecret({ robot });
  expect(await granted(await logIn(robot, secret, all()))).toEqual([`${namespace}/app:pull,push`]);
  expect((await app.as(`Bearer ${secret}`).startUpload()).length).toBeGreaterThan(0);
  expect(await refusal(await logIn(writer.name, secret, "", at()))).toEqual(UNAUTHORIZED);
});

test("a robot has no password: not even its own name, or nothing", async () => {
  const robot = await addRobot(namespace, scopes(`${namespace}/*`, "push"));
  const send = at();
  for (const password of ["", robot, PASSWORD]) {
    expect(await refusal(await logIn(robot, password, "", send))).toEqual(UNAUTHORIZED);
  }
});

test("a token that has expired is refused, and says so", async () => {
  const expires = Date.now() - 1;
  const { secret } = await addSecret({ user: writer.name, scopes: scopes("*", "push"), expires });
  const response = await logIn(writer.name, secret, "", at());
  expect(await response.clone().text()).toContain("the token has expired");
  expect(await refusal(response)).toEqual(UNAUTHORIZED);
});

test("what a token is exchanged for ends no later than the token", async () => {
  const expires = Date.now() + 60_000;
  const { secret } = await addSecret({ user: writer.name, scopes: scopes("*", "push"), expires });
  const response = await logIn(writer.name, secret, all());
  const { token, expires_in } = await response.json<{ token: string; expires_in: number }>();
  expect(decodeJwt(token).exp).toBe(Math.floor(expires / 1000));
  expect(expires_in).toBeLessThanOrEqual(60);
});

test("a token that was deleted is refused", async () => {
  const { id, secret } = await addSecret({ user: writer.name, scopes: scopes("*", "push") });
  expect((await app.as(`Bearer ${secret}`).get("/v2/")).status).toBe(200);
  await env.DB.prepare(`DELETE FROM tokens WHERE id = ?1`).bind(id).run();
  const answer = await new RegistryClient({
    authorization: `Bearer ${secret}`,
    send: at(),
  }).get("/v2/");
  expect(await refusal(answer)).toEqual(UNAUTHORIZED);
});

test("a user who was deleted is refused, half a minute later also where the password was right a moment ago", async () => {
  const user = await newUser();
  const client = new RegistryClient({ authorization: user.authorization, send: at() });
  expect((await client.get("/v2/")).status).toBe(200);
  await env.DB.prepare(`DELETE FROM users WHERE name = ?1`).bind(user.name).run();
  await takeBack(`user:${user.name}`);
  const elsewhere = new RegistryClient({ authorization: user.authorization, send: at() });
  expect(await refusal(await elsewhere.get("/v2/"))).toEqual(UNAUTHORIZED);
  wait(30_500);
  expect(await refusal(await client.get("/v2/"))).toEqual(UNAUTHORIZED);
});

test("a password that was changed is refused, half a minute later also where it was right a moment ago", async () => {
  const user = await newUser();
  const client = new RegistryClient({ authorization: user.authorization, send: at() });
  expect((await client.get("/v2/")).status).toBe(200);
  await env.DB.prepare(`UPDATE users SET password = 'x' WHERE name = ?1`).bind(user.name).run();
  await takeBack(`user:${user.name}`);
  const elsewhere = new RegistryClient({ authorization: user.authorization, send: at() });
  expect(await refusal(await elsewhere.get("/v2/"))).toEqual(UNAUTHORIZED);
  wait(30_500);
  expect(await refusal(await client.get("/v2/"))).toEqual(UNAUTHORIZED);
});

test("a role that changes changes the next token", async () => {
  const user = await newUser({ [`${namespace}/*`]: "reader" });
  const { authorization } = user;
  const ask = async () => {
    const elsewhere = new RegistryClient({ authorization, send: withSettings({}) });
    return granted(await elsewhere.get(tokenPath(all())));
  };
  expect(await ask()).toEqual([`${namespace}/app:pull`]);
  const update = env.DB.prepare(`UPDATE members SET role = 'maintainer' WHERE user = ?1`);
  await update.bind(user.name).run();
  expect(await ask()).toEqual([`${namespace}/app:pull,push,delete`]);
  await env.DB.prepare(`DELETE FROM members WHERE user = ?1`).bind(user.name).run();
  expect(await ask()).toEqual([]);
});

test("what was refused is 403 with the repository and what to do: no client asks for another token", async () => {
  const user = await newUser({ [`${namespace}/*`]: "reader" });
  const client = app.as(user.authorization);
  const bearer = client.as(await client.token(scope("pull", "push")));
  for (let i = 0; i < 2; i++) {
    const response = await leavesNothing(() => bearer.request("POST", "blobs/uploads/"));
    expect(response.headers.get("www-authenticate")).toBeNull();
    const text = await response.clone().text();
    expect(text).toContain(`may not push to ${namespace}/app`);
    expect(text).toContain("its owners can give access");
    expect(await refusal(response)).toEqual(DENIED);
  }
  const again = await client.get(tokenPath(scope("pull", "push")));
  expect(await granted(again)).toEqual([`${namespace}/app:pull`]);
});

test("what a token was not asked for is 401: another one may give it", async () => {
  const client = app.as(await app.as(writer.authorization).token(scope("pull")));
  const response = await client.request("POST", "blobs/uploads/");
  expect(response.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
  expect(await refusal(response)).toEqual(UNAUTHORIZED);
});

test("a repository that one may not see and one that is not there are refused in the same words", async () => {
  const stranger = await newUser();
  const client = app.as(stranger.authorization);
  const there = await client.get("manifests/latest");
  const absent = await client.in(`${namespace}/xyz`).get("manifests/latest");
  expect(await refusal(absent.clone())).toEqual(DENIED);
  const [first, second] = [await there.text(), await absent.text()];
  expect(second).toBe(first.replaceAll(`${namespace}/app`, `${namespace}/xyz`));
  const tokens = await Promise.all(
    [app.repository, `${namespace}/xyz`].map((name) =>
      client.get(tokenPath(`repository:${name}:pull`)).then(granted),
    ),
  );
  expect(tokens).toEqual([[], []]);
});

test("everyone pulls a public repository with a token for nobody, and nothing else", async () => {
  const open = app.in(`${namespace}/open`);
  const pushed = await pushImage(open);
  await makePublic(open.repository);
  const nobody = open.as(null);
  const bearer = nobody.as(await nobody.token(`repository:${open.repository}:pull,push`));
  expect(await bearer.pullManifest("latest")).toEqual(pushed.bytes);
  const push = await leavesNothing(() => bearer.request("POST", "blobs/uploads/"));
  expect(await push.clone().text()).toContain(`log in to push to ${open.repository}`);
  expect(await refusal(push)).toEqual(DENIED);
  expect((await bearer.in(app.repository).get("manifests/latest")).status).toBe(401);
  expect((await bearer.get("/api/v1/me")).status).toBe(401);
});

test("without credentials a private repository is 401 in the same words as none", async () => {
  const nobody = app.as(null);
  const there = await nobody.get("manifests/latest");
  const absent = await nobody.in(`${namespace}/xyz`).get("manifests/latest");
  expect(absent.headers.get("www-authenticate")).toBe(
    `Bearer realm="https://${HOST}/token",service="${HOST}",scope="repository:${namespace}/xyz:pull"`,
  );
  expect(await refusal(absent.clone())).toEqual(UNAUTHORIZED);
  expect(await absent.text()).toBe(await there.text());
  for (const name of [app.repository, `${namespace}/xyz`]) {
    const bearer = nobody.as(await nobody.token(`repository:${name}:pull`));
    expect(await refusal(await bearer.in(name).get("manifests/latest"))).toEqual(UNAUTHORIZED);
  }
});

test("a public repository is everyone's to pull, with credentials for something else as well", async () => {
  const open = app.in(`${namespace}/open2`);
  const pushed = await pushImage(open);
  await makePublic(open.repository);
  const stranger = await newUser();
  const limited = await addSecret({ user: "admin", scopes: scopes("else/*", "pull") });
  const robot = await addSecret({
    robot: await addRobot(namespace, scopes(`${namespace}/app`, "pull")),
  });
  for (const authorization of [
    stranger.authorization,
    `Bearer ${limited.secret}`,
    `Bearer ${robot.secret}`,
  ]) {
    const client = open.as(authorization);
    expect(await client.pullManifest("latest")).toEqual(pushed.bytes);
    expect((await client.request("POST", "blobs/uploads/")).status).toBe(403);
    expect((await client.in(`${namespace}/private`).get("manifests/latest")).status).toBe(403);
  }
});

test("PUBLIC_PULL: whoever logs in pulls all the same, by Basic as well as with a token", async () => {
  const stranger = await newUser();
  const { secret } = await addSecret({ user: writer.name, scopes: scopes("else/*", "pull") });
  for (const authorization of [stranger.authorization, `Bearer ${secret}`]) {
    const send = withSettings({ PUBLIC_PULL: "true" });
    const client = new RegistryClient({ repository: app.repository, authorization, send });
    expect(await client.pullManifest("latest")).toEqual(image.bytes);
    expect((await client.request("POST", "blobs/uploads/")).status).toBe(403);
    expect((await client.get("/api/v1/users")).status).toBe(403);
  }
});

test("a mount takes nothing from where the token's limits do not reach, though its owner may pull there", async () => {
  const secretLayer = await app.in(`${namespace}/secret`).pushBlob(blob());
  const { secret } = await addSecret({
    user: writer.name,
    scopes: scopes(`${namespace}/app`, "push"),
  });
  const client = app.as(`Bearer ${secret}`);
  const bearer = client.as(`Bearer ${await tokenOf(await logIn(writer.name, secret, all()))}`);
  for (const who of [client, bearer]) {
    for (const source of ["", `&from=${namespace}/secret`]) {
      const path = `blobs/uploads/?mount=${secretLayer.digest}${source}`;
      const response = await leavesNothing(() => who.request("POST", path));
      expect(response.status).toBe(202);
    }
  }
});

async function tokenOf(response: Response): Promise<string> {
  return (await response.json<{ token: string }>()).token;
}

test("no token is made of a token: /token takes credentials only", async () => {
  const bearer = await app.as(writer.authorization).token(all());
  const send = at();
  const answers = [
    await new RegistryClient({ authorization: bearer, send }).get(tokenPath(all())),
    await logIn(writer.name, bearer.slice("Bearer ".length), all(), send),
    await logIn("oidc", bearer.slice("Bearer ".length), all(), send),
    await logIn("", bearer.slice("Bearer ".length), all(), send),
  ];
  for (const answer of answers) expect(await refusal(answer)).toEqual(UNAUTHORIZED);
});

test.each([
  ["two schemes at once", (secret: string) => `Basic eDp5, Bearer ${secret}`],
  ["no scheme", (secret: string) => secret],
  ["an unknown scheme", (secret: string) => `Token ${secret}`],
  ["the prefix in capitals", (secret: string) => `Bearer ${secret.toUpperCase()}`],
  ["more after it", (secret: string) => `Bearer ${secret}x`],
  ["a comma after it", (secret: string) => `Bearer ${secret},`],
  ["Basic without a colon", (secret: string) => `Basic ${btoa(secret)}`],
  ["Basic and not in base64", (secret: string) => `Basic :${secret}`],
])("a header with %s is refused", async (_, make) => {
  const { secret } = await addSecret({ user: writer.name, scopes: scopes("*", "push") });
  const client = new RegistryClient({ authorization: make(secret), send: at() });
  expect(await refusal(await client.get("/v2/"))).toEqual(UNAUTHORIZED);
});

test("the day of a secret's last use is written once a day, and no time of it", async () => {
  const { id, secret } = await addSecret({ user: writer.name, scopes: scopes("*", "pull") });
  const written: string[] = [];
  const database = new Proxy(env.DB, {
    get(target, name) {
      if (name !== "prepare") return Reflect.get(target, name) as unknown;
      return (sql: string) => {
        if (sql.startsWith("UPDATE tokens")) written.push(sql);
        return target.prepare(sql);
      };
    },
  });
  const client = app.as(`Bearer ${secret}`);
  const send = withSettings({ DB: database as never });
  const authorization = `Bearer ${secret}`;
  const counted = new RegistryClient({ authorization, send });
  expect((await counted.get("/v2/")).status).toBe(200);
  await expect.poll(() => lastUsed(id)).toBe(Math.floor(Date.now() / DAY));
  expect((await counted.get("/v2/")).status).toBe(200);
  expect((await client.get("/v2/")).status).toBe(200);
  expect(written).toHaveLength(1);
  await env.DB.prepare(`UPDATE tokens SET last_used = 1 WHERE id = ?1`).bind(id).run();
  const elsewhere = withSettings({ DB: database as never });
  const later = new RegistryClient({ authorization, send: elsewhere });
  expect((await later.get("/v2/")).status).toBe(200);
  await expect.poll(() => lastUsed(id)).toBe(Math.floor(Date.now() / DAY));
  expect(written).toHaveLength(2);
});

async function lastUsed(id: string): Promise<number | null> {
  const row = await env.DB.prepare(`SELECT last_used AS day FROM tokens WHERE id = ?1`)
    .bind(id)
    .first<{ day: number | null }>();
  return row?.day ?? null;
}

test("HEAD of a blob in a repository that is not the user's: as if it were not there, for a HEAD cannot say why not", async () => {
  const user = await newUser();
  const repository = `${await newNamespace()}/app`;
  const client = new RegistryClient({ repository, authorization: user.authorization });
  const path = `blobs/sha256:${"0".repeat(64)}`;
  const token = client.as(await client.token(`repository:${repository}:pull,push`));
  for (const caller of [client, token]) {
    expect((await caller.head(path)).status).toBe(404);
    expect(await refusal(await caller.get(path))).toEqual({ status: 403, code: "DENIED" });
    expect((await caller.head("manifests/latest")).status).toBe(403);
  }
  expect((await client.as(null).head(path)).status).toBe(401);
});
