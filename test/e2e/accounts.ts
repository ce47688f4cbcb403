/** The accounts of a client, made through the management API, in a namespace for each client. */
import { randomBytes } from "node:crypto";
import type { Algorithm, Issuer } from "./issuer.ts";
import type { Registry } from "./registry.ts";
import { hide } from "./shell.ts";

/** A name and its password; the label tells its stored login from others. */
export interface Account {
  label: string;
  user: string;
  secret: string;
}

/** The ways to log in; each of these may push to all of the namespace. */
export const KINDS = ["password", "token", "robot", "oidc", "exchanged"] as const;
export type Kind = (typeof KINDS)[number];

export interface Accounts {
  namespace: string;
  kinds: Record<Kind, Account>;
  /** An account that may only pull, by its role or by the scopes of its credentials. */
  reader: Account;
  pullToken: Account;
  pullRobot: Account;
  pullJob: Account;
  /** Belongs to nothing here. */
  stranger: Account;
  /** Good until it's revoked. */
  doomed: { account: Account; revoke: () => Promise<void> };
  refused: {
    wrongPassword: Account;
    unknownUser: Account;
    expiredJob: Account;
    wrongClaim: Account;
    wrongAudience: Account;
  };
}

interface Login {
  user: string;
  secret: string;
}

interface Setting {
  registry: Registry;
  issuer: Issuer;
  namespace: string;
}

const MINUTE = 60;

export async function makeAccounts(setting: Setting): Promise<Accounts> {
  const { registry, namespace } = setting;
  await post(registry, "/namespaces", { name: namespace });
  const [writer, reader, stranger] = await Promise.all(
    ["writer", "reader", "stranger"].map((role) => makeUser(setting, role)),
  );
  if (writer === undefined || reader === undefined || stranger === undefined) throw new Error();
  const all = `${namespace}/*`;
  const pull = [{ repositories: all, actions: ["pull"] }];
  const push = [{ repositories: all, actions: ["push"] }];
  await makeRule(setting, { name: "ci", scopes: push, lifetime: 15 * MINUTE });
  await makeRule(setting, { name: "deploy", scopes: pull, lifetime: 15 * MINUTE });
  const token = await makeToken(registry, writer, push);
  const pullToken = await makeToken(registry, writer, pull);
  const doomed = await makeToken(registry, writer, push);
  return {
    namespace,
    kinds: {
      password: writer,
      token: { label: "token", user: writer.user, secret: token.secret },
      robot: await makeRobot(setting, "ci", push),
      oidc: await job(setting, "oidc", { rule: "ci" }),
      exchanged: (await exchange(setting, "exchanged", "ci")).account,
    },
    reader,
    pullToken: { label: "pull-token", user: writer.user, secret: pullToken.secret },
    pullRobot: await makeRobot(setting, "deploy", pull),
    pullJob: await job(setting, "pull-job", { rule: "deploy" }),
    stranger,
    doomed: {
      account: { label: "doomed", user: writer.user, secret: doomed.secret },
      revoke: async () => {
        await api(registry, `DELETE /tokens/${doomed.id}`, { as: writer });
      },
    },
    refused: await makeRefused(setting, reader),
  };
}

async function makeRefused(setting: Setting, { user, secret }: Account) {
  return {
    wrongPassword: { label: "wrong", user, secret: `not-${secret}` },
    unknownUser: { label: "unknown", user: "nobody-of-that-name", secret },
    expiredJob: await job(setting, "expired-job", { rule: "ci", seconds: -MINUTE }),
    wrongClaim: await job(setting, "wrong-claim", { rule: "elsewhere" }),
    wrongAudience: await job(setting, "wrong-audience", { rule: "ci", audience: "https://a.test" }),
  };
}

/** Makes an exchanged credential that is valid for a minute. */
export async function makeBrief(registry: Registry, issuer: Issuer) {
  const setting = { registry, issuer, namespace: "brief" };
  const scopes = [{ repositories: "brief/*", actions: ["push"] }];
  await post(registry, "/namespaces", { name: setting.namespace });
  await makeRule(setting, { name: "brief", scopes, lifetime: MINUTE });
  return exchange(setting, "brief", "brief");
}

/** Makes a public repository, which everyone may pull from. */
export async function makePublic(registry: Registry, name: string): Promise<void> {
  await post(registry, "/repositories", { name, visibility: "public" });
}

async function makeUser({ registry, namespace }: Setting, role: string): Promise<Account> {
  const user = `${role}-${namespace}`;
  const secret = randomBytes(12).toString("hex");
  hide(secret);
  await post(registry, "/users", { name: user, password: secret });
  if (role !== "stranger") {
    await api(registry, `PUT /namespaces/${namespace}/members/${user}`, { body: { role } });
  }
  return { label: role === "writer" ? "password" : role, user, secret };
}

type Scopes = { repositories: string; actions: string[] }[];

async function makeToken(registry: Registry, as: Login, scopes: Scopes) {
  const body = { description: "npm run clients", scopes, expiresInDays: 1 };
  const { id, secret } = await post(registry, "/tokens", body, as);
  hide(secret);
  return { id, secret };
}

async function makeRobot(
  { registry, namespace }: Setting,
  name: string,
  scopes: Scopes,
): Promise<Account> {
  const made = await post(registry, `/namespaces/${namespace}/robots`, { name, scopes });
  hide(made.secret);
  const label = name === "ci" ? "robot" : "pull-robot";
  return { label, user: `${namespace}+${name}`, secret: made.secret };
}

interface Rule {
  name: string;
  scopes: Scopes;
  lifetime: number;
}

async function makeRule({ registry, issuer, namespace }: Setting, rule: Rule): Promise<void> {
  const claims = { repository: [repositoryOf(namespace, rule.name)] };
  const body = { ...rule, issuer: issuer.url, audience: registry.url, claims };
  await post(registry, `/namespaces/${namespace}/trust-rules`, body);
}

function repositoryOf(namespace: string, rule: string): string {
  return `${namespace}/source-${rule}`;
}

interface JobOptions {
  rule: string;
  seconds?: number;
  audience?: string;
  algorithm?: Algorithm;
}

/** The ID token of a job in the repository that the rule trusts. */
async function job(
  { registry, issuer, namespace }: Setting,
  label: string,
  { rule, audience = registry.url, ...options }: JobOptions,
): Promise<Account> {
  const claims = { repository: repositoryOf(namespace, rule) };
  const secret = await issuer.sign({ audience, claims, ...options });
  hide(secret);
  return { label, user: "oidc", secret };
}

/** Exchanges an ID token, signed with another algorithm than where it is the password itself. */
async function exchange(setting: Setting, label: string, rule: string) {
  const { secret } = await job(setting, label, { rule, algorithm: "ES256" });
  const made = await api(setting.registry, "POST /oidc/exchange", {
    body: { token: secret, namespaces: [setting.namespace] },
    as: null,
  });
  hide(made.password);
  const account = { label, user: made.username, secret: made.password };
  return { account, ends: Date.parse(made.expiresAt) };
}

function post(registry: Registry, path: string, body: object, as?: Login) {
  return api(registry, `POST ${path}`, as === undefined ? { body } : { body, as });
}

/** The fields of the API's answers that are read; each answer has some of them. */
interface Answer {
  id: string;
  secret: string;
  username: string;
  password: string;
  expiresAt: string;
}

const NOTHING: Answer = { id: "", secret: "", username: "", password: "", expiresAt: "" };

interface Call {
  body?: object;
  /** The caller: the administrator unless given; null for an anonymous request. */
  as?: Login | null;
}

async function api(
  registry: Registry,
  endpoint: string,
  { body, as = { user: registry.user, secret: registry.password } }: Call,
): Promise<Answer> {
  const [method = "", path = ""] = endpoint.split(" ");
  const headers: Record<string, string> = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (as !== null) {
    headers["authorization"] = `Basic ${Buffer.from(`${as.user}:${as.secret}`).toString("base64")}`;
  }
  const response = await fetch(`${registry.url}/api/v1${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${endpoint}: ${response.status} ${text}`);
  return text === "" ? NOTHING : (JSON.parse(text) as Answer);
}
