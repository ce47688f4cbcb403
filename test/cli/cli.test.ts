/** The command line as it is used: a process, against a registry of its own. What it did is looked up over the API. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { Api } from "../../src/cli/api.ts";
import { githubSnippet, gitlabSnippet } from "../../src/cli/ci-snippet.ts";
import { startIssuer } from "../server/issuer.ts";
import { CommandLine, inAWeek, LAUNCHER } from "./harness.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const PASSWORD = "a password that nobody guesses";
const commandLine = new CommandLine();
const { home, json, ok, slipway } = commandLine;
let server: Server;
let counter = 0;

beforeAll(async () => {
  server = await startServer();
  await commandLine.logIn(server);
});

afterAll(async () => {
  await server.stop();
});

describe("login", () => {
  test("keeps a token for this machine, which nobody else can read", async () => {
    const file = join(home, "slipway", "config.json");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(home, "slipway"))).mode & 0o777).toBe(0o700);
    const kept = await readFile(file, "utf8");
    expect(JSON.parse(kept)).toEqual({
      current: server.url,
      logins: { [server.url]: { user: "admin", token: secret, tokenId: expect.any(String) } },
    });
    expect(kept).not.toContain(server.password);
    expect(await ok("token list")).toContain(`slipway on ${hostname()}`);
  });

  test("again replaces the token; logging out deletes it", async () => {
    const user = await newUser();
    const env = { XDG_CONFIG_HOME: join(home, user) };
    const line = `login ${server.host} -u ${user} --password-stdin`;
    for (let time = 0; time < 2; time++) {
      const said = await ok(line, { env, input: `${PASSWORD}\n` });
      expect(said).toMatch(
        /^Logged in to 127\.0\.0\.1:\d+ as .* until \d{4}-\d\d-\d\d\. The token/,
      );
      expect(said).not.toContain("slp_");
    }
    expect(await tokensOf(user)).toHaveLength(1);
    expect(await ok("logout", { env })).toBe(`Logged out of ${server.host}.\n`);
    expect(await tokensOf(user)).toHaveLength(0);
    const again = await slipway(`logout ${server.host}`, { env });
    expect([again.code, again.stderr]).toEqual([
      1,
      `slipway: you are not logged in to ${server.url}\n`,
    ]);
  });

  test("with a secret keeps that: it is a login already", async () => {
    const namespace = await newNamespace();
    const made = await json<Issued>(`robot create ${namespace}+ci --pull ${namespace}/*`);
    const env = { XDG_CONFIG_HOME: join(home, namespace) };
    await ok(`login ${server.host} -u ${namespace}+ci --password-stdin`, {
      env,
      input: made.secret,
    });
    expect(await ok("whoami", { env })).toContain(`${namespace}+ci`);
    await ok("logout", { env });
    const given = { ...env, SLIPWAY_TOKEN: made.secret, SLIPWAY_REGISTRY: server.url };
    expect(await ok("whoami", { env: given })).toContain(`${namespace}+ci`);
  });

  test("fails with a wrong password, and keeps nothing", async () => {
    const env = { XDG_CONFIG_HOME: join(home, "wrong") };
    const line = `login ${server.host} -u admin --password-stdin`;
    const { code, stderr } = await slipway(line, { env, input: "not the password" });
    expect(code).toBe(1);
    expect(stderr).toBe(
      "slipway: wrong user name or password\nCheck the name and the password. If it is forgotten: it is the deployment's secret ADMIN_PASSWORD (docs/local.md)\n",
    );
    await expect(stat(join(home, "wrong"))).rejects.toThrow("ENOENT");
  });

  // util-linux's `script` gives a terminal; elsewhere its arguments are others.
  test.runIf(process.platform === "linux")("asks for the password without showing it", async () => {
    const command = `'${process.execPath}' '${LAUNCHER}' login ${server.host} -u admin`;
    const env = { PATH: process.env["PATH"], XDG_CONFIG_HOME: join(home, "terminal") };
    const terminal = spawn("script", ["-qec", command, "/dev/null"], { env });
    let shown = "";
    for await (const chunk of terminal.stdout.setEncoding("utf8")) {
      if (shown === "") terminal.stdin.write(`${server.password}\r`);
      shown += chunk;
    }
    expect(shown).toMatch(
      /^Password for 127\.0\.0\.1:\d+, user admin: \r\nLogged in to \S+ as admin until/,
    );
    expect(shown).not.toContain(server.password);
  });

  test("over http to another host warns that the password can be read, and goes on", async () => {
    // Nothing ever answers there (RFC 2606), so all that it can say after the warning is that.
    const env = { XDG_CONFIG_HOME: join(home, "clear") };
    const line = "login http://registry.invalid -u admin --password-stdin";
    const { code, stderr } = await slipway(line, { env, input: PASSWORD });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^slipway: warning: http:\/\/registry\.invalid is not https: .* clear text.*\nslipway: cannot reach .*\n$/,
    );
  });

  test("whoami says who one is", async () => {
    const said = await ok("whoami");
    expect(said).toMatch(/^name +admin$/m);
    expect(said).toMatch(/^administrator +yes$/m);
    expect(await json("whoami")).toMatchObject({ name: "admin", via: "token", admin: true });
  });
});

describe("user", () => {
  test("create with a password from standard input; the user can log in with it", async () => {
    const name = newName("user");
    const said = await ok(`user create ${name} --password-stdin`, { input: `${PASSWORD}\n` });
    expect(said).toBe(`User ${name} was created.\n`);
    expect(await me(name, PASSWORD)).toMatchObject({ name, admin: false });
  });

  test("create without one generates it and shows it once", async () => {
    const name = newName("user");
    const said = await ok(`user create ${name} --admin`);
    const [, password = ""] = /\n\n {2}(\S+)\n\n/.exec(said) ?? [];
    expect(said.split(password)).toHaveLength(2);
    expect(said).toContain(`docker login ${server.host} -u ${name} --password-stdin`);
    expect(await me(name, password)).toMatchObject({ name, admin: true });
  });

  test("create a second time is refused", async () => {
    const name = await newUser();
    const { code, stdout, stderr } = await slipway(`user create ${name}`);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^slipway: .+\n$/);
  });

  test("disable, and enable: nothing lets the user in meanwhile", async () => {
    const name = await newUser();
    const asking = {
      method: "POST",
      body: { description: "test" },
      user: name,
      password: PASSWORD,
    };
    const { secret: token } = (await api("/tokens", asking)) as Issued;
    expect(await ok(`user disable ${name}`)).toMatch(new RegExp(`^User ${name} is disabled;`));
    expect(await ok("user list")).toMatch(
      new RegExp(`^${name} +no +\\d{4}-\\d\\d-\\d\\d +\\d{4}-\\d\\d-\\d\\d by admin$`, "m"),
    );
    for (const given of [PASSWORD, token])
      expect(await me(name, given)).toMatchObject({ status: 401 });
    expect(await ok(`user enable ${name}`)).toBe(`User ${name} can log in again.\n`);
    for (const given of [PASSWORD, token]) expect(await me(name, given)).toMatchObject({ name });
  });

  test("the last owner of a namespace is disabled, deleted or demoted with --yes alone", async () => {
    const namespace = await newNamespace();
    const name = await newUser();
    await ok(`member set ${namespace} ${name} owner`);
    const ways = [
      `user disable ${name}`,
      `member set ${namespace} ${name} reader`,
      `member remove ${namespace} ${name}`,
      `user delete ${name}`,
    ];
    for (const line of ways) {
      const { code, stderr } = await slipway(line);
      expect([line, code, stderr]).toEqual([
        line,
        line.includes("remove") || line.includes("delete") ? 2 : 1,
        expect.stringMatching(
          line.includes("remove") || line.includes("delete")
            ? /^slipway: there is no terminal to ask at: add --yes to (take|delete) /
            : `^slipway: ${name} is the last owner of ${namespace}\nMake somebody else an owner first, or add --yes.\n$`,
        ),
      ]);
    }
    await ok(`member set ${namespace} ${name} reader --yes`);
    await ok(`member set ${namespace} ${name} owner`);
    await ok(`member remove ${namespace} ${name} --yes`);
    await ok(`member set ${namespace} ${name} owner`);
    await ok(`user delete ${name} --yes`);
  });

  test("list, and delete", async () => {
    const name = await newUser();
    expect(await ok("user list")).toMatch(new RegExp(`^${name} +no +\\d{4}-\\d\\d-\\d\\d$`, "m"));
    expect(await ok(`user delete ${name} --yes`)).toBe(
      `User ${name} was deleted. This cannot be undone.\n`,
    );
    const { items } = await json<Items<{ name: string }>>("user list");
    expect(items.map((user) => user.name)).toContain("admin");
    expect(items.map((user) => user.name)).not.toContain(name);
  });

  test("password of a user, as an administrator", async () => {
    const name = await newUser();
    const line = `user password ${name} --password-stdin`;
    expect(await ok(line, { input: "quite another password" })).toBe(
      `The password of ${name} was changed.\n`,
    );
    expect(await me(name, "quite another password")).toMatchObject({ name });
  });

  test("password of one's own needs the current one", async () => {
    const name = await newUser();
    const env = { XDG_CONFIG_HOME: join(home, name) };
    await ok(`login ${server.host} -u ${name} --password-stdin`, { env, input: PASSWORD });
    const line = "user password --password-stdin";
    const wrong = await slipway(line, { env, input: "wrong password\nquite another password\n" });
    expect(wrong.code).toBe(1);
    const missing = await slipway(line, { env, input: "only one line\n" });
    expect(missing.stderr).toContain("standard input has no new password");
    const input = `${PASSWORD}\nquite another password\n`;
    expect(await ok(line, { env, input })).toBe("Your password was changed.\n");
    expect(await me(name, "quite another password")).toMatchObject({ name });
  });
});

describe("token", () => {
  test("create, list, delete", async () => {
    const user = await newUser();
    const env = { XDG_CONFIG_HOME: join(home, user) };
    await ok(`login ${server.host} -u ${user} --password-stdin`, { env, input: PASSWORD });
    await ok(`member set ${await newNamespace("acme")} ${user} writer`);
    const line = "token create --description laptop --push acme/* --expires 7d";
    const said = await ok(line, { env });
    const [value = ""] = /slp_\S+/.exec(said) ?? [];
    expect(said).toContain(`docker login ${server.host} -u ${user} --password-stdin`);
    expect(await me(user, value)).toMatchObject({
      name: user,
      via: "token",
      scopes: [{ repositories: "acme/*", actions: ["pull", "push"] }],
    });
    const list = await ok("token list", { env });
    const [, id = ""] = /^(\S+) +laptop +push acme\/\* +\d{4}/m.exec(list) ?? [];
    expect(await ok(`token set ${id} --expires 3d`, { env })).toMatch(
      new RegExp(`^Token ${id} holds until \\d{4}-`),
    );
    const late = await slipway(`token set ${id} --expires 400d`, { env });
    expect([late.code, late.stdout]).toEqual([1, ""]);
    expect(await ok(`token delete ${id} --yes`, { env })).toBe(
      `Token ${id} was deleted. This cannot be undone.\n`,
    );
    expect(await ok("token list", { env })).not.toContain("laptop");
  });

  test("session: lists the browsers in which one is signed in, and ends one", async () => {
    const user = await newUser();
    const env = { XDG_CONFIG_HOME: join(home, user) };
    await ok(`login ${server.host} -u ${user} --password-stdin`, { env, input: PASSWORD });
    expect(await ok("session list", { env })).toBe("No browser is signed in as you.\n");
    const headers = { "content-type": "application/json", "user-agent": "a browser" };
    const body = JSON.stringify({ name: user, password: PASSWORD });
    const signIn = { method: "POST", headers, body };
    const { id } = await (
      await fetch(`${server.url}/api/v1/sessions`, signIn)
    ).json<{ id: string }>();
    expect(await ok("session list", { env })).toMatch(
      new RegExp(`^${id} +127\\.0\\.0\\.1 +\\d{4}-.* a browser$`, "m"),
    );
    expect(await ok(`session revoke ${id}`, { env })).toBe(`Session ${id} has ended.\n`);
    expect((await slipway(`session revoke ${id}`, { env })).code).toBe(1);
  });

  test("create by password, for one that outlives the login", async () => {
    const user = await newUser();
    const env = { XDG_CONFIG_HOME: join(home, user) };
    await ok(`login ${server.host} -u ${user} --password-stdin`, { env, input: PASSWORD });
    const byToken = await slipway("token create --expires never", { env });
    expect([byToken.code, byToken.stdout]).toEqual([1, ""]);
    const line = `token create --expires never -u ${user} --password-stdin`;
    expect(await json(line, { env, input: PASSWORD })).toMatchObject({ secret, expiresAt: null });
    const whose = await slipway("token create --password-stdin", { env, input: PASSWORD });
    expect([whose.code, whose.stderr.split("\n")[0]]).toEqual([
      2,
      "slipway: whose password? Give -u USER",
    ]);
  });
});

describe("what would outlast the login", () => {
  test("is refused without a terminal, with what to do", async () => {
    const namespace = await newNamespace();
    const user = await newUser();
    const env = { XDG_CONFIG_HOME: join(home, namespace) };
    await ok(`login ${server.host} -u admin --password-stdin`, { env, input: server.password });
    const { code, stderr } = await slipway(`member set ${namespace} ${user} owner`, { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^slipway: what this makes lasts longer than your login, which ends on \d{4}-\d\d-\d\d\nGive the password .* -u USER --password-stdin in a script\. Or log in once with --expires never\.\n$/,
    );
    expect(await roles(namespace)).toEqual([]);
    // It was not tried: a refusal would be an entry.
    const { items } = (await api(`/namespaces/${namespace}/audit`)) as Items<{ outcome: string }>;
    expect(items.map(({ outcome }) => outcome)).toEqual(["done"]);
  });

  test("is done in a script by each command with -u and --password-stdin, as the refusal says", async () => {
    const namespace = await newNamespace();
    const user = await newUser();
    const env = { XDG_CONFIG_HOME: join(home, namespace) };
    await ok(`login ${server.host} -u admin --password-stdin`, { env, input: server.password });
    await ok(`repo create ${namespace}/app`, { env });
    await ok(`robot create ${namespace}+ci --pull ${namespace}/*`, { env });
    await ok(`robot disable ${namespace}+ci`, { env });
    await ok(`user disable ${user}`, { env });
    const rule = `trust add gitlab group/app --project-id 1 --push ${namespace}/*`;
    const lines = [
      [`user create ${newName("user")}`, "the password of somebody new"],
      [`user password ${user}`, "another password of that user"],
      [`user enable ${user}`],
      [`robot enable ${namespace}+ci`],
      [`member set ${namespace} ${user} owner`],
      [rule],
      [`repo create ${namespace}/open --public`],
      [`repo set ${namespace}/app --visibility public`],
      [`namespace create ${newName("ns")} --public`],
      [`namespace set ${namespace} --visibility public`],
    ] as const;
    for (const [line, password] of lines) {
      const stdin = password === undefined ? "" : " --password-stdin";
      const refused = await slipway(line + stdin, { env, input: password ?? "" });
      expect([line, refused.stderr]).toEqual([
        line,
        expect.stringContaining("-u USER --password-stdin in a script"),
      ]);
      const input = [server.password, password ?? ""].join("\n");
      await ok(`${line} -u admin --password-stdin`, { env, input });
    }
    const own = { env, input: `another password of that user\nand one more, of her own\n` };
    await ok(`user password -u ${user} --password-stdin --registry ${server.url}`, own);
    expect(await me(user, "and one more, of her own")).toMatchObject({ name: user });
  }, 300_000);

  // util-linux's `script` gives a terminal; elsewhere its arguments are others.
  test.runIf(process.platform === "linux")("asks for the password at a terminal", async () => {
    const namespace = await newNamespace();
    const user = await newUser();
    const env = { PATH: process.env["PATH"], XDG_CONFIG_HOME: join(home, namespace) };
    await ok(`login ${server.host} -u admin --password-stdin`, {
      env: { XDG_CONFIG_HOME: env.XDG_CONFIG_HOME },
      input: server.password,
    });
    const line = `member set ${namespace} ${user} owner`;
    const command = `'${process.execPath}' '${LAUNCHER}' ${line}`;
    const terminal = spawn("script", ["-qec", command, "/dev/null"], { env });
    let shown = "";
    for await (const chunk of terminal.stdout.setEncoding("utf8")) {
      shown += chunk;
      if (shown.endsWith(": ")) terminal.stdin.write(`${server.password}\r`);
    }
    expect(shown).toMatch(
      /^slipway: what this makes lasts longer than your login, which ends on \S+:\r\ngive your password\r\nPassword for 127\.0\.0\.1:\d+, user admin: \r\n/,
    );
    expect(shown).not.toContain(server.password);
    expect(await roles(namespace)).toEqual([`${user} owner ${namespace}/*`]);
  });
});

describe("namespace and member", () => {
  test("create, list, set, delete", async () => {
    const name = newName("ns");
    const owner = await newUser();
    expect(await ok(`namespace create ${name} --public --owner ${owner}`)).toBe(
      `Namespace ${name} was created.\n\nnew repositories  public\nimmutable tags    none\n`,
    );
    expect(await ok("namespace list")).toMatch(new RegExp(`^${name} +public +`, "m"));
    expect(await ok(`namespace set ${name} --visibility private`)).toBe(
      `Namespace ${name} was changed.\n\nnew repositories  private\nimmutable tags    none\n`,
    );
    expect(await api(`/namespaces/${name}`)).toMatchObject({ name, visibility: "private" });
    expect(await ok(`member list ${name}`)).toMatch(
      new RegExp(`^${owner} +owner +${name}/\\*`, "m"),
    );
    await ok(`namespace delete ${name} --yes`);
    expect(await status(`/namespaces/${name}`)).toBe(404);
  });

  test("show, and set which tags are immutable in it", async () => {
    const name = await newNamespace();
    expect(await ok(`namespace set ${name} --immutable all --mutable latest`)).toBe(
      `Namespace ${name} was changed.\n\nnew repositories  private\nimmutable tags    * but latest\n`,
    );
    expect(await ok(`namespace show ${name}`)).toMatch(
      new RegExp(
        `^name +${name}\nnew repositories +private\nimmutable tags +\\* but latest\ncreated +`,
      ),
    );
    await ok(`repo create ${name}/app`);
    expect(await ok(`repo show ${name}/app`)).toMatch(/^and by its namespace +\* but latest$/m);
    const nothing = await slipway(`namespace set ${name}`);
    expect([nothing.code, nothing.stderr.split("\n")[0]]).toEqual([
      2,
      "slipway: what is to be changed? Give one of the options",
    ]);
    const other = newName("ns");
    await ok(`namespace create ${other} --immutable v*`);
    expect(await json(`namespace show ${other}`)).toMatchObject({
      immutableTags: [{ tags: "v*", except: [] }],
    });
  });

  test("quota: shown, limited one by one, and lifted", async () => {
    const name = await newNamespace();
    await push(`${name}/app`, "v1");
    // The config, the manifest, and a row of 512 bytes for the manifest, its reference and its tag.
    const { bytes } = await json<{ bytes: { used: number } }>(`namespace quota ${name}`);
    expect(bytes.used).toBe(2 + 239 + 3 * 512);
    expect(await ok(`namespace quota ${name}`)).toBe(
      "bytes         1.7 KiB, no limit\nrepositories  1, no limit\n",
    );
    expect(await ok(`namespace quota ${name} --bytes 10GiB`)).toBe(
      "bytes         1.7 KiB of 10.0 GiB (0 %)\nrepositories  1, no limit\n",
    );
    expect(await ok(`namespace quota ${name} --repositories 1`)).toBe(
      `bytes         1.7 KiB of 10.0 GiB (0 %)\nrepositories  1 of 1 (100 %)\n\nNo further repository can be made in ${name}.\n`,
    );
    const { code, stderr } = await slipway(`repo create ${name}/other`);
    expect([code, stderr]).toEqual([
      1,
      `slipway: this would go beyond the quota of ${name}: it has 1 of at most 1 repositories; delete and purge what is not needed, or ask an administrator for more\n`,
    ]);
    const lifted = await json(`namespace quota ${name} --bytes none --repositories none`);
    expect(lifted).toEqual({
      bytes: { used: bytes.used, limit: null },
      repositories: { used: 1, limit: null },
    });
    const wrong = await slipway(`namespace quota ${name} --bytes much`);
    expect([wrong.code, wrong.stderr.split("\n")[0]]).toEqual([
      2,
      "slipway: option '--bytes <size>' argument 'much' is invalid. Give a size, such as 10GiB, 500MB or 1000000 (bytes), or none.",
    ]);
  });

  test("delete is refused while it has repositories", async () => {
    const namespace = await newNamespace();
    await ok(`repo create ${namespace}/app`);
    const { code, stderr } = await slipway(`namespace delete ${namespace} --yes`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^slipway: .+\n$/);
  });

  test("members: one role for each glob, taken away alone or all at once", async () => {
    const namespace = await newNamespace();
    const user = await newUser();
    expect(await ok(`member set ${namespace} ${user} reader`)).toBe(
      `${user} is now reader of ${namespace}/*.\n`,
    );
    await ok(`member set ${namespace} ${user} writer --repositories ${namespace}/app`);
    await ok(`member set ${namespace} ${user} maintainer`);
    expect(await roles(namespace)).toEqual([
      `${user} maintainer ${namespace}/*`,
      `${user} writer ${namespace}/app`,
    ]);
    await ok(`member remove ${namespace} ${user} --repositories ${namespace}/app --yes`);
    expect(await roles(namespace)).toEqual([`${user} maintainer ${namespace}/*`]);
    expect(await ok(`member remove ${namespace} ${user} --yes`)).toBe(
      `${user} no longer has a role of ${namespace}. To undo: slipway member set ${namespace} ${user} ROLE\n`,
    );
    expect(await ok(`member list ${namespace}`)).toBe(`${namespace} has no members.\n`);
  });
});

describe("robot", () => {
  test("create, list, rotate, delete", async () => {
    const namespace = await newNamespace();
    const name = `${namespace}+ci`;
    const line = `robot create ${name} --push ${namespace}/* --expires never --description builds`;
    // A token made with the login's token would end with it.
    const env = { XDG_CONFIG_HOME: join(home, namespace) };
    const login = `login ${server.host} -u admin --password-stdin`;
    await ok(login, { env, input: server.password });
    const byToken = await slipway(line, { env });
    expect([byToken.code, byToken.stdout]).toEqual([1, ""]);
    expect(byToken.stderr).toContain("Give the password with this command");
    const password = { input: server.password };
    const said = await ok(`${line} -u admin --password-stdin`, password);
    expect(said).toContain("Its secret holds for ever.");
    const [first = ""] = /slp_\S+/.exec(said) ?? [];
    expect(said).toContain(`docker login ${server.host} -u ${name} --password-stdin`);
    expect(await me(name, first)).toMatchObject({ name, via: "robot", expires: null });
    const second = await json<Issued>(`robot rotate ${name} --expires 30d`);
    expect(await ok(`robot set ${name} --secret ${second.id} --expires 60d`)).toMatch(
      new RegExp(`^Secret ${second.id} of ${namespace}\\+ci holds until`),
    );
    await ok(`robot disable ${name}`);
    expect(await me(name, first)).toMatchObject({ status: 401 });
    expect(await ok(`robot list ${namespace}`)).toMatch(/ by admin$/m);
    expect(await ok(`robot enable ${name}`)).toBe(`Robot ${name} can log in again.\n`);
    expect(await me(name, second.secret)).toMatchObject({ name });
    const forEver = `robot rotate ${name} --expires never -u admin --password-stdin`;
    const third = await json<Issued>(forEver, password);
    expect(await me(name, third.secret)).toMatchObject({ name, expires: null });
    await ok(`robot rotate ${name} --remove ${third.id} --yes`);
    const { items } = await json<Items<Robot>>(`robot list ${namespace}`);
    const old = items[0]?.tokens.find(({ id }) => id !== second.id)?.id ?? "";
    expect(await ok(`robot rotate ${name} --remove ${old} --yes`)).toBe(
      `Secret ${old} of ${name} was deleted. This cannot be undone.\n`,
    );
    expect(await me(name, first)).toMatchObject({ status: 401 });
    const listed = await ok(`robot list ${namespace}`);
    expect(listed).toMatch(
      new RegExp(`^${namespace}\\+ci +builds +push ${namespace}/\\* +${second.id} `, "m"),
    );
    expect(await ok(`robot show ${name}`)).toMatch(new RegExp(`^${second.id} `, "m"));
    await ok(`robot delete ${name} --yes`);
    expect(await ok(`robot list ${namespace}`)).toBe(`${namespace} has no robots.\n`);
  });

  test("create without a scope is a mistake in usage", async () => {
    const { code, stderr } = await slipway("robot create acme+ci");
    expect(code).toBe(2);
    expect(stderr).toMatch(/^slipway: what may it do\? Give one of --pull/);
  });
});

describe("trust", () => {
  test("add github asks GitHub for the ids and prints the workflow", async () => {
    const namespace = await newNamespace();
    const github = await fakeGitHub();
    const env = { GITHUB_API_URL: github.url, GITHUB_TOKEN: "ghp_x" };
    const line = `trust add github octo/app --push ${namespace}/* --ref refs/heads/main`;
    const said = await ok(`${line} --lifetime 20m`, { env });
    expect(said).toMatch(
      new RegExp(`^Rule ${namespace}\\+github-app was created: push ${namespace}/`),
    );
    const { url, host } = server;
    const audience = `https://${host}`;
    const place = { url, host, audience, namespace, image: `${namespace}/app` };
    expect(said).toContain(`\n\n${githubSnippet(place)}`);
    expect(await api(`/namespaces/${namespace}/trust-rules/github-app`)).toMatchObject({
      name: `${namespace}+github-app`,
      issuer: "https://token.actions.githubusercontent.com",
      audience: `https://${server.host}`,
      claims: {
        repository_id: ["1296269"],
        repository_owner_id: ["583231"],
        ref: ["refs/heads/main"],
      },
      scopes: [{ repositories: `${namespace}/*`, actions: ["push"] }],
      lifetime: 1200,
    });
    expect(github.authorization).toBe("Bearer ghp_x");
    const unknown = await slipway("trust add github octo/none --push acme/*", {
      env,
    });
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      `slipway: ${github.url} knows no repository octo/none. If it is private, set GITHUB_TOKEN, or give --repository-id and --owner-id\n`,
    ]);
    github.close();
  });

  test("add github with ids asks nobody", async () => {
    const namespace = await newNamespace();
    const env = { GITHUB_API_URL: "http://127.0.0.1:1" };
    const line = `trust add github octo/app --repository-id 11 --owner-id 22 --pin-name --push ${namespace}/*`;
    const rule = await json(`${line} --name release --environment prod`, { env });
    expect(rule).toMatchObject({
      name: `${namespace}+release`,
      claims: {
        repository_id: ["11"],
        repository_owner_id: ["22"],
        repository: ["octo/app"],
        environment: ["prod"],
      },
    });
  });

  test("add gitlab and oidc, list, delete", async () => {
    const namespace = await newNamespace();
    const rule = `--push ${namespace}/*`;
    const gitlab = await ok(`trust add gitlab group/app --project-id 33 --ref main ${rule}`);
    const { url, host } = server;
    const audience = `https://${host}`;
    const place = { url, host, audience, namespace, image: `${namespace}/app` };
    expect(gitlab).toContain(`\n\n${gitlabSnippet(place)}`);
    // No server needs to answer at this name (RFC 2606).
    const issuer = "--issuer https://ci.example --claim sub=job:* --claim sub=x";
    const oidc = await slipway(`trust add oidc ${issuer} --audience registry ${rule}`);
    expect(oidc.stdout).toContain("ID token for the audience registry");
    expect(oidc.stderr).toContain(
      'could not be read here, so nobody has checked that tokens name their issuer "https://ci.example"',
    );
    const { items } = await json<Items<{ name: string; claims: object }>>(
      `trust list ${namespace}`,
    );
    expect(items.map(({ name, claims }) => [name, claims])).toEqual([
      [`${namespace}+gitlab-app`, { project_id: ["33"], ref: ["main"] }],
      [`${namespace}+oidc-ci.example`, { sub: ["job:*", "x"] }],
    ]);
    expect(await ok(`trust list ${namespace}`)).toContain("sub=job:*|x");
    await ok(`trust delete ${namespace}+gitlab-app --yes`);
    await ok(`trust delete ${namespace}+oidc-ci.example --yes`);
    expect(await ok(`trust list ${namespace}`)).toBe(`${namespace} trusts nobody's ID tokens.\n`);
  });

  test("add oidc refuses an issuer that calls itself something else", async () => {
    const namespace = await newNamespace();
    const issuer = await startIssuer();
    const line = `trust add oidc --issuer ${issuer.url}/ --claim sub=x --push ${namespace}/*`;
    const { code, stderr } = await slipway(line);
    expect([code, stderr]).toEqual([
      1,
      `slipway: tokens of ${issuer.url}/ name their issuer "${issuer.url}"\nGive --issuer ${issuer.url}\n`,
    ]);
    expect(await ok(`trust list ${namespace}`)).toContain("trusts nobody");
    await issuer.stop();
  });
});

describe("repository", () => {
  test("create, show, set, list, delete", async () => {
    const namespace = await newNamespace();
    const name = `${namespace}/app`;
    const readme = join(home, "README.md");
    await writeFile(readme, "# The app\n\nIt runs.\n");
    const line = `repo create ${name} --public --description useful --readme ${readme}`;
    expect(await ok(line)).toBe(
      `Repository ${name} was created.\n\nvisibility      public\ndescription     useful\nimmutable tags  none\n`,
    );
    expect(await ok(`repo show ${name}`)).toMatch(
      /^description +useful$[^]*\n\n# The app\n\nIt runs\.\n$/m,
    );
    await ok(`repo set ${name} --visibility private --label team=web --label tier=1`);
    await ok(`repo set ${name} --label tier=2 --remove-label team --description=`);
    expect(await json(`repo show ${name}`)).toMatchObject({
      name,
      visibility: "private",
      description: "",
      readme: "# The app\n\nIt runs.\n",
      labels: { tier: "2" },
      tags: 0,
    });
    await ok(`repo set ${name} --immutable v* --immutable 1 --mutable *-rc* --label tier=2`);
    expect(await ok(`repo show ${name}`)).toMatch(
      /^immutable tags +v\* but \*-rc\*, 1 but \*-rc\* \(only this tag\)$/m,
    );
    await ok(`repo set ${name} --immutable none`);
    expect(await ok(`repo show ${name}`)).toMatch(/^immutable tags +none$/m);
    const list = await ok(`repo list --namespace ${namespace}`);
    expect(list).toMatch(new RegExp(`^NAME .*\n${name} +private +\\d{4}-\\d\\d-\\d\\d\n$`));
    const asked = await slipway(`repo delete ${name}`);
    expect([asked.code, asked.stderr.split("\n")[0]]).toEqual([
      2,
      `slipway: there is no terminal to ask at: add --yes to delete the repository ${name} with everything in it`,
    ]);
    expect(await ok(`repo delete ${name} --yes`)).toBe(
      `Repository ${name} was deleted. To undo, within 7 days (until ${inAWeek()}): slipway trash restore ${name}\n`,
    );
    expect(await ok(`repo list --namespace ${namespace}`)).toBe(
      "There are no repositories that you can pull from.\n",
    );
  });

  test("set overwrites no change that came in between", async () => {
    const name = `${await newNamespace()}/app`;
    await ok(`repo create ${name}`);
    const changing = new Api(server.url, { user: "admin", password: server.password });
    const { etag } = await changing.read(`/repositories/${name}`);
    await ok(`repo set ${name} --label tier=1`);
    const late = changing.send("PATCH", `/repositories/${name}`, { labels: {} }, etag);
    await expect(late).rejects.toThrow("it was changed meanwhile: run this again");
    expect(await api(`/repositories/${name}`)).toMatchObject({ labels: { tier: "1" } });
  });

  test("list goes on to the last page", async () => {
    const namespace = await newNamespace();
    const names = Array.from(
      { length: 102 },
      (_, i) => `${namespace}/r${String(i).padStart(3, "0")}`,
    );
    for (const name of names) await api("/repositories", { method: "POST", body: { name } });
    const { items } = await json<Items<{ name: string }>>(`repo list --namespace ${namespace}`);
    expect(items.map(({ name }) => name)).toEqual(names);
  });

  test("tags and manifests: list, and delete a tag", async () => {
    const name = `${await newNamespace()}/app`;
    const digest = await push(name, "v1");
    expect(await ok(`tag list ${name}`)).toMatch(new RegExp(`^v1 .* ${digest}$`, "m"));
    expect(await ok(`manifest list ${name}`)).toMatch(new RegExp(`^${digest} .* v1$`, "m"));
    expect(await ok(`tag delete ${name}:v1 --yes`)).toBe(
      `Tag ${name}:v1 was deleted; the manifest stays. To undo, within 7 days (until ${inAWeek()}): slipway trash restore ${name}:v1\n`,
    );
    expect(await ok(`tag list ${name}`)).toBe(`${name} has no tags.\n`);
    const again = await slipway(`tag delete ${name}:v1 --yes`);
    expect([again.code, again.stderr]).toEqual([
      1,
      `slipway: there is no tag ${name}:v1\nslipway tag list ${name} lists those that are there\n`,
    ]);
  });

  test("several tags are deleted at once, and what must stay is told", async () => {
    const name = `${await newNamespace()}/app`;
    for (const tag of ["v1", "v2", "held"]) await push(name, tag);
    await ok(`repo set ${name} --immutable held`);
    const tags = ["v1", "held", "none", "v2"].map((tag) => `${name}:${tag}`).join(" ");
    const { code, stdout, stderr } = await slipway(`tag delete ${tags} --yes`);
    expect([code, stdout]).toEqual([
      1,
      `2 of 4 tags were deleted; their manifests stay. To undo, within 7 days (until ${inAWeek()}): slipway trash restore ${name}:v1\n`,
    ]);
    expect(stderr).toContain("slipway: 2 were not deleted: ");
    expect(stderr).toContain(`${name}:held: the tag held is immutable`);
    expect(stderr).toContain(`${name}:none: manifest unknown`);
    const { items } = await json<Items<{ name: string }>>(`tag list ${name}`);
    expect(items.map(({ name: tag }) => tag)).toEqual(["held"]);
  });
});

/** The first column of a table. */
function firstColumn(table: string): (string | undefined)[] {
  return table
    .split("\n")
    .slice(1)
    .map((line) => line.split(" ")[0]);
}

describe("search", () => {
  test("is a table, the API's answer, or a sentence; tags are sorted and filtered", async () => {
    const name = `${await newNamespace()}/payments-gateway`;
    await push(name, "v1.9");
    await push(name, "v1.10");
    const found = await ok(`search gateway ${name.split("/")[0] ?? ""}`);
    expect(found).toMatch(/^NAME +VISIBILITY +TAGS +PUSHED \(UTC\) +DESCRIPTION\n/);
    expect(found).toMatch(new RegExp(`^${name} +private +2 +20`, "m"));
    const answer = await json<Items<{ name: string }>>(`search ${name} --sort name --limit 1`);
    expect(answer).toMatchObject({ items: [{ name }], matches: 1, complete: true });
    expect(await ok(`search ${name} --visibility public`)).toBe(
      "No repository that you can pull from matches.\n",
    );
    expect(firstColumn(await ok(`tag list ${name} --sort version`))).toEqual(["v1.10", "v1.9", ""]);
    expect(firstColumn(await ok(`tag list ${name} --filter .9`))).toEqual(["v1.9", ""]);
    expect(await ok(`tag list ${name} --filter x`)).toBe(
      `${name} has no tags with "x" in their names.\n`,
    );
    expect((await slipway(`search ${name} --limit 0`)).code).toBe(2);
  });
});

describe("audit", () => {
  test("is a table, or JSON lines", async () => {
    const namespace = await newNamespace();
    await ok(`repo create ${namespace}/app`);
    await ok(`repo delete ${namespace}/app --yes`);
    const said = await ok(`audit --repository ${namespace}/app --since 1d`);
    expect(said).toMatch(/^TIME \(UTC\) +OUTCOME +ACTION/);
    expect(said.match(new RegExp(` ${namespace}/app `, "g"))).toHaveLength(2);
    const lines = await ok(`audit --json --namespace ${namespace} --actor admin`);
    const events = lines
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { namespace: string });
    expect(events.length).toBeGreaterThanOrEqual(3);
    expect(events.every((event) => event.namespace === namespace)).toBe(true);
    expect(await ok(`audit --namespace ${namespace} --until 7d`)).toBe(
      "No event matches these filters.\n",
    );
  });
});

describe("launcher", () => {
  test("a Node that runs no TypeScript leaves it to the project's own", async () => {
    const env = { PATH: process.env["PATH"], XDG_CONFIG_HOME: home };
    for (const [args, code] of [
      [["whoami"], 0],
      [["whoami", "--bogus"], 2],
    ] as const) {
      const old = spawn(process.execPath, ["--no-strip-types", LAUNCHER, ...args], { env });
      const exit = once(old, "exit");
      const [stdout, stderr] = await Promise.all([text(old.stdout), text(old.stderr)]);
      expect(await exit).toEqual([code, null]);
      expect(stdout.includes(server.host)).toBe(code === 0);
      expect(stderr === "").toBe(code === 0);
    }
  });
});

describe("mistakes", () => {
  test.each([
    ["user lst", "slipway: unknown command 'lst'"],
    ["user create", "slipway: missing required argument 'name'"],
    ["user list --bogus", "slipway: unknown option '--bogus'"],
    ["member set acme bob boss", 'slipway: <role> cannot be "boss". Allowed choices'],
    ["robot create ci --pull a/*", 'slipway: <name> cannot be "ci". It lies in a namespace'],
    ["repo set acme/app", "slipway: what is to be changed?"],
    ["trust add github octo --push a/*", 'slipway: "octo" is no repository'],
    ["trust add gitlab a/b --push a/*", "slipway: required option '--project-id <n>' not spec"],
  ])("%s exits with 2", async (line, said) => {
    const { code, stdout, stderr } = await slipway(line);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr.startsWith(said)).toBe(true);
  });

  test("help is no mistake", async () => {
    expect(await ok("trust add github --help")).toContain("--registry <host>");
  });

  test("without a registry it says how to name one", async () => {
    const env = { XDG_CONFIG_HOME: join(home, "none") };
    const { code, stderr } = await slipway("whoami", { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^slipway: which registry\?\n.*--registry or SLIPWAY_REGISTRY\.\n$/);
  });

  test("without credentials it says how to log in", async () => {
    const env = { XDG_CONFIG_HOME: join(home, "none") };
    const { code, stderr } = await slipway(`whoami --registry ${server.url}`, { env });
    expect([code, stderr]).toEqual([
      1,
      `slipway: log in first\nLog in: slipway login ${server.host}\n`,
    ]);
  });

  test("a registry that is not there is named, with the reason", async () => {
    const { code, stderr } = await slipway("whoami --registry 127.0.0.1:1");
    expect(code).toBe(1);
    expect(stderr).toMatch(/^slipway: cannot reach http:\/\/127\.0\.0\.1:1: .+\n$/);
  });

  test("a login is only for the registry that it was created at", async () => {
    const seen: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(302, { location: server.url }).end();
    });
    const url = await listening(other);
    const { code, stderr } = await slipway(`whoami --registry ${url}`);
    other.close();
    expect([code, seen]).toEqual([1, [undefined]]);
    expect(stderr).toBe(`slipway: cannot reach ${url}: unexpected redirect\n`);
  });

  test("what the registry says in a refusal does not move the cursor", async () => {
    const detail = "no\u001B[2Jsuch\r\nthing\u009B1A";
    const other = createServer((_request, response) => {
      response.writeHead(404, { "content-type": "application/problem+json" });
      response.end(JSON.stringify({ detail, errors: [{ message: "\u0007bell" }] }));
    });
    const url = await listening(other);
    const { stderr } = await slipway(`whoami --registry ${url}`);
    other.close();
    expect(stderr).toBe("slipway: no\uFFFD[2Jsuch thing\uFFFD1A; \uFFFDbell\n");
  });

  test("an answer that is no JSON is no registry's", async () => {
    const other = createServer((_request, response) => response.end("<html>"));
    const url = await listening(other);
    const { code, stderr } = await slipway(`whoami --registry ${url}`);
    other.close();
    expect(code).toBe(1);
    expect(stderr).toBe(`slipway: ${url} answered no JSON: is it a Slipway registry?\n`);
  });

  test("an unreadable configuration is named", async () => {
    const env = { XDG_CONFIG_HOME: await mkdtemp(join(home, "broken-")) };
    await ok(`login ${server.host} -u admin --password-stdin`, {
      env,
      input: server.password,
    });
    await writeFile(join(env.XDG_CONFIG_HOME, "slipway", "config.json"), "{");
    const { code, stderr } = await slipway("whoami", { env });
    expect(code).toBe(1);
    expect(stderr).toContain("config.json: it is no JSON; delete it and log in again");
  });
});

const secret: unknown = expect.stringMatching(/^slp_/);

interface Items<T> {
  readonly items: readonly T[];
}

interface Issued {
  readonly id: string;
  readonly secret: string;
}

interface Robot {
  readonly tokens: readonly { readonly id: string }[];
}

function newName(kind: string): string {
  return `${kind}${++counter}`;
}

async function newUser(): Promise<string> {
  const name = newName("user");
  await api("/users", { method: "POST", body: { name, password: PASSWORD } });
  return name;
}

async function newNamespace(name = newName("ns")): Promise<string> {
  await api("/namespaces", { method: "POST", body: { name } });
  return name;
}

interface Asking {
  readonly method?: string;
  readonly body?: object;
  readonly user?: string;
  readonly password?: string;
}

async function ask(path: string, asking: Asking): Promise<Response> {
  const { method = "GET", body, user = "admin", password = server.password } = asking;
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  return fetch(`${server.url}/api/v1${path}`, {
    method,
    headers: { authorization, "content-type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
  });
}

async function api(path: string, asking: Asking = {}): Promise<unknown> {
  return (await ask(path, asking)).json();
}

async function status(path: string): Promise<number> {
  return (await ask(path, {})).status;
}

function me(user: string, password: string): Promise<unknown> {
  return api("/me", { user, password });
}

async function tokensOf(user: string): Promise<readonly unknown[]> {
  return ((await api("/tokens", { user, password: PASSWORD })) as Items<unknown>).items;
}

async function roles(namespace: string): Promise<string[]> {
  const answer = await api(`/namespaces/${namespace}/members`);
  const { items } = answer as Items<{ user: string; role: string; repositories: string }>;
  return items.map(({ user, role, repositories }) => `${user} ${role} ${repositories}`);
}

/** Pushes an image without layers. @returns its digest */
async function push(name: string, tag: string): Promise<string> {
  const authorization = `Basic ${Buffer.from(`admin:${server.password}`).toString("base64")}`;
  const mediaType = "application/vnd.oci.empty.v1+json";
  const digest = digestOf("{}");
  const v2 = `${server.url}/v2/${name}`;
  const blob = await fetch(`${v2}/blobs/uploads/?digest=${digest}`, {
    method: "POST",
    headers: { authorization, "content-type": "application/octet-stream" },
    body: "{}",
  });
  expect(blob.status).toBe(201);
  const config = { mediaType, digest, size: 2 };
  const body = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [] });
  const headers = { authorization, "content-type": MANIFEST };
  const manifest = await fetch(`${v2}/manifests/${tag}`, { method: "PUT", headers, body });
  expect(manifest.status).toBe(201);
  return digestOf(body);
}

function digestOf(content: string): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/** GitHub's answer for one repository, as docs.github.com shows it: the real one cannot be asked from everywhere. */
async function fakeGitHub() {
  let authorization: string | undefined;
  const http = createServer((request, response) => {
    authorization = request.headers.authorization;
    const isKnown = request.url === "/repos/octo/app";
    response.writeHead(isKnown ? 200 : 404, { "content-type": "application/json" });
    const found = { id: 1296269, full_name: "Octo/App", owner: { id: 583231, login: "Octo" } };
    response.end(JSON.stringify(isKnown ? found : { message: "Not Found" }));
  });
  const url = await listening(http);
  return {
    url,
    get authorization() {
      return authorization;
    },
    close: () => http.close(),
  };
}

async function listening(http: ReturnType<typeof createServer>): Promise<string> {
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}
