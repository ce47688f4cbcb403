/** Where credentials come from, and how they become an Authorization header: against servers that answer as registries do. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type Server, startServer } from "../../../scripts/server.ts";
import { bearerAuthorize } from "../../../src/cli/remote/authorize.ts";
import { parseChallenges } from "../../../src/cli/remote/challenge.ts";
import { dockerCredentials, registryCredentials } from "../../../src/cli/remote/credentials.ts";
import { type Answer, Upstream } from "../../../src/cli/remote/upstream.ts";

let home: string;
const stops: (() => Promise<void>)[] = [];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "slipway-credentials-"));
  vi.stubEnv("HOME", home);
  for (const name of [
    "DOCKER_CONFIG",
    "DOCKER_AUTH_CONFIG",
    "REGISTRY_AUTH_FILE",
    "XDG_RUNTIME_DIR",
  ])
    vi.stubEnv(name, "");
  vi.stubEnv("XDG_CONFIG_HOME", join(home, "config"));
  vi.stubEnv("SLIPWAY_TOKEN", "");
  vi.stubEnv("SLIPWAY_REGISTRY", "");
});

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const stop of stops.splice(0)) await stop();
  await rm(home, { recursive: true, force: true });
});

function auth(user: string, password: string): string {
  return Buffer.from(`${user}:${password}`).toString("base64");
}

async function dockerConfig(config: object): Promise<void> {
  await mkdir(join(home, ".docker"), { recursive: true });
  await writeFile(join(home, ".docker/config.json"), JSON.stringify(config));
}

/** A helper as docker calls it: it writes down what it was asked, and has the credentials of one server. */
async function helper(name: string, server: string, answer: object): Promise<void> {
  const file = join(home, `docker-credential-${name}`);
  await writeFile(
    file,
    `#!/bin/sh
read -r asked
[ "$1" = get ] || exit 2
[ "$asked" = "${server}" ] && { echo '${JSON.stringify(answer)}'; exit 0; }
echo "credentials not found in native keychain"
exit 1
`,
  );
  await chmod(file, 0o755);
  vi.stubEnv("PATH", `${home}:${process.env["PATH"] ?? ""}`);
}

test("docker's config has credentials by a host, by an URL, and Docker Hub's under its old name", async () => {
  await dockerConfig({
    auths: {
      "ghcr.io": { auth: auth("octo", "pass:word") },
      "https://registry.test/v2/": { auth: auth("url", "secret") },
      "https://index.docker.io/v1/": { auth: auth("hub", "pat") },
      "quay.io/acme": { auth: auth("one repository's", "secret") },
      "id.test": {
        auth: auth("00000000-0000-0000-0000-000000000000", ""),
        identitytoken: "refresh",
      },
    },
  });
  expect(await dockerCredentials("ghcr.io")).toEqual({ user: "octo", password: "pass:word" });
  expect(await dockerCredentials("registry.test")).toEqual({ user: "url", password: "secret" });
  expect(await dockerCredentials("registry-1.docker.io")).toEqual({ user: "hub", password: "pat" });
  expect(await dockerCredentials("id.test")).toEqual({ user: "<token>", password: "refresh" });
  expect(await dockerCredentials("quay.io")).toBeNull();
  expect(await dockerCredentials("other.test")).toBeNull();
});

test("a credential helper is asked: one host's own, else the store", async () => {
  await helper("one", "ecr.test", { ServerURL: "ecr.test", Username: "AWS", Secret: "made" });
  await helper("store", "https://index.docker.io/v1/", { Username: "<token>", Secret: "refresh" });
  await dockerConfig({
    auths: { "written.test": { auth: auth("written", "down") }, "https://index.docker.io/v1/": {} },
    credsStore: "store",
    credHelpers: { "ecr.test": "one" },
  });
  expect(await dockerCredentials("ecr.test")).toEqual({ user: "AWS", password: "made" });
  expect(await dockerCredentials("docker.io")).toEqual({ user: "<token>", password: "refresh" });
  expect(await dockerCredentials("written.test")).toEqual({ user: "written", password: "down" });
  expect(await dockerCredentials("nothing.test")).toBeNull();
});

test("a helper that is missing is named, and so is a config that is no JSON", async () => {
  await dockerConfig({ credsStore: "not-installed" });
  await expect(dockerCredentials("ghcr.io")).rejects.toThrow(
    "cannot run docker-credential-not-installed, which docker's config names: there is no such program",
  );
  await writeFile(join(home, ".docker/config.json"), "{");
  await expect(dockerCredentials("ghcr.io")).rejects.toThrow(/config\.json: it is no JSON/);
  await dockerConfig({ credHelpers: { "ghcr.io": "../../bin/sh" } });
  await expect(dockerCredentials("ghcr.io")).rejects.toThrow("is no credential helper's name");
});

test("podman's auth.json and DOCKER_AUTH_CONFIG are read, too, and the CLI's own login comes first", async () => {
  await mkdir(join(home, "config/containers"), { recursive: true });
  const auths = {
    "pod.test": { auth: auth("pod", "man") },
    "both.test": { auth: auth("pod", "2") },
  };
  await writeFile(join(home, "config/containers/auth.json"), JSON.stringify({ auths }));
  vi.stubEnv(
    "DOCKER_AUTH_CONFIG",
    JSON.stringify({ auths: { "both.test": { auth: auth("env", "1") } } }),
  );
  expect(await dockerCredentials("pod.test")).toEqual({ user: "pod", password: "man" });
  expect(await dockerCredentials("both.test")).toEqual({ user: "env", password: "1" });
  await mkdir(join(home, "config/slipway"), { recursive: true });
  const logins = { "https://pod.test": { user: "alice", token: "slp_1", tokenId: null } };
  await writeFile(
    join(home, "config/slipway/config.json"),
    JSON.stringify({ current: null, logins }),
  );
  expect(await registryCredentials("https://pod.test")).toEqual({
    user: "alice",
    password: "slp_1",
  });
  vi.stubEnv("SLIPWAY_TOKEN", "slp_2");
  // Nothing says which registry it is for, so it goes to none.
  expect(await registryCredentials("https://pod.test")).toEqual({
    user: "alice",
    password: "slp_1",
  });
  vi.stubEnv("SLIPWAY_REGISTRY", "pod.test");
  expect((await registryCredentials("https://pod.test"))?.password).toBe("slp_2");
  expect((await registryCredentials("https://both.test"))?.password).toBe("1");
});

test("a header with several challenges is told apart, quoted commas and all", () => {
  const header = String.raw`Basic realm="a, b", Bearer realm="https://auth.test/token",service="x\"y",scope="repository:a:pull,push"`;
  expect(parseChallenges(header)).toEqual([
    { scheme: "basic", parameters: { realm: "a, b" } },
    {
      scheme: "bearer",
      parameters: {
        realm: "https://auth.test/token",
        service: 'x"y',
        scope: "repository:a:pull,push",
      },
    },
  ]);
  expect(parseChallenges("Negotiate")).toEqual([{ scheme: "negotiate", parameters: {} }]);
});

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly form: string;
}

type Reply = { status?: number; headers?: Record<string, string>; body?: object };

/** A server that notes what it is asked, and answers as it is told. */
async function serve(
  reply: (seen: Seen, url: string) => Reply,
): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server: HttpServer = createServer((request: IncomingMessage, response) => {
    void text(request).then((form) => {
      const { method = "", url: path = "", headers } = request;
      const one = { method, path, authorization: headers.authorization, form };
      seen.push(one);
      const { status = 200, headers: more = {}, body = {} } = reply(one, url);
      response.writeHead(status, { "content-type": "application/json", ...more });
      response.end(JSON.stringify(body));
    });
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  stops.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url, seen };
}

const PULL = ["repository:acme/app:pull"];

async function statusOf(answer: Promise<Answer>): Promise<number> {
  const { status, body } = await answer;
  body.resume();
  return status;
}

/** A registry and its token service in one server. @param seconds how long its tokens hold */
function tokenRegistry(
  seconds: number | null,
  service: (seen: Seen, count: number) => Reply | null,
) {
  let made = 0;
  return serve((seen, url) => {
    if (seen.path.startsWith("/token")) {
      const other = service(seen, made);
      if (other !== null) return other;
      made++;
      const ends = seconds === null ? {} : { expires_in: seconds };
      return { body: { access_token: `t${made}`, ...ends } };
    }
    if (seen.authorization?.startsWith("Bearer t") === true) return {};
    const challenge = `Bearer realm="${url}/token?x=1",service="reg",scope="repository:acme/app:pull"`;
    return { status: 401, headers: { "www-authenticate": challenge } };
  });
}

test("a token is fetched once for each set of scopes, by GET with Basic", async () => {
  const { url, seen } = await tokenRegistry(300, () => null);
  const upstream = new Upstream(url, bearerAuthorize(url, { user: "octo", password: "pw" }));
  const ask = (scopes: string[]) =>
    statusOf(upstream.request({ method: "GET", path: "/v2/a", scopes }));
  expect(await ask(PULL)).toBe(200);
  const more = await Promise.all([ask(PULL), ask(PULL), ask(["repository:acme/app:pull,push"])]);
  expect(more).toEqual([200, 200, 200]);
  const tokens = seen.filter(({ path }) => path.startsWith("/token"));
  expect(tokens.map(({ method, path, authorization }) => [method, path, authorization])).toEqual([
    [
      "GET",
      "/token?x=1&service=reg&scope=repository%3Aacme%2Fapp%3Apull&account=octo",
      `Basic ${auth("octo", "pw")}`,
    ],
    [
      "GET",
      "/token?x=1&service=reg&scope=repository%3Aacme%2Fapp%3Apull%2Cpush&account=octo",
      `Basic ${auth("octo", "pw")}`,
    ],
  ]);
  upstream.close();
});

test("without scopes those of the challenge are asked for, without credentials an anonymous token", async () => {
  const { url, seen } = await tokenRegistry(300, () => null);
  const upstream = new Upstream(url, bearerAuthorize(url, null));
  expect(await statusOf(upstream.request({ method: "GET", path: "/v2/a" }))).toBe(200);
  expect(seen[1]).toMatchObject({
    path: "/token?x=1&service=reg&scope=repository%3Aacme%2Fapp%3Apull",
    authorization: undefined,
  });
  upstream.close();
});

test("a token that ends is fetched anew before its end, one without an end after half of a minute", async () => {
  const { url, seen } = await tokenRegistry(null, () => null);
  const authorize = bearerAuthorize(url, null);
  const challenge = `Bearer realm="${url}/token",service="reg"`;
  vi.useFakeTimers({ toFake: ["Date"] });
  try {
    expect(await authorize(PULL, challenge)).toBe("Bearer t1");
    vi.advanceTimersByTime(29_000);
    expect(await authorize(PULL, null)).toBe("Bearer t1");
    vi.advanceTimersByTime(2000);
    expect(await authorize(PULL, null)).toBe("Bearer t2");
    // A 401 says that it is not accepted any more, whatever was promised.
    expect(await authorize(PULL, challenge)).toBe("Bearer t3");
    expect(seen).toHaveLength(3);
  } finally {
    vi.useRealTimers();
  }
});

test("an identity token goes to the service by POST, and a service without GET gets the password so", async () => {
  const { url, seen } = await tokenRegistry(300, ({ method }) =>
    method === "GET" ? { status: 405 } : null,
  );
  const challenge = `Bearer realm="${url}/token",service="reg"`;
  await bearerAuthorize(url, { user: "<token>", password: "refresh" })(PULL, challenge);
  await bearerAuthorize(url, { user: "octo", password: "pw" })(PULL, challenge);
  expect(seen.map(({ method, form }) => [method, form])).toEqual([
    [
      "POST",
      "grant_type=refresh_token&refresh_token=refresh&client_id=slipway&scope=repository%3Aacme%2Fapp%3Apull&service=reg",
    ],
    ["GET", ""],
    [
      "POST",
      "grant_type=password&username=octo&password=pw&client_id=slipway&scope=repository%3Aacme%2Fapp%3Apull&service=reg",
    ],
  ]);
});

test("Basic is sent where it is all that is offered", async () => {
  const { url } = await serve(({ authorization }) =>
    authorization === `Basic ${auth("octo", "pw")}`
      ? {}
      : { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } },
  );
  const known = new Upstream(url, bearerAuthorize(url, { user: "octo", password: "pw" }));
  const unknown = new Upstream(url, bearerAuthorize(url, null));
  expect(await statusOf(known.request({ method: "GET", path: "/v2/" }))).toBe(200);
  expect(await statusOf(unknown.request({ method: "GET", path: "/v2/" }))).toBe(401);
  known.close();
  unknown.close();
});

test("a busy token service is asked again; a refusal names the user, and the next request tries anew", async () => {
  let busy = 2;
  const { url, seen } = await tokenRegistry(300, ({ authorization }) => {
    if (busy-- > 0) return { status: 429, headers: { "retry-after": "0" } };
    return authorization === `Basic ${auth("octo", "right")}` ? null : { status: 401 };
  });
  const challenge = `Bearer realm="${url}/token"`;
  const wrong = bearerAuthorize(url, { user: "octo", password: "wrong" });
  await expect(wrong(PULL, challenge)).rejects.toThrow(/refused the credentials of octo/);
  await expect(wrong(PULL, null)).rejects.toThrow(/refused the credentials of octo/);
  expect(seen).toHaveLength(4);
  const token = bearerAuthorize(url, { user: "", password: "wrong" });
  await expect(token(PULL, challenge)).rejects.toThrow(/refused the credentials of SLIPWAY_TOKEN$/);
  const right = bearerAuthorize(url, { user: "octo", password: "right" });
  expect(await right(PULL, challenge)).toBe("Bearer t1");
});

test("a registry reached by https that names a service without gets no credentials", async () => {
  const { url, seen } = await serve(() => ({ body: { token: "t" } }));
  const authorize = bearerAuthorize("https://registry.test", { user: "octo", password: "pw" });
  await expect(authorize(PULL, `Bearer realm="${url}/token"`)).rejects.toThrow(
    "names a token service that is not https",
  );
  expect(seen).toEqual([]);
});

let registry: Server;
beforeAll(async () => {
  registry = await startServer();
});
afterAll(() => registry.stop());

test("a Slipway registry gives a token that pushes, and refuses a wrong password in words", async () => {
  const scopes = ["repository:acme/app:pull,push"];
  const asked = { method: "POST", path: "/v2/acme/app/blobs/uploads/", scopes };
  const authorize = bearerAuthorize(registry.url, { user: "admin", password: registry.password });
  const upstream = new Upstream(registry.url, authorize);
  expect(await statusOf(upstream.request(asked))).toBe(202);
  upstream.close();
  const wrong = new Upstream(
    registry.url,
    bearerAuthorize(registry.url, { user: "admin", password: "x" }),
  );
  await expect(wrong.request(asked)).rejects.toThrow(`refused the credentials of admin`);
  wrong.close();
});
